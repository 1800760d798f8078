package fetch

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// to redirects every request.
func to(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{location}
		w.WriteHeader(http.StatusFound)
	}
}

// TestRedirectIsJudged sends a fetch that began at an allowed address on to every URL that may not be fetched.
func TestRedirectIsJudged(t *testing.T) {
	names := &nameserver{answers: map[string][][]string{"inside.test": {{"10.0.0.1"}}}}
	c := New(Config{Allow: loopback, Resolver: names.resolver(t)})
	for _, location := range []string{
		"http://127.0.0.2/", "http://10.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/latest/", "http://inside.test/",
		"http://2130706433/", "http://1.1.1.1:22/", "//10.0.0.1/", "http://user@127.0.0.1/", "http://missing.test/",
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/", "javascript:alert(1)", "http://", "http://[::1", "%zz",
	} {
		t.Run(location, func(t *testing.T) { _ = getRefused(t, c, serve(t, to(location)).URL) })
	}
}

// TestRedirectToABadURL leads to a server that would answer: only the rules for URLs stand between.
func TestRedirectToABadURL(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := New(Config{Allow: loopback})
	get(t, c, serve(t, to(s.URL)).URL)
	for name, location := range map[string]string{
		"user information": strings.Replace(s.URL, "http://", "http://user:password@", 1),
		"too long":         s.URL + "/" + strings.Repeat("a", maxURLBytes),
	} {
		t.Run(name, func(t *testing.T) { _ = getRefused(t, c, serve(t, to(location)).URL) })
	}
}

func TestRedirectsAreCounted(t *testing.T) {
	var hits atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		left, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			t.Error(err)
		}
		if left == 0 {
			_, _ = io.WriteString(w, "hello")
			return
		}
		http.Redirect(w, r, "/"+strconv.Itoa(left-1), http.StatusFound)
	})
	c := New(Config{Allow: loopback})
	if got := fetched(t, c, s.URL+"/3"); got != "hello" {
		t.Errorf("got %q after three", got)
	}
	hits.Store(0)
	_ = getRefused(t, c, s.URL+"/4")
	if hits.Load() != 4 {
		t.Errorf("%d requests, want 4: the fourth redirect is not followed", hits.Load())
	}
}

func TestRedirectLoop(t *testing.T) {
	_ = getRefused(t, New(Config{Allow: loopback}), serve(t, to("/again")).URL)
}

func TestNameIsOfTheLastHop(t *testing.T) {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			http.Redirect(w, r, s.URL+"/long/report%201.pdf?x=y", http.StatusFound)
		}
	})
	if b := get(t, New(Config{Allow: loopback}), s.URL+"/short"); b.Name != "report 1.pdf" {
		t.Errorf("named %q", b.Name)
	}
}

// TestRebinding has a name that leads outside when it is asked for first, and inside from then on.
func TestRebinding(t *testing.T) {
	var inside atomic.Int32
	var outside *httptest.Server
	outside = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hop" {
			http.Redirect(w, r, at(t, outside, r.URL.Query().Get("host")), http.StatusFound)
		}
	})
	port := outside.Listener.Addr().String()[len("127.0.0.1"):]
	serveAt(t, "127.0.0.2"+port, func(http.ResponseWriter, *http.Request) { inside.Add(1) })

	turns := [][]string{{"127.0.0.1"}, {"127.0.0.2"}}
	names := &nameserver{answers: map[string][][]string{
		"again.test": turns,
		"hop.test":   turns,
		"both.test":  {{"127.0.0.2", "127.0.0.1"}},
		"in.test":    {{"127.0.0.2"}},
	}}
	c := New(Config{Allow: loopback, Resolver: names.resolver(t)})

	t.Run("between two fetches", func(t *testing.T) {
		get(t, c, at(t, outside, "again.test"))
		_ = getRefused(t, c, at(t, outside, "again.test"))
	})
	t.Run("between two hops", func(t *testing.T) {
		_ = getRefused(t, c, at(t, outside, "hop.test")+"/hop?host=hop.test")
	})
	t.Run("in one answer", func(t *testing.T) {
		get(t, c, at(t, outside, "both.test")) // the address outside is tried when the one inside is refused
	})
	t.Run("by a redirect", func(t *testing.T) {
		_ = getRefused(t, c, outside.URL+"/hop?host=in.test")
	})
	if inside.Load() != 0 {
		t.Errorf("%d requests came inside", inside.Load())
	}
}
