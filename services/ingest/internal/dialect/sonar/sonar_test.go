package sonar

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

const testKey = "tagd_test_00000000000000000000000000000001"

const testDirectory = `
tenants: [{id: acme, plan: unlimited}]
users: [{id: u1, tenant: acme, number: 7, roles: {tenant/acme: owner}}]
api_keys: [{name: k, tenant: acme, key: ` + testKey + `, user: u1, scopes: [files:read, files:write]}]
`

// bench is the dialect on a real disk store and a real database. There is no verifier: files stay pending, and nobody waits for them.
type bench struct {
	*Dialect
	http.Handler
	t    testing.TB
	repo meta.Repo
}

// newBench makes one; wrap may put something in front of the database.
func newBench(t testing.TB, wrap func(meta.Repo) meta.Repo) *bench {
	t.Helper()
	b := &bench{t: t}
	d := doortest.New(t, doortest.Directory(t, testDirectory), doortest.Options{
		Config: door.Config{MaxUploads: 8},
		Wrap: func(r meta.Repo) meta.Repo {
			if b.repo = r; wrap != nil {
				b.repo = wrap(r)
			}
			return b.repo
		},
	})
	b.Dialect = New(d)
	b.Handler = router.New(router.Config{Log: d.Log}, b.Dialect)
	return b
}

// send makes a request with the key of the bench.
func (b *bench) send(method, path, contentType string, body io.Reader) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, body)
	r.Header.Set("X-Api-Key", testKey)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

// query sends a GraphQL document with variables, which may be empty.
func (b *bench) query(document, variables string) *httptest.ResponseRecorder {
	b.t.Helper()
	body := `{"query":` + quoted(document)
	if variables != "" {
		body += `,"variables":` + variables
	}
	return b.send(http.MethodPost, graphqlPath, "application/json", strings.NewReader(body+"}"))
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// code is the code of the first error of a GraphQL answer; empty when there is none.
func code(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	if len(body.Errors) == 0 {
		return ""
	}
	if body.Errors[0].Message == "" || body.Errors[0].Extensions.Code == "" {
		t.Errorf("an error without a message or a code: %s", w.Body)
	}
	return body.Errors[0].Extensions.Code
}

// stored uploads a text and returns its number in decimal.
func (b *bench) stored() string {
	b.t.Helper()
	got := b.upload(http.StatusOK, upload{"files[]", "a.txt", "hello"})
	if len(got) != 1 || got[0].ID == nil {
		b.t.Fatalf("the upload gave %+v", got)
	}
	text, _ := json.Marshal(*got[0].ID)
	return string(text)
}

// upload is one part of a form.
type upload struct{ field, name, data string }

// upload sends a form and decodes the answer.
func (b *bench) upload(status int, parts ...upload) []fileBody {
	b.t.Helper()
	contentType, body := multipartForm(parts...)
	w := b.send(http.MethodPost, filesPath, contentType, bytes.NewReader(body))
	if w.Code != status {
		b.t.Fatalf("%d %s, want %d", w.Code, w.Body, status)
	}
	var got uploadBody
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		b.t.Fatal(err)
	}
	return got.Files
}

func multipartForm(parts ...upload) (contentType string, body []byte) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		part, err := w.CreateFormFile(p.field, p.name)
		if err == nil {
			_, err = io.WriteString(part, p.data)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return w.FormDataContentType(), buf.Bytes()
}

// live lists the files that are there.
func (b *bench) live() []*file.File {
	b.t.Helper()
	page, err := b.Core.List(b.t.Context(), core.List{Tenant: "acme", Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	return page.Files
}

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, k := range file.Kinds {
		if a, ok := answers[k]; !ok || a.status < 400 || a.code == "" || a.text == "" {
			t.Errorf("%s: %+v", k, a)
		}
	}
}

func TestPathsOfTheDialect(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/files": true, "/api/files/": true, "/api/files/61": true, "/api/graphql": true, "/api/graphql/x": true,
		"/api/files/61/download": false, "/api/filesystem": false, "/api/channels/c/files": false, "/api/graphqlx": false, "/files": false,
	} {
		if got := owns(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
