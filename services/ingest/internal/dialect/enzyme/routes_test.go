package enzyme

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// looksKey is under which a request's context has the number of its looks at the records.
type looksKey struct{}

func look(ctx context.Context) {
	if n, ok := ctx.Value(looksKey{}).(*int); ok {
		*n++
	}
}

// countingRepo counts the looks at records by the requests that want it. Others look too: events are taken off the records in the background.
type countingRepo struct{ meta.Repo }

func (r countingRepo) Get(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	look(ctx)
	return r.Repo.Get(ctx, t, ref)
}

func (r countingRepo) GetMany(ctx context.Context, t file.Tenant, ids []file.ID) ([]*file.File, error) {
	look(ctx)
	return r.Repo.GetMany(ctx, t, ids)
}

// bench is the dialect over real stores, without a worker: nothing ever gets its verdict.
type bench struct {
	http.Handler
	t     *testing.T
	door  *door.Door
	repo  meta.Repo
	looks int // of all requests, at the records
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	b.door = doortest.New(t, doortest.Directory(t, `
tenants:
  - {id: acme, plan: unlimited, workspaces: [{id: w1, channels: [{id: general, visibility: public}]}]}
api_keys:
  - {name: ci, tenant: acme, key: tagd_test_0123456789abcdef0123456789abcdef, scopes: [files:read, files:write]}
`), doortest.Options{
		Config: door.Config{MaxUploads: 1, PublicURL: "https://files.acme.test"},
		Wrap: func(r meta.Repo) meta.Repo {
			b.repo = r
			return countingRepo{r}
		},
	})
	b.Handler = router.New(router.Config{Log: b.door.Log}, New(b.door))
	return b
}

// post sends a request of the key's.
func (b *bench) post(path, contentType string, body []byte) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.do(http.MethodPost, path, contentType, body)
}

func (b *bench) do(method, path, contentType string, body []byte) *httptest.ResponseRecorder {
	b.t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer tagd_test_0123456789abcdef0123456789abcdef")
	r.Header.Set("Content-Type", contentType)
	b.ServeHTTP(w, r.WithContext(context.WithValue(b.t.Context(), looksKey{}, &b.looks)))
	return w
}

func (b *bench) upload() *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "notes.txt")
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write([]byte("some text"))
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.post("/channels/general/files/upload", w.FormDataContentType(), body.Bytes())
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), text) {
		t.Errorf("%d %s, want %d with %s", w.Code, w.Body, status, text)
	}
}

func TestWithoutVerdict(t *testing.T) {
	b := newBench(t)
	w := b.upload()
	id := w.Header().Get("Inlet-File-Id")
	want(t, w, http.StatusOK, `{"file":{"id":"`+id+`","filename":"notes.txt","size":9,"content_type":"text/plain"}}`)
	w = b.do(http.MethodGet, "/files/"+id+"/download", "", nil)
	want(t, w, http.StatusConflict, `{"error":{"code":"CONFLICT","message":"The file is being verified"}}`)
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
	}
	want(t, b.post("/files/"+id+"/sign-url", "", nil), http.StatusOK, `"url":"https://files.acme.test/api/files/`+id+`/download?expires=`)
}

func TestUploadsAreBounded(t *testing.T) {
	b := newBench(t)
	leave, err := b.door.Enter(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	w := b.upload()
	want(t, w, http.StatusServiceUnavailable, `{"error":{"code":"SERVICE_UNAVAILABLE",`)
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
	}
	leave()
	want(t, b.upload(), http.StatusOK, `"size":9`)
	want(t, b.upload(), http.StatusOK, `"size":9`) // the place was given back
}

func TestManyURLsAreOneLook(t *testing.T) {
	b := newBench(t)
	var ids []string
	for range 10 {
		ids = append(ids, `"`+b.upload().Header().Get("Inlet-File-Id")+`"`)
	}
	b.looks = 0
	w := b.post("/files/sign-urls", "application/json", []byte(`{"file_ids":[`+strings.Join(ids, ",")+`]}`))
	want(t, w, http.StatusOK, ids[9])
	if n := strings.Count(w.Body.String(), `"file_id"`); n != len(ids) || b.looks != 1 {
		t.Errorf("%d URLs by %d looks at the records", n, b.looks)
	}
}

func TestDatabaseOut(t *testing.T) {
	b := newBench(t)
	id := b.upload().Header().Get("Inlet-File-Id")
	if err := b.repo.Close(); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*httptest.ResponseRecorder{
		b.upload(), b.do(http.MethodGet, "/files/"+id+"/download", "", nil), b.post("/files/"+id+"/sign-url", "", nil),
		b.post("/files/sign-urls", "", []byte(`{"file_ids":["`+id+`"]}`)), b.post("/files/"+id+"/delete", "", nil),
	} {
		want(t, w, http.StatusServiceUnavailable, `{"error":{"code":"SERVICE_UNAVAILABLE","message":"The service cannot do this now; try again"}}`)
	}
}
