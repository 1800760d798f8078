package native

import (
	"crypto/sha1" //nolint:gosec // a checksum of the protocol
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

const (
	annKey   = "tagd_test_ann_00000000000000000000"
	beaKey   = "tagd_test_bea_00000000000000000000"
	chiefKey = "chief@acme.test:secret"
	otherKey = "tagd_test_other_000000000000000000"
	viewKey  = "tagd_test_read_0000000000000000000"
)

const uploaders = `
tenants:
  - {id: acme, plan: unlimited, limits: {max_file_size: 1000B, max_storage: 2000B}}
  - {id: globex, plan: unlimited}
users:
  - {id: ann, tenant: acme, roles: {tenant/acme: member}}
  - {id: bea, tenant: acme, roles: {tenant/acme: member}}
  - {id: chief, tenant: acme, email: chief@acme.test, password: secret, roles: {tenant/acme: admin}}
  - {id: hank, tenant: globex, roles: {tenant/globex: owner}}
api_keys:
  - {name: ann, tenant: acme, key: ` + annKey + `, user: ann, scopes: [files:read, files:write]}
  - {name: bea, tenant: acme, key: ` + beaKey + `, user: bea, scopes: [files:read, files:write]}
  - {name: read, tenant: acme, key: ` + viewKey + `, user: ann, scopes: [files:read]}
  - {name: other, tenant: globex, key: ` + otherKey + `, user: hank, scopes: [files:read, files:write]}
`

// uploads is a server of the dialect alone.
type uploads struct {
	t       *testing.T
	door    *door.Door
	dialect *Dialect
	server  *httptest.Server
}

func newUploads(t *testing.T, o doortest.Options, life time.Duration) *uploads {
	t.Helper()
	if o.Config.MaxUploads == 0 {
		o.Config.MaxUploads = 8
	}
	d := doortest.New(t, doortest.Directory(t, uploaders), o)
	dialect := New(Config{Door: d, UploadLife: life})
	server := httptest.NewServer(router.New(router.Config{Log: d.Log}, dialect))
	t.Cleanup(server.Close)
	return &uploads{t, d, dialect, server}
}

// ask sends a request. Its headers come in pairs; the key of ann is used where none is named.
func (u *uploads) ask(method, url, body string, headers ...string) (doortest.Answer, string) {
	u.t.Helper()
	return u.stream(method, url, strings.NewReader(body), headers...)
}

func (u *uploads) stream(method, url string, body io.Reader, headers ...string) (doortest.Answer, string) {
	u.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = u.server.URL + url
	}
	r, err := http.NewRequestWithContext(u.t.Context(), method, url, body)
	if err != nil {
		u.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("X-Api-Key", annKey)
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	if user, password, ok := strings.Cut(r.Header.Get("X-Api-Key"), ":"); ok {
		r.Header.Del("X-Api-Key")
		r.SetBasicAuth(user, password)
	}
	resp := doortest.Send(u.t, r)
	if resp.Status < 300 && resp.Header.Get("Tus-Resumable") != "1.0.0" {
		u.t.Errorf("%s %s: no Tus-Resumable in %v", method, url, resp.Header)
	}
	return resp, resp.Body
}

// metadata writes Upload-Metadata.
func metadata(pairs ...string) string {
	var list []string
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, pair[0]+" "+base64.StdEncoding.EncodeToString([]byte(pair[1])))
	}
	return strings.Join(list, ",")
}

// create begins an upload and returns its URL.
func (u *uploads) create(headers ...string) string {
	u.t.Helper()
	resp, body := u.ask(http.MethodPost, "/v1/uploads", "", append([]string{"Upload-Metadata", metadata("filename", "note.txt")}, headers...)...)
	if resp.Status != http.StatusCreated {
		u.t.Fatalf("%d %s", resp.Status, body)
	}
	return resp.Header.Get("Location")
}

func (u *uploads) patch(url string, offset int, body string, headers ...string) (doortest.Answer, string) {
	u.t.Helper()
	return u.ask(http.MethodPatch, url, body, append([]string{"Upload-Offset", strconv.Itoa(offset)}, headers...)...)
}

// at checks where an upload is.
func (u *uploads) at(url string, offset string) http.Header {
	u.t.Helper()
	resp, _ := u.ask(http.MethodHead, url, "")
	if got := resp.Header.Get("Upload-Offset"); resp.Status != http.StatusOK || got != offset {
		u.t.Errorf("%d: the upload is at %q, not at %s", resp.Status, got, offset)
	}
	return resp.Header
}

func (u *uploads) file(id string) *file.File {
	u.t.Helper()
	f, err := u.door.Core.Get(u.t.Context(), "acme", file.ByID(file.ID(id)))
	if err != nil {
		u.t.Fatalf("%q: %v", id, err)
	}
	return f
}

func (u *uploads) used() int64 {
	u.t.Helper()
	a, err := u.door.Core.Usage(u.t.Context(), "acme")
	if err != nil {
		u.t.Fatal(err)
	}
	return a.Used
}

// wantRefusal checks an answer's status and the code in its body.
func wantRefusal(t *testing.T, resp doortest.Answer, body string, status int, code string) {
	t.Helper()
	var e errorBody
	err := json.Unmarshal([]byte(body), &e)
	if err != nil || resp.Status != status || e.Error.Code != code || e.Error.Message == "" || e.Success {
		t.Errorf("%d %s (%v), want %d %s", resp.Status, body, err, status, code)
	}
}

func TestResumableUpload(t *testing.T) {
	u := newUploads(t, doortest.Options{Config: door.Config{PublicURL: "https://files.acme.test"}}, time.Hour)
	sum := sha256.Sum256([]byte("hello world"))
	meta := metadata("filename", "note.txt", "filetype", "text/plain", "name", "A note", "description", "of two words", "expires_in", "600",
		"tag", "holiday", "sha256", strings.ToUpper(hex.EncodeToString(sum[:])), "relativePath", "a/b")
	at := u.create("Upload-Length", "11", "Upload-Metadata", meta)
	id, found := strings.CutPrefix(at, "https://files.acme.test/v1/uploads/")
	if !found {
		t.Fatalf("it is at %q", at)
	}
	at = "/v1/uploads/" + id
	h := u.at(at, "0")
	until, err := http.ParseTime(h.Get("Upload-Expires"))
	if err != nil || time.Until(until) > time.Hour || time.Until(until) < 55*time.Minute || h.Get("Upload-Length") != "11" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v in %v", err, h)
	}
	if got := h.Get("Upload-Metadata"); len(got) != len(meta) || !strings.Contains(got, "relativePath YS9i") {
		t.Errorf("metadata %q", got)
	}
	resp, body := u.patch(at, 0, "hello")
	if resp.Status != http.StatusNoContent || resp.Header.Get("Upload-Offset") != "5" || resp.Header.Get("Upload-Expires") == "" || resp.Header.Get("Inlet-File-Id") != "" {
		t.Fatalf("%d %s %v", resp.Status, body, resp.Header)
	}
	resp, body = u.patch(at, 4, " world")
	wantRefusal(t, resp, body, http.StatusConflict, "mismatched_offset")
	resp, body = u.patch(at, 5, " world and more")
	wantRefusal(t, resp, body, http.StatusRequestEntityTooLarge, "upload_size_exceeded")
	u.at(at, "5")
	resp, body = u.patch(at, 5, " world")
	if resp.Status != http.StatusNoContent || resp.Header.Get("Upload-Offset") != "11" || resp.Header.Get("Inlet-File-Id") != id || resp.Header.Get("Upload-Expires") != "" {
		t.Fatalf("%d %s %v", resp.Status, body, resp.Header)
	}
	f := u.file(id)
	if f.Name != "A note" || f.Description != "of two words" || f.Parent.ID != "holiday" || f.Class != file.ClassTag || f.Created.ID != "ann" ||
		f.DeclaredType != "text/plain" || f.ExpiresAt.IsZero() || f.State != file.Pending || f.Via != "native" {
		t.Errorf("%+v", f)
	}
	h = u.at(at, "11")
	if h.Get("Inlet-File-Id") != id || h.Get("Upload-Length") != "11" || h.Get("Upload-Expires") != "" {
		t.Errorf("then %v", h)
	}
	if resp, _ := u.patch(at, 11, ""); resp.Status != http.StatusNoContent || resp.Header.Get("Inlet-File-Id") != id {
		t.Errorf("nothing more gave %d", resp.Status)
	}
	resp, body = u.ask(http.MethodDelete, at, "")
	wantRefusal(t, resp, body, http.StatusForbidden, "forbidden")
}

func TestCreationOfUploads(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	name := metadata("filename", "note.txt")
	for what, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"no version":        {[]string{"Tus-Resumable", "0.9", "Upload-Length", "5", "Upload-Metadata", name}, http.StatusPreconditionFailed, "unsupported_version"},
		"no length":         {[]string{"Upload-Metadata", name}, http.StatusBadRequest, "invalid_upload_length"},
		"two lengths":       {[]string{"Upload-Metadata", name, "Upload-Length", "5", "Upload-Defer-Length", "1"}, http.StatusBadRequest, "ambiguous_upload_length"},
		"a bad length":      {[]string{"Upload-Metadata", name, "Upload-Length", "-5"}, http.StatusBadRequest, "invalid_upload_length"},
		"no name":           {[]string{"Upload-Length", "5"}, http.StatusBadRequest, "filename_missing"},
		"an empty file":     {[]string{"Upload-Length", "0", "Upload-Metadata", name}, http.StatusBadRequest, "empty_file"},
		"too large":         {[]string{"Upload-Length", "1001", "Upload-Metadata", name}, http.StatusRequestEntityTooLarge, "file_too_large"},
		"a program":         {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.exe")}, http.StatusUnsupportedMediaType, "unsupported_file_type"},
		"another type":      {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "filetype", "image/png")}, http.StatusUnsupportedMediaType, "type_mismatch"},
		"a bad life":        {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "expires_in", "soon")}, http.StatusBadRequest, "invalid_request"},
		"a bad digest":      {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "sha256", "abc")}, http.StatusBadRequest, "invalid_request"},
		"a short digest":    {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "sha256", "abcd")}, http.StatusBadRequest, "invalid_request"},
		"a bad tag":         {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "tag", "a/b")}, http.StatusNotFound, "not_found"},
		"much to say":       {[]string{"Upload-Length", "5", "Upload-Metadata", metadata("filename", "a.txt", "x", strings.Repeat("x", 8<<10))}, http.StatusBadRequest, "invalid_request"},
		"who may only read": {[]string{"X-Api-Key", viewKey, "Upload-Length", "5", "Upload-Metadata", name}, http.StatusForbidden, "forbidden"},
		"nobody":            {[]string{"X-Api-Key", "wrong", "Upload-Length", "5", "Upload-Metadata", name}, http.StatusUnauthorized, "unauthorized"},
		"unknown parts":     {[]string{"Upload-Concat", "final;/v1/uploads/01J00000000000000000000001", "Upload-Metadata", name}, http.StatusNotFound, "not_found"},
		"no parts":          {[]string{"Upload-Concat", "final;", "Upload-Metadata", name}, http.StatusBadRequest, "invalid_concat"},
	} {
		resp, body := u.ask(http.MethodPost, "/v1/uploads", "", c.headers...)
		if resp.Status != c.status {
			t.Errorf("%s: %d", what, resp.Status)
		}
		wantRefusal(t, resp, body, c.status, c.code)
	}
	if n := u.used(); n != 0 {
		t.Errorf("%d bytes are charged", n)
	}
	u.create("Upload-Length", "1000")
	u.create("Upload-Length", "900")
	resp, body := u.ask(http.MethodPost, "/v1/uploads", "", "Upload-Length", "101", "Upload-Metadata", name)
	wantRefusal(t, resp, body, http.StatusInsufficientStorage, "storage_limit_exceeded")
}

func TestRightsOnUploads(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	at := u.create("Upload-Length", "5")
	for key, want := range map[string]int{annKey: http.StatusOK, beaKey: http.StatusForbidden, viewKey: http.StatusForbidden, chiefKey: http.StatusOK, otherKey: http.StatusNotFound} {
		if resp, _ := u.ask(http.MethodHead, at, "", "X-Api-Key", key); resp.Status != want {
			t.Errorf("%s: HEAD gave %d, want %d", key, resp.Status, want)
		}
		if want == http.StatusOK {
			continue
		}
		if resp, _ := u.patch(at, 0, "hello", "X-Api-Key", key); resp.Status != want {
			t.Errorf("%s: PATCH gave %d, want %d", key, resp.Status, want)
		}
		if resp, _ := u.ask(http.MethodDelete, at, "", "X-Api-Key", key); resp.Status != want {
			t.Errorf("%s: DELETE gave %d, want %d", key, resp.Status, want)
		}
	}
	resp, _ := u.ask(http.MethodPost, at, "", "X-HTTP-Method-Override", http.MethodDelete, "X-Api-Key", chiefKey)
	if resp.Status != http.StatusNoContent || u.used() != 0 {
		t.Errorf("an admin ends it: %d; %d bytes are charged", resp.Status, u.used())
	}
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		if resp, _ := u.ask(method, at, "", "Upload-Offset", "0"); resp.Status != http.StatusNotFound {
			t.Errorf("%s then gave %d", method, resp.Status)
		}
	}
	if resp, body := u.ask(http.MethodPost, at, ""); resp.Status != http.StatusNotFound {
		t.Errorf("POST gave %d %s", resp.Status, body)
	}
}

func TestWhatUploadsCan(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	resp, _ := u.ask(http.MethodOptions, "/v1/uploads", "")
	h := resp.Header
	if resp.Status != http.StatusNoContent || h.Get("Tus-Version") != "1.0.0" || h.Get("Tus-Max-Size") != "1000" || h.Get("Tus-Checksum-Algorithm") != "sha1,sha256,md5" ||
		h.Get("Tus-Extension") != "creation,creation-with-upload,termination,concatenation,creation-defer-length,expiration,checksum" {
		t.Errorf("%d %v", resp.Status, h)
	}
}

func TestCreationWithUpload(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	headers := []string{"Content-Type", "application/offset+octet-stream", "Upload-Metadata", metadata("filename", "note.txt"), "Upload-Length", "11", "Idempotency-Key", "k1"}
	resp, body := u.ask(http.MethodPost, "/v1/uploads", "hello", headers...)
	at := resp.Header.Get("Location")
	if resp.Status != http.StatusCreated || resp.Header.Get("Upload-Offset") != "5" || at == "" {
		t.Fatalf("%d %s %v", resp.Status, body, resp.Header)
	}
	resp, body = u.ask(http.MethodPost, "/v1/uploads", "hello world", headers...)
	if resp.Status != http.StatusCreated || resp.Header.Get("Upload-Offset") != "5" || resp.Header.Get("Location") != at || resp.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s %v", resp.Status, body, resp.Header)
	}
	if resp, _ := u.patch(at, 5, " world"); resp.Header.Get("Inlet-File-Id") == "" {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	resp, _ = u.ask(http.MethodPost, "/v1/uploads", "", headers...)
	if resp.Status != http.StatusCreated || resp.Header.Get("Inlet-File-Id") == "" {
		t.Errorf("after the end: %d %v", resp.Status, resp.Header)
	}
	resp, body = u.ask(http.MethodPost, "/v1/uploads", "", append(headers, "Upload-Length", "12")...)
	wantRefusal(t, resp, body, http.StatusUnprocessableEntity, "idempotency_key_reused")

	resp, _ = u.ask(http.MethodPost, "/v1/uploads", "hello world", append(headers, "Idempotency-Key", "k2")...)
	if resp.Status != http.StatusCreated || u.file(resp.Header.Get("Inlet-File-Id")).Size != 11 {
		t.Errorf("all at once: %d %v", resp.Status, resp.Header)
	}
}

func TestDeferredLength(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	at := u.create("Upload-Defer-Length", "1")
	if resp, body := u.stream(http.MethodPatch, at, io.MultiReader(strings.NewReader("hello")), "Upload-Offset", "0"); resp.Status != http.StatusNoContent {
		t.Fatalf("%d %s", resp.Status, body)
	}
	if h := u.at(at, "5"); h.Get("Upload-Defer-Length") != "1" || h.Get("Upload-Length") != "" {
		t.Errorf("%v", h)
	}
	resp, body := u.stream(http.MethodPatch, at, io.MultiReader(strings.NewReader(strings.Repeat("x", 1000))), "Upload-Offset", "5")
	wantRefusal(t, resp, body, http.StatusRequestEntityTooLarge, "file_too_large")
	resp, _ = u.patch(at, 5, " world", "Upload-Length", "11")
	if resp.Status != http.StatusNoContent || u.file(resp.Header.Get("Inlet-File-Id")).Size != 11 || u.used() != 11 {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
}

func TestChecksums(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	at := u.create("Upload-Length", "11", "Upload-Metadata", metadata("filename", "photo.txt"))
	sum := sha1.Sum([]byte("hello")) //nolint:gosec // as above
	good := "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	resp, body := u.patch(at, 0, "HELLO", "Upload-Checksum", good)
	wantRefusal(t, resp, body, 460, "checksum_mismatch")
	for _, bad := range []string{"crc32 AAAA", "sha1", "sha1 !", "sha1 AAAA"} {
		if resp, _ := u.patch(at, 0, "hello", "Upload-Checksum", bad); resp.Status != http.StatusBadRequest {
			t.Errorf("%q: %d", bad, resp.Status)
		}
	}
	u.at(at, "0")
	if resp, body := u.patch(at, 0, "hello", "Upload-Checksum", good); resp.Status != http.StatusNoContent {
		t.Errorf("%d %s", resp.Status, body)
	}
	u.at(at, "5")
}

func TestConcatenation(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	var parts []string
	for _, text := range []string{"hello ", strings.Repeat("x", 994)} {
		at := u.create("Upload-Concat", "partial", "Upload-Length", strconv.Itoa(len(text)), "Upload-Metadata", "", "Idempotency-Key", "all")
		if resp, body := u.patch(at, 0, text); resp.Status != http.StatusNoContent || resp.Header.Get("Inlet-File-Id") != "" {
			t.Fatalf("%d %s %v", resp.Status, body, resp.Header)
		}
		if h := u.at(at, strconv.Itoa(len(text))); h.Get("Upload-Concat") != "partial" || h.Get("Inlet-File-Id") != "" {
			t.Errorf("%v", h)
		}
		parts = append(parts, at)
	}
	open := u.create("Upload-Concat", "partial", "Upload-Length", "1", "Upload-Metadata", "")
	final := func(name string, parts ...string) (doortest.Answer, string) {
		return u.ask(http.MethodPost, "/v1/uploads", "", "Upload-Concat", "final;"+strings.Join(parts, " "), "Upload-Metadata", metadata("filename", name), "Idempotency-Key", "all")
	}
	resp, body := final("a.txt", parts[0], open)
	wantRefusal(t, resp, body, http.StatusBadRequest, "upload_not_finished")
	resp, body = final("a.jpg", parts...)
	wantRefusal(t, resp, body, http.StatusUnsupportedMediaType, "type_mismatch")
	resp, body = final("a.txt", parts[0], strings.TrimPrefix(parts[1], u.server.URL))
	id := resp.Header.Get("Inlet-File-Id")
	if resp.Status != http.StatusCreated || u.file(id).Size != 1000 || u.used() != 1001 {
		t.Fatalf("%d %s %v; %d bytes are charged", resp.Status, body, resp.Header, u.used())
	}
	at := resp.Header.Get("Location")
	if h := u.at(at, "1000"); h.Get("Inlet-File-Id") != id {
		t.Errorf("%v", h)
	}
	resp, body = u.patch(at, 1000, "x")
	wantRefusal(t, resp, body, http.StatusForbidden, "modify_final")
	if resp, _ := u.ask(http.MethodHead, parts[0], ""); resp.Status != http.StatusNotFound {
		t.Errorf("a part is still there: %d", resp.Status)
	}
	resp, body = final("a.txt", parts...)
	if resp.Status != http.StatusCreated || resp.Header.Get("Inlet-File-Id") != id || resp.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s", resp.Status, body)
	}
}

// A client that is cut off, and comes again while its first request still hangs, interrupts that one and goes on after what it had brought.
func TestANewRequestTakesOver(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	at := u.create("Upload-Length", "11")
	first := u.hang(u.dialect, at)
	u.at(at, "5")
	if got := <-first; !strings.Contains(got, "upload_interrupted") {
		t.Errorf("the first request ended with %s", got)
	}
	if resp, _ := u.patch(at, 5, " world"); resp.Header.Get("Inlet-File-Id") == "" {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
}

// A process that ends stores what its requests have brought by then, and tells their clients to go elsewhere.
func TestUploadsAreDrained(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	at := u.create("Upload-Length", "11")
	ending := New(Config{Door: u.door, UploadLife: time.Hour})
	first := u.hang(ending, at)
	ending.tus.Drain()
	if got := <-first; !strings.HasPrefix(got, "503") || !strings.Contains(got, "server_shutdown") {
		t.Errorf("the request ended with %s", got)
	}
	u.at(at, "5")
}

// hang sends "hello" by a request that then goes no further, to a server of the dialect, and returns once all five bytes have been read there.
// What it is answered comes as its status and its body.
func (u *uploads) hang(dialect *Dialect, at string) <-chan string {
	u.t.Helper()
	stuck := make(chan struct{})
	h := router.New(router.Config{Log: u.door.Log}, dialect)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &hanging{ReadCloser: r.Body, left: len("hello"), stuck: stuck}
		h.ServeHTTP(w, r)
	}))
	u.t.Cleanup(server.Close)
	body, more := io.Pipe()
	u.t.Cleanup(func() { _ = more.Close() }) // of a pipe: never fails
	answer := make(chan string, 1)
	go func() {
		resp, text := u.stream(http.MethodPatch, strings.Replace(at, u.server.URL, server.URL, 1), body, "Upload-Offset", "0")
		answer <- fmt.Sprint(resp.Status, text)
	}()
	if _, err := more.Write([]byte("hello")); err != nil {
		u.t.Fatal(err)
	}
	<-stuck
	return answer
}

// hanging closes stuck when it is read again after its last byte that comes.
type hanging struct {
	io.ReadCloser
	left  int
	stuck chan struct{}
}

func (h *hanging) Read(p []byte) (int, error) {
	if h.left == 0 {
		close(h.stuck)
	}
	n, err := h.ReadCloser.Read(p)
	h.left -= n
	return n, err
}

func TestUploadsTakePlaces(t *testing.T) {
	u := newUploads(t, doortest.Options{Config: door.Config{MaxUploads: 1, MaxShare: 1}}, time.Hour)
	at := u.create("Upload-Length", "11")
	leave, err := u.door.Enter(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	resp, body := u.patch(at, 0, "hello")
	wantRefusal(t, resp, body, http.StatusServiceUnavailable, "unavailable")
	u.at(at, "0")
	leave()
	if resp, body := u.patch(at, 0, "hello"); resp.Status != http.StatusNoContent {
		t.Errorf("%d %s", resp.Status, body)
	}
}

func TestUploadsExpire(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Nanosecond)
	at := u.create("Upload-Length", "5")
	if resp, _ := u.ask(http.MethodHead, at, ""); resp.Status != http.StatusNotFound {
		t.Errorf("%d", resp.Status)
	}
	if n, err := u.door.Core.ExpireDue(t.Context(), 10); n != 1 || err != nil || u.used() != 0 {
		t.Errorf("%d expired, %v; %d bytes are charged", n, err, u.used())
	}
}

func TestRefusedAtTheEnd(t *testing.T) {
	u := newUploads(t, doortest.Options{}, time.Hour)
	for code, meta := range map[string]string{
		"digest_mismatch": metadata("filename", "a.txt", "sha256", strings.Repeat("0", 64)),
		"type_mismatch":   metadata("filename", "a.jpg"),
	} {
		at := u.create("Upload-Length", "11", "Upload-Metadata", meta)
		u.patch(at, 0, "hello")
		resp, body := u.patch(at, 5, " world")
		status := map[bool]int{true: http.StatusBadRequest, false: http.StatusUnsupportedMediaType}[code == "digest_mismatch"]
		wantRefusal(t, resp, body, status, code)
		if resp, _ := u.ask(http.MethodHead, at, ""); resp.Status != http.StatusNotFound || u.used() != 0 {
			t.Errorf("then %d; %d bytes are charged", resp.Status, u.used())
		}
	}
}

// Whatever a client says of its file is taken or refused, and is no fault of ours.
func FuzzUploadMetadata(f *testing.F) {
	for _, text := range []string{"", metadata("filename", "a.txt", "tag", "t"), "filename", "filename !", ",", " ", "a b c", "filename YS50eHQ=,filename Yg==",
		metadata("filename", "\xff.txt"), metadata("filename", "a.txt", "sha256", "\x00"), metadata("filename", "a\nb.txt", "filetype", "a/b;c=\"")} {
		f.Add(text)
	}
	d := doortest.New(f, doortest.Directory(f, uploaders), doortest.Options{Config: door.Config{MaxUploads: 1}})
	h := router.New(router.Config{Log: d.Log}, New(Config{Door: d, UploadLife: time.Hour}))
	f.Fuzz(func(t *testing.T, text string) {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/uploads", nil)
		for name, value := range map[string]string{"Tus-Resumable": "1.0.0", "X-Api-Key": otherKey, "Upload-Length": "5", "Upload-Metadata": text} {
			r.Header.Set(name, value)
		}
		h.ServeHTTP(w, r)
		if w.Code != http.StatusCreated && (w.Code < 400 || w.Code >= 500) {
			t.Errorf("%q gave %d %s", text, w.Code, w.Body)
		}
	})
}
