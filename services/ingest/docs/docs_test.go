package docs_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/services/ingest/docs"
)

// get asks the handler for a path.
func get(t *testing.T, h *docs.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	if !h.Has(r) {
		t.Fatalf("%s is not there", path)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func open(t *testing.T) *docs.Handler {
	t.Helper()
	h, err := docs.New()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// loaded is what a page names.
var loaded = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

// Every page is there, obeys the policy, and names nothing that is not there, nor on another host.
func TestPages(t *testing.T) {
	h := open(t)
	pages := []string{"/docs/", "/docs/events"}
	for _, name := range docs.Names {
		pages = append(pages, "/docs/"+name)
	}
	for _, page := range pages {
		resp := get(t, h, page)
		body := resp.Body.String()
		if resp.Code != http.StatusOK || resp.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "</html>") {
			t.Errorf("%s: %d %s", page, resp.Code, resp.Header().Get("Content-Type"))
		}
		if !strings.Contains(resp.Header().Get("Content-Security-Policy"), "script-src 'self';") || resp.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", page, resp.Header())
		}
		for _, forbidden := range []string{"<style", "style=", "<script>", "onclick="} {
			if strings.Contains(body, forbidden) {
				t.Errorf("%s has %s, which the policy forbids", page, forbidden)
			}
		}
		if !strings.Contains(body, `rel="icon"`) { // else browsers ask for /favicon.ico
			t.Errorf("%s has no icon", page)
		}
		for _, m := range loaded.FindAllStringSubmatch(body, -1) {
			if got := get(t, h, m[1]); got.Code != http.StatusOK {
				t.Errorf("%s names %s: %d", page, m[1], got.Code)
			}
		}
	}
}

func TestDocuments(t *testing.T) {
	h := open(t)
	for _, name := range docs.Names {
		resp := get(t, h, "/docs/openapi/"+name+".yaml")
		if body := resp.Body.String(); resp.Header().Get("Content-Type") != "application/yaml" || !strings.HasPrefix(body, "openapi: 3.1.0\n") {
			t.Errorf("%s: %v", name, resp.Header())
		}
	}
	resp := get(t, h, "/docs/asyncapi.yaml")
	if !strings.HasPrefix(resp.Body.String(), "asyncapi: 3.0.0\n") {
		t.Error("the document of the events is not AsyncAPI 3.0.0")
	}
	if again := get(t, h, "/docs/asyncapi.yaml", "If-None-Match", resp.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asked again: %d", again.Code)
	}
}

// The reader is kept packed, and is sent so to those who take that.
func TestPackedFiles(t *testing.T) {
	h := open(t)
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css"} {
		packed := get(t, h, "/docs/assets/"+name, "Accept-Encoding", "gzip, br")
		plain := get(t, h, "/docs/assets/"+name)
		if packed.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, %v", name, packed.Header(), plain.Header())
		}
		if small, large := packed.Body.String(), plain.Body.String(); len(large) < 2*len(small) || !strings.Contains(large, "swagger-ui") {
			t.Errorf("%s: %d bytes packed, %d plain", name, len(small), len(large))
		}
	}
}

func TestEventsPage(t *testing.T) {
	body := get(t, open(t), "/docs/events").Body.String()
	if !strings.HasPrefix(body, "<!doctype html>") {
		t.Errorf("the page begins with %q", body[:20])
	}
	for _, want := range []string{"inlet.v1.file.variant_created.{tenant}", "<code>specversion</code>", "list of Variant", "One of generic, tag,", "<code>webhook-signature</code>", "Always inlet.v1.webhook.test.", "<code>data.rev</code>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/", "/docs/nothing", "/docs/openapi/", "/docs/../docs.go", "/v1/files"} {
		if h.Has(httptest.NewRequest(http.MethodGet, path, nil)) {
			t.Errorf("%s is there", path)
		}
	}
	if h.Has(httptest.NewRequest(http.MethodPost, "/docs/", nil)) {
		t.Error("a POST is taken")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs/nothing", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", w.Code)
	}
	if resp := get(t, h, "/docs"); resp.Code != http.StatusPermanentRedirect || resp.Header().Get("Location") != "/docs/" {
		t.Errorf("without its slash: %d %s", resp.Code, resp.Header().Get("Location"))
	}
}
