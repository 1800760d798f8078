package tiledesk

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// What the whole system shows is tested in test/dialects. Here nobody verifies: it is about the time before the verdict.

const (
	project = "5ebd890292befe0019054973"
	apiKey  = "tagd_test_ci_00000000000000000000000000000007" //nolint:gosec // opens nothing but this test
	people  = "tenants: [{id: acme, plan: unlimited, projects: [\"" + project + "\"]}]\n" +
		"users: [{id: u1, tenant: acme}]\n" +
		"api_keys: [{name: ci, tenant: acme, key: " + apiKey + ", user: u1, scopes: [files:read, files:write]}]\n"
)

// bench is the dialect on a listener, on a real disk store and a real database.
type bench struct {
	*Dialect
	t   *testing.T
	url string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	var cfg Config
	if err := config.Load(&cfg); err != nil {
		t.Fatal(err)
	}
	d := New(doortest.New(t, doortest.Directory(t, people), doortest.Options{
		Config: door.Config{MaxUploads: 1, Wait: 20 * time.Millisecond},
	}), cfg)
	server := httptest.NewServer(router.New(router.Config{Log: d.log}, d))
	t.Cleanup(server.Close)
	return &bench{Dialect: d, t: t, url: server.URL}
}

func (b *bench) do(method, target, contentType string, body io.Reader) doortest.Answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", apiKey)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return doortest.Send(b.t, req)
}

// send uploads a picture, as far as its first bytes go.
func (b *bench) send(target string) doortest.Answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="a b.png"`}, "Content-Type": {"image/png"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.WriteString(part, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, target, w.FormDataContentType(), &body)
}

func (b *bench) want(got doortest.Answer, status int, body string) {
	b.t.Helper()
	if got.Status != status || got.Body != body {
		b.t.Errorf("%d %s, want %d %s", got.Status, got.Body, status, body)
	}
}

// A file whose verdict takes too long is a success, with the thumbnail that it is going to have. It is not served until then, nor ever when
// no verdict can be reached.
func TestVerdictIsLate(t *testing.T) {
	b := newBench(t)
	for _, target := range []string{"/v3/" + project + "/files/assets", "/" + project + "/files/users/photo"} {
		got := b.send(target)
		var f fileBody
		if err := json.Unmarshal([]byte(got.Body), &f); err != nil || got.Status != http.StatusCreated || f.Thumbnail == "" {
			t.Fatalf("%s: %d %s", target, got.Status, got.Body)
		}
		for _, path := range []string{f.Filename, f.Thumbnail, url.QueryEscape(f.Filename)} {
			got = b.do(http.MethodGet, "/v3/files?path="+path, "", nil)
			b.want(got, http.StatusServiceUnavailable, `{"success":false,"error":"The file is being verified"}`)
			if got.Header.Get("Retry-After") != "1" {
				t.Errorf("headers %v", got.Header)
			}
		}
		id := file.ID(got.Header.Get("Inlet-File-Id"))
		if err := b.Core.GiveUp(t.Context(), core.Hint{Tenant: "acme", ID: id}, file.WorkVerify, "processing_failed"); err != nil {
			t.Fatal(err)
		}
		b.want(b.do(http.MethodGet, "/v3/files?path="+f.Filename, "", nil), http.StatusNotFound, `{"success":false,"error":"File not found."}`)
		b.want(b.do(http.MethodDelete, "/files?path="+f.Filename, "", nil), http.StatusOK, `{"message":"File deleted successfully","filename":"`+f.Filename+`"}`)
	}
}

func TestTooManyUploads(t *testing.T) {
	b := newBench(t)
	leave, err := b.Enter(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	got := b.send("/v3/" + project + "/files/chat")
	b.want(got, http.StatusServiceUnavailable, `{"success":false,"error":"The service cannot do this now; try again"}`)
	if got.Header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", got.Header)
	}
	leave()
	if got := b.send("/v3/" + project + "/files/chat"); got.Status != http.StatusCreated || !strings.Contains(got.Body, `"filename":"uploads/users/u1/files/`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
