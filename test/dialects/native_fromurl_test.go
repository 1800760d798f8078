package dialects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/peers"
	"github.com/inlethq/inlet/test/samples"
)

// tagdRemote is a server on 127.0.0.1 that files are fetched from: the one address that is not public and may be reached.
func tagdRemote(t *testing.T, h http.HandlerFunc) (base string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// tagdServe gives a sample at every path.
func tagdServe(s samples.Sample) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if s.Type != "" {
			w.Header().Set("Content-Type", s.Type)
		}
		_, _ = w.Write(s.Data)
	}
}

// tagdEndless gives a text without an end.
func tagdEndless(w http.ResponseWriter, _ *http.Request) {
	line := []byte(strings.Repeat("and so on ", 400) + "\n")
	for {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// tagdURL is the body of a request to fetch a URL.
func tagdURL(rawURL string) string {
	text, err := json.Marshal(map[string]string{"url": rawURL})
	must(err)
	return string(text)
}

func tagdFromURL(t *testing.T, e *env) {
	photo, pdf := samples.JPEG(64, 48, 1), samples.PDF("A page.")
	base := tagdRemote(t, tagdSite(map[string]samples.Sample{
		"/document.pdf":  pdf,
		"/photo.php":     {Type: "text/html", Data: photo.Data}, // lies about its type
		"/named":         {Name: `attachment; filename="r.pdf"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`, Data: pdf.Data},
		"/traversal":     {Name: `attachment; filename="../../etc/a.pdf"`, Data: pdf.Data},
		"/untyped":       {Data: photo.Data},
		"/":              {Data: pdf.Data},
		"/my%20page.pdf": pdf,
	}))
	tag := unique()
	route := "/v1/tags/" + tag + "/files/from-url"
	for path, want := range map[string]struct{ name, mediaType string }{
		"/document.pdf?sig=secret": {"document.pdf", pdf.Type},
		"/photo.php?id=3":          {"photo.jpg", photo.Type},
		"/named":                   {"résumé.pdf", pdf.Type},
		"/traversal":               {"a.pdf", pdf.Type},
		"/untyped":                 {"untyped.jpg", photo.Type},
		"":                         {"file.pdf", pdf.Type},
		"/my%20page.pdf":           {"my page.pdf", pdf.Type},
		"/moved?to=/document.pdf":  {"document.pdf", pdf.Type},
	} {
		r := e.JSON(t, route, auth(e.Key("rw")), tagdURL(base+path)).Want(t, http.StatusCreated)
		f := tagdFile(t, r)
		if f.Name != want.name || f.OriginalName != want.name || f.MimeType != want.mediaType || f.State != "ready" || r.Header.Get("Location") != e.Base()+"/v1/files/"+f.ID {
			t.Errorf("%s: %+v, %v", path, f, r.Header)
		}
		if got := tagdGet(t, e, f.ID); got.TagID != tag {
			t.Errorf("%s: the tag is %q", path, got.TagID)
		}
	}
	named := tagdFile(t, e.JSON(t, "/v1/files/from-url", auth(e.Key("rw")), `{"url":"`+base+`/document.pdf","name":"External Document","description":"d","expires_in":3600}`).Want(t, http.StatusCreated))
	if named.Name != "External Document" || named.OriginalName != "document.pdf" || named.Description != "d" || named.ExpiresAt.IsZero() {
		t.Errorf("with a name: %+v", named)
	}
	if got := e.Get(t, named.URL, auth(e.Key("read"))).Want(t, http.StatusOK); !bytes.Equal(got.Body, pdf.Data) {
		t.Error("the bytes are not those of the URL")
	}
	tagdFromURLLater(t, e, base+"/document.pdf?sig=secret")
}

// tagdSite gives each path's sample, whose name is its Content-Disposition, and redirects /moved to where its query says.
func tagdSite(pages map[string]samples.Sample) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		s, ok := pages[r.URL.EscapedPath()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if s.Name != "" && strings.Contains(s.Name, ";") {
			w.Header().Set("Content-Disposition", s.Name)
		}
		tagdServe(s)(w, r)
	}
}

// tagdFromURLLater has a file fetched after the answer.
func tagdFromURLLater(t *testing.T, e *env, rawURL string) {
	t.Helper()
	route := tagdTag()
	h := auth(e.Key("rw"), "Prefer", "respond-async", "Idempotency-Key", unique())
	r := e.JSON(t, route+"/from-url", h, tagdURL(rawURL)).Want(t, http.StatusAccepted)
	f := tagdFile(t, r)
	if f.State != "pending" || f.OriginalName != "document.pdf" || r.Header.Get("Preference-Applied") != "respond-async" || r.Header.Get("Location") == "" {
		t.Errorf("announced %+v, %v", f, r.Header)
	}
	got := tagdBecomes(t, e, f.ID, "ready")
	if got.Size == 0 || got.MimeType != samples.TypePDF || got.Name != "document.pdf" {
		t.Errorf("fetched %+v", got)
	}
	again := e.JSON(t, route+"/from-url", h, tagdURL(rawURL))
	if same := tagdFile(t, again); same.ID != f.ID || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %+v, %v", same, again.Header)
	}
	if p := tagdPage(t, e, "read", route, ""); p.Pagination.Total != 1 {
		t.Errorf("%d files after the same request again", p.Pagination.Total)
	}
	for _, path := range []string{"/v1/files/" + f.ID, "/v1/files/" + f.ID + "/timeline", route} {
		if got := e.Get(t, path, auth(e.Key("read"))); bytes.Contains(got.Body, []byte("secret")) || bytes.Contains(r.Body, []byte("secret")) {
			t.Errorf("%s shows where the file came from: %s", path, got.excerpt())
		}
	}
	gone := rawURL[:strings.LastIndexByte(rawURL, '/')] + "/nothing.pdf"
	failing := tagdFile(t, e.JSON(t, route+"/from-url", auth(e.Key("rw")), `{"url":"`+gone+`","wait":false}`).Want(t, http.StatusAccepted))
	if got := tagdBecomes(t, e, failing.ID, "failed"); got.Reason != "invalid_url" {
		t.Errorf("the reason is %q", got.Reason)
	}
}

// tagdBecomes waits until a file is in a state.
func tagdBecomes(t *testing.T, e *env, id, state string) (f api.File) {
	t.Helper()
	harness.Eventually(t, harness.Limit, func() error {
		if f = tagdGet(t, e, id); f.State != state {
			return fmt.Errorf("the file is %s (%s), not %s", f.State, f.Reason, state)
		}
		return nil
	})
	return f
}

func tagdFromURLBody(t *testing.T, e *env) {
	base := tagdRemote(t, tagdSite(map[string]samples.Sample{
		"/a.pdf": samples.PDF("A page."), "/page.jpg": samples.HTMLAsJPEG(), "/page": {Data: samples.HTMLAsJPEG().Data}, "/app.js": tagdNote(),
		"/setup": {Data: samples.ELFAsText().Data}, "/empty.txt": {},
	}))
	route := tagdTag() + "/from-url"
	h := auth(e.Key("rw"))
	for _, body := range []string{
		``, `{`, `{}`, `[]`, `null`, `{"url":""}`, `{"url":1}`, `{"name":"a"}`, `{"url":"` + base + `/a.pdf","size":1}`, `{"url":"` + base + `/a.pdf"}{}`,
		`{"url":"` + base + `/a.pdf","expires_in":0}`, `{"url":"` + base + `/a.pdf","expires_in":1.5}`, `{"url":"` + base + `/a.pdf","expires_in":1e309}`,
		`{"url":"` + base + `/a.pdf","description":"` + strings.Repeat("a", 33<<10) + `"}`, `{"url":"` + base + `/a.pdf","name":"` + strings.Repeat("a", 256) + `"}`,
	} {
		if code := tagdCode(t, e.JSON(t, route, h, body).Want(t, http.StatusBadRequest)); code != "invalid_request" {
			t.Errorf("%.80s: %s", body, code)
		}
	}
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"/nothing":              {http.StatusBadRequest, "invalid_url"},
		"/moved?to=/nothing":    {http.StatusBadRequest, "invalid_url"},
		"/moved?to=//10.0.0.1/": {http.StatusBadRequest, "invalid_url"},
		"/moved?to=/moved?to=x": {http.StatusBadRequest, "invalid_url"},
		"/page.jpg":             {http.StatusUnsupportedMediaType, "type_mismatch"},
		"/page":                 {http.StatusUnsupportedMediaType, "unsupported_file_type"},
		"/app.js":               {http.StatusUnsupportedMediaType, "unsupported_file_type"},
		"/setup":                {http.StatusUnsupportedMediaType, "unsupported_file_type"},
		"/empty.txt":            {http.StatusBadRequest, "empty_file"},
	} {
		if code := tagdCode(t, e.JSON(t, route, h, tagdURL(base+path)).Want(t, want.status)); code != want.code {
			t.Errorf("%s: %s", path, code)
		}
	}
	// The order of checks: who calls, the scope, the tag, the body, the URL.
	bad := "/v1/tags/no%20tag/files/from-url"
	e.JSON(t, bad, headers(), `{`).Want(t, http.StatusUnauthorized)
	e.JSON(t, bad, auth(e.Key("read")), `{`).Want(t, http.StatusForbidden)
	e.JSON(t, bad, h, `{`).Want(t, http.StatusNotFound)
	if p := tagdPage(t, e, "read", strings.TrimSuffix(route, "/from-url"), "state=ready,pending,rejected,failed"); p.Pagination.Total != 0 {
		t.Errorf("%d files are listed", p.Pagination.Total)
	}
	tagdBlocked(t, e, route)
}

// tagdBlocked shows that what must not be fetched is answered as what cannot be, so that nobody learns which is which.
func tagdBlocked(t *testing.T, e *env, route string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(peers.Root(), "services/ingest/internal/fetch/testdata/blocked.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"success":false,"error":{"code":"invalid_url","message":"The URL cannot be fetched"}}`
	e.JSON(t, route, auth(e.Key("rw")), tagdURL("http://nothing.invalid/")).Want(t, http.StatusBadRequest).WantBody(t, body)
	blocked := 0
	for line := range strings.Lines(string(text)) {
		rawURL := strings.TrimSuffix(line, "\n")
		if rawURL == "" || rawURL[0] == '#' || tagdLoopback(rawURL) {
			continue
		}
		blocked++
		if r := e.JSON(t, route, auth(e.Key("rw")), tagdURL(rawURL)); r.Status != http.StatusBadRequest || string(r.Body) != body {
			t.Errorf("%q is %d\n%s", rawURL, r.Status, r.excerpt())
		}
	}
	if blocked < 100 {
		t.Errorf("only %d URLs were tried", blocked)
	}
}

// tagdLoopback reports whether a URL leads to 127.0.0.1, which the systems of these tests may reach.
func tagdLoopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Unmap() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || strings.HasPrefix(strings.ToLower(u.Hostname()), "localhost")
}
