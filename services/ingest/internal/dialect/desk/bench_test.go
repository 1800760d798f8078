package desk

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// apiKey is u1's.
const apiKey = "tagd_test_ci_00000000000000000000000000000007" //nolint:gosec // of this test's own directory

// Pieces of directory files.
const (
	everyone    = "tenants: [{id: acme, plan: unlimited}, {id: other, plan: unlimited}]\n"
	userAndKey  = "users: [{id: u1, tenant: acme, roles: {tenant/acme: owner}}]\napi_keys: [{name: ci, tenant: acme, key: " + apiKey + ", user: u1, scopes: [files:read, files:write]}]\n"
	withoutKey  = "users: [{id: u1, tenant: acme, roles: {tenant/acme: owner}}]\n"
	onlyTheRest = "tenants: [{id: other, plan: unlimited}]\n"
)

// bench is the dialect on a listener, on a real disk store and a real database, with a clock that is set by hand. Nobody verifies its files.
type bench struct {
	*Dialect
	t         *testing.T
	url       string
	directory string // path of the directory file
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, directory: filepath.Join(t.TempDir(), "directory.yaml")}
	b.write(everyone + userAndKey)
	directory, err := access.OpenDirectory(b.directory)
	if err != nil {
		t.Fatal(err)
	}
	b.Dialect = New(doortest.New(t, directory, doortest.Options{Config: door.Config{MaxUploads: 2}}))
	server := httptest.NewServer(router.New(router.Config{Log: b.log}, b.Dialect))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// write replaces the directory file.
func (b *bench) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.directory, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if b.Dialect == nil {
		return
	}
	if changed, err := b.Directory.Reload(); err != nil || !changed {
		b.t.Fatalf("the directory: %v, %v", changed, err)
	}
}

// later sets the clock of forms and keys ahead.
func (b *bench) later(d time.Duration) { b.now = func() time.Time { return time.Now().Add(d) } }

func (b *bench) do(method, path, contentType string, body io.Reader) doortest.Answer {
	b.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = b.url + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if !strings.Contains(path, "/download") && !strings.Contains(path, uploadsPath) {
		req.Header.Set("X-Api-Key", apiKey)
	}
	return doortest.Send(b.t, req)
}

// announce takes the first step for a text.
func (b *bench) announce() refAnswer {
	b.t.Helper()
	got := b.do(http.MethodPost, "/v2/files/ref.json", "application/json", strings.NewReader(`{"filename": "notes.txt", "mimeType": "text/plain"}`))
	if got.Status != http.StatusCreated {
		b.t.Fatalf("announced: %+v", got)
	}
	var ref refAnswer
	if err := json.Unmarshal([]byte(got.Body), &ref); err != nil {
		b.t.Fatal(err)
	}
	return ref
}

// post sends a text by a form.
func (b *bench) post(url string, params map[string]string) doortest.Answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range params {
		if err := w.WriteField(name, value); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "notes.txt")
	if err == nil {
		_, err = part.Write([]byte("hello"))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, url, w.FormDataContentType(), &body)
}

// stored takes all three steps.
func (b *bench) stored() fileBody {
	b.t.Helper()
	ref := b.announce()
	if got := b.post(ref.URL, ref.Params); got.Status != http.StatusCreated {
		b.t.Fatalf("posted: %+v", got)
	}
	got := b.do(http.MethodPatch, path(ref.File), "", nil)
	var f struct{ File fileBody }
	if err := json.Unmarshal([]byte(got.Body), &f); err != nil || got.Status != http.StatusOK {
		b.t.Fatalf("finished: %+v, %v", got, err)
	}
	return f.File
}

func path(f fileBody) string { return "/v2/files/" + strconv.FormatInt(f.ID, 10) + ".json" }
