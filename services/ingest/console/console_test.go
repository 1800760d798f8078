package console

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// get asks the console for a path.
func get(t *testing.T, pages http.Handler, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	if pages.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	return w
}

func TestPaths(t *testing.T) {
	pages, err := load(fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "assets/app-1a2b.js": {Data: []byte("1")}})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"/": true, "/index.html": true, "/assets/app-1a2b.js?x=1": true,
		"/assets/": false, "/assets": false, "/assets/../index.html": false, "/v1/files": false, "//": false,
	} {
		if got := pages.Has(httptest.NewRequest(http.MethodGet, target, nil)); got != want {
			t.Errorf("%s: %t", target, got)
		}
	}
	if _, err := load(fstest.MapFS{"assets/app-1a2b.js": {}}); err == nil {
		t.Error("a console without a page is taken")
	}
}

// What is built in obeys its own policy, and is small.
func TestBuild(t *testing.T) {
	const most = 150 << 10 // bytes of script, with gzip
	pages, err := New()
	if err != nil {
		t.Fatal(err)
	}
	start := get(t, pages, "/", "")
	if csp := start.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self' blob: data:;") {
		t.Errorf("its policy is %q", csp)
	}
	if cache := start.Header().Get("Cache-Control"); cache != "no-cache" {
		t.Errorf("the page is kept: %q", cache)
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s+(?:type|crossorigin)(?:="[^"]*")?)*\s*>|https?://`)
	if found := inline.FindAllString(start.Body.String(), -1); found != nil {
		t.Errorf("index.html holds %q", found)
	}
	names, err := fs.Glob(built, "dist/assets/*")
	if err != nil {
		t.Fatal(err)
	}
	hashed := regexp.MustCompile(`^/assets/[a-z]+-[A-Za-z0-9_-]{8}\.[a-z]+$`)
	scripts := 0
	for _, name := range names {
		name = strings.TrimPrefix(name, "dist")
		asset := get(t, pages, name, "gzip")
		if !hashed.MatchString(name) || !strings.HasSuffix(asset.Header().Get("Cache-Control"), ", immutable") {
			t.Errorf("%s is kept for ever, and is to be named by its content: %q", name, asset.Header())
		}
		if strings.HasSuffix(name, ".js") {
			scripts += asset.Body.Len()
		}
	}
	if scripts == 0 || scripts > most {
		t.Errorf("the scripts have %d bytes, and may have %d", scripts, most)
	}
	if notices := get(t, pages, "/third-party.txt", ""); notices.Body.Len() == 0 {
		t.Error("the notices of the bundled packages are missing")
	}
}
