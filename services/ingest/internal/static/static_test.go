package static

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

var (
	page   = []byte(strings.Repeat("<!doctype html><p>Inlet</p>", 40))
	script = []byte(strings.Repeat("export const a = 1\n", 40))
)

// testSet has a page, a script that never changes, one that is too short for gzip, and one that came packed.
func testSet(t *testing.T) *Set {
	t.Helper()
	packed, err := pack(script)
	if err != nil {
		t.Fatal(err)
	}
	s := New("'self'")
	for path, f := range map[string]File{
		"/":             {Name: "index.html", Content: page},
		"/app-1a2b.js":  {Name: "app-1a2b.js", Content: script, Immutable: true},
		"/tiny.js":      {Name: "tiny.js", Content: []byte("1")},
		"/packed.js":    {Name: "packed.js.gz", Content: packed},
		"/docs/LICENSE": {Name: "reader/LICENSE", Content: []byte("Apache")},
	} {
		if err := s.Add(path, f); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// ask sends a request with headers, given as names and values in turn.
func ask(s *Set, method, target string, headers ...string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, target, nil)
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	s.ServeHTTP(w, r)
	return w
}

func TestHas(t *testing.T) {
	s := testSet(t)
	for _, c := range []struct {
		method, target string
		want           bool
	}{
		{"GET", "/", true},
		{"HEAD", "/", true},
		{"GET", "/app-1a2b.js?x=1", true},
		{"POST", "/", false},
		{"DELETE", "/app-1a2b.js", false},
		{"GET", "/packed.js.gz", false},
		{"GET", "/docs/", false},
		{"GET", "/docs/../app-1a2b.js", false},
		{"GET", "//", false},
	} {
		if got := s.Has(httptest.NewRequest(c.method, c.target, nil)); got != c.want {
			t.Errorf("%s %s: %t", c.method, c.target, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := testSet(t)
	for target, want := range map[string]map[string]string{
		"/":             {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "Vary": "Accept-Encoding"},
		"/app-1a2b.js":  {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable"},
		"/tiny.js":      {"Vary": "", "Content-Encoding": ""},
		"/packed.js":    {"Content-Type": "text/javascript; charset=utf-8", "Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
		"/docs/LICENSE": {"Content-Type": "text/plain; charset=utf-8"},
	} {
		w := ask(s, "GET", target, "Accept-Encoding", "gzip")
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
		want["X-Content-Type-Options"], want["Referrer-Policy"], want["Cross-Origin-Opener-Policy"] = "nosniff", "no-referrer", "same-origin"
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, not %q", target, name, got, value)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; img-src 'self'; ") {
			t.Errorf("%s: its policy is %q", target, csp)
		}
	}
	if w := ask(s, "GET", "/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("a path that is not there: %d", w.Code)
	}
}

// A file is the same with gzip and without, whichever way it came, and each has an ETag of its own.
func TestEncodings(t *testing.T) {
	s := testSet(t)
	for target, content := range map[string][]byte{"/": page, "/packed.js": script} {
		plain, packed := ask(s, "GET", target), ask(s, "GET", target, "Accept-Encoding", "br, gzip;q=0.5")
		if plain.Header().Get("Content-Encoding") != "" || plain.Body.String() != string(content) {
			t.Errorf("%s is %q, %v", target, plain.Body, plain.Header())
		}
		if got, err := unpack(packed.Body.Bytes()); packed.Header().Get("Content-Encoding") != "gzip" || err != nil || string(got) != string(content) {
			t.Errorf("%s with gzip is %q, %v, %v", target, got, err, packed.Header())
		}
		plainTag, packedTag := plain.Header().Get("ETag"), packed.Header().Get("ETag")
		if plainTag == packedTag || strings.HasPrefix(plainTag, "W/") || strings.HasPrefix(packedTag, "W/") {
			t.Errorf("%s has the ETags %s and %s", target, plainTag, packedTag)
		}
		for _, c := range []struct {
			accept, tag string
			want        int
		}{
			{"", plainTag, http.StatusNotModified},
			{"gzip", packedTag, http.StatusNotModified},
			{"", packedTag, http.StatusOK},
			{"gzip", plainTag, http.StatusOK},
		} {
			w := ask(s, "GET", target, "Accept-Encoding", c.accept, "If-None-Match", c.tag)
			if w.Code != c.want || (w.Body.Len() == 0) != (c.want == http.StatusNotModified) || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s with %q, asked again with %s: %d %v", target, c.accept, c.tag, w.Code, w.Header())
			}
		}
		head := ask(s, "HEAD", target)
		if head.Body.Len() != 0 || head.Header().Get("ETag") != plainTag || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
			t.Errorf("HEAD %s is answered with %v and %d bytes", target, head.Header(), head.Body.Len())
		}
	}
}

func TestWhatCannotBeServed(t *testing.T) {
	if err := New("'self'").Add("/", File{Name: "a.exe"}); err == nil {
		t.Error("a file of no known type is taken")
	}
	for _, broken := range []string{"not packed", "\x1f\x8b\x08"} {
		s := New("'self'")
		if err := s.Add("/a.js", File{Name: "a.js.gz", Content: []byte(broken)}); err != nil {
			t.Fatal(err)
		}
		if w := ask(s, "GET", "/a.js"); w.Code != http.StatusInternalServerError {
			t.Errorf("%q is unpacked: %d %q", broken, w.Code, w.Body)
		}
	}
}
