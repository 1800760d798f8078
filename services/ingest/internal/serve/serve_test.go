package serve_test

import (
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

func TestDispositionRoundTrips(t *testing.T) {
	for name, want := range map[string]string{
		"photo.jpg":     `attachment; filename="photo.jpg"`,
		"my photo.jpg":  `attachment; filename="my photo.jpg"`,
		"fünf.jpg":      `attachment; filename="f_nf.jpg"; filename*=UTF-8''f%C3%BCnf.jpg`,
		`say "hi".txt`:  `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"a%41.txt":      `attachment; filename="a_41.txt"; filename*=UTF-8''a%2541.txt`,
		"x;y=z.txt":     `attachment; filename="x;y=z.txt"`,
		"日本語.pdf":       `attachment; filename="___.pdf"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.pdf`,
		"a\r\nX: y.txt": `attachment; filename="a__X: y.txt"; filename*=UTF-8''a%0D%0AX%3A%20y.txt`,
		"":              `attachment`,
	} {
		got := serve.Disposition(name, true)
		if got != want {
			t.Errorf("%q gives %s, want %s", name, got, want)
		}
		if strings.Contains(want, "filename*=") { // what a conforming reader makes of it
			_, params, err := mime.ParseMediaType(got[strings.Index(got, ";")-len("attachment"):])
			if err == nil && params["filename"] != name && !strings.ContainsAny(name, "\r\n") {
				t.Errorf("%q is read as %q", name, params["filename"])
			}
		}
	}
	if got := serve.Disposition("photo.jpg", false); got != `inline; filename="photo.jpg"` {
		t.Errorf("inline: %s", got)
	}
}

func FuzzDisposition(f *testing.F) {
	f.Add("photo.jpg")
	f.Add("f\u00fcnf \"x\"\r\n")
	f.Fuzz(func(t *testing.T, name string) {
		got := serve.Disposition(name, true)
		for i := range len(got) {
			if got[i] < 0x20 || got[i] >= 0x7f {
				t.Fatalf("%q gives the byte %#x", name, got[i])
			}
		}
		if strings.Count(got, `"`) > 2 {
			t.Errorf("%q breaks out of its quotes: %s", name, got)
		}
	})
}

// connection is a ResponseWriter whose ReadFrom tells what it is given, as a TCP connection's would send it.
type connection struct {
	*httptest.ResponseRecorder
	from any
}

func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	c.from = r
	return io.Copy(c.ResponseRecorder, r)
}

func get(t *testing.T, header map[string]string) *connection {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	engine.GET("/", func(g *gin.Context) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		c := core.Content{ReadSeekCloser: f, Type: "text/html", Size: 10, Digest: strings.Repeat("ab", 32), Proven: true}
		if err := serve.Content(g, c, serve.Options{Name: "x.html", Modified: time.Unix(1e9, 0)}); err != nil {
			t.Error(err)
		}
	})
	w := &connection{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	engine.ServeHTTP(w, r)
	return w
}

func TestContentIsSentByTheKernel(t *testing.T) {
	w := get(t, nil)
	limited, ok := w.from.(*io.LimitedReader)
	if !ok {
		t.Fatalf("the connection was given a %T", w.from)
	}
	if _, ok := limited.R.(*os.File); !ok {
		t.Errorf("the connection was given a %T and not the file", limited.R)
	}
	if w.Code != http.StatusOK || w.Body.String() != "0123456789" {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
}

func TestContentHeadersKeepAFileAFile(t *testing.T) {
	w := get(t, nil)
	for name, want := range map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Content-Disposition":          `attachment; filename="x.html"`,
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "private, no-cache",
		"ETag":                         `"` + strings.Repeat("ab", 32) + `"`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy: %q", csp)
	}
}

func TestRanges(t *testing.T) {
	etag := `"` + strings.Repeat("ab", 32) + `"`
	for name, c := range map[string]struct {
		header map[string]string
		status int
		body   string
	}{
		"first":             {map[string]string{"Range": "bytes=0-3"}, 206, "0123"},
		"suffix":            {map[string]string{"Range": "bytes=-2"}, 206, "89"},
		"open":              {map[string]string{"Range": "bytes=8-"}, 206, "89"},
		"behind the end":    {map[string]string{"Range": "bytes=10-"}, 416, ""},
		"other unit":        {map[string]string{"Range": "lines=0-3"}, 200, "0123456789"},
		"upper case":        {map[string]string{"Range": "Bytes=0-3"}, 206, "0123"},
		"too many":          {map[string]string{"Range": "bytes=0-0,1-1,2-2,3-3,4-4,5-5"}, 200, "0123456789"},
		"if the same":       {map[string]string{"Range": "bytes=0-3", "If-Range": etag}, 206, "0123"},
		"if another":        {map[string]string{"Range": "bytes=0-3", "If-Range": `"x"`}, 200, "0123456789"},
		"not modified":      {map[string]string{"If-None-Match": etag}, 304, ""},
		"condition not met": {map[string]string{"If-Match": `"x"`}, 412, ""},
	} {
		w := get(t, c.header)
		if w.Code != c.status || c.status < 400 && w.Body.String() != c.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, c.status, c.body)
		}
	}
}
