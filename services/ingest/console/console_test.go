package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func testHandler(t *testing.T) *Handler {
	t.Helper()
	h, err := load(fstest.MapFS{
		"index.html":          {Data: []byte(strings.Repeat("<!doctype html><p>Inlet</p>", 40))},
		"assets/app-1a2b.js":  {Data: []byte(strings.Repeat("export const a = 1\n", 40))},
		"assets/tiny-3c4d.js": {Data: []byte("1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, method, target string, header map[string]string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	h.ServeHTTP(w, r)
	return w
}

func TestHas(t *testing.T) {
	h := testHandler(t)
	for _, c := range []struct {
		method, target string
		want           bool
	}{
		{"GET", "/", true},
		{"HEAD", "/", true},
		{"GET", "/index.html", true},
		{"GET", "/assets/app-1a2b.js?x=1", true},
		{"POST", "/", false},
		{"DELETE", "/assets/app-1a2b.js", false},
		{"GET", "/assets/", false},
		{"GET", "/assets", false},
		{"GET", "/assets/../index.html", false},
		{"GET", "/v1/files", false},
		{"GET", "//", false},
	} {
		if got := h.Has(httptest.NewRequest(c.method, c.target, nil)); got != c.want {
			t.Errorf("%s %s: %t", c.method, c.target, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := testHandler(t)
	for target, want := range map[string]map[string]string{
		"/":                    {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "Vary": "Accept-Encoding"},
		"/assets/app-1a2b.js":  {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable"},
		"/assets/tiny-3c4d.js": {"Vary": "", "Content-Encoding": ""}, // gzip would make it longer
	} {
		w := get(h, "GET", target, map[string]string{"Accept-Encoding": "br"})
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
		want["Content-Security-Policy"], want["X-Content-Type-Options"], want["Referrer-Policy"] = policy, "nosniff", "no-referrer"
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, not %q", target, name, got, value)
			}
		}
	}
	if w := get(h, "GET", "/nothing", nil); w.Code != http.StatusNotFound {
		t.Errorf("a path that it has not: %d", w.Code)
	}
}

func TestEncodings(t *testing.T) {
	h := testHandler(t)
	plain := get(h, "GET", "/", nil)
	packed := get(h, "GET", "/", map[string]string{"Accept-Encoding": "br, gzip;q=0.5"})
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("ETag") == plain.Header().Get("ETag") {
		t.Fatalf("gzip is answered with %v", packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Body.Bytes()) {
		t.Errorf("gzip holds %q, %v", got, err)
	}
	for _, refusal := range []string{"gzip;q=0", "gzip;q=x", "identity", "", "xgzip"} {
		if w := get(h, "GET", "/", map[string]string{"Accept-Encoding": refusal}); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("Accept-Encoding %q is answered with gzip", refusal)
		}
	}
	for name, first := range map[string]*httptest.ResponseRecorder{"": plain, "gzip": packed} {
		w := get(h, "GET", "/", map[string]string{"Accept-Encoding": name, "If-None-Match": first.Header().Get("ETag")})
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("%q: its own ETag is answered with %d", name, w.Code)
		}
	}
	if w := get(h, "HEAD", "/", nil); w.Body.Len() != 0 || w.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
		t.Errorf("HEAD is answered with %v and %d bytes", w.Header(), w.Body.Len())
	}
}

// What is built in obeys its own policy, and is small.
func TestBuild(t *testing.T) {
	const most = 150 << 10 // bytes of script, with gzip
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s+(?:type|crossorigin)(?:="[^"]*")?)*\s*>|https?://`)
	if found := inline.FindAll(h.files[index].plain.bytes, -1); found != nil {
		t.Errorf("index.html holds %q", found)
	}
	hashed := regexp.MustCompile(`^/assets/[a-z]+-[A-Za-z0-9_-]{8}\.[a-z]+$`)
	scripts := 0
	for name, a := range h.files {
		if strings.HasPrefix(name, assets) && !hashed.MatchString(name) {
			t.Errorf("%s is not named by its content, and would be kept for ever", name)
		}
		if strings.HasSuffix(name, ".js") {
			scripts += len(a.packed.bytes)
		}
		if a.mediaType == "" {
			t.Errorf("%s has no media type", name)
		}
	}
	if scripts == 0 || scripts > most {
		t.Errorf("the scripts have %d bytes, and may have %d", scripts, most)
	}
	if _, ok := h.files["/third-party.txt"]; !ok {
		t.Error("the notices of the bundled packages are missing")
	}
}
