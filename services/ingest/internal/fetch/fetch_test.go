package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/file"
)

func TestGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf; x=y")
		w.Header().Set("Content-Disposition", `attachment; filename="../a b.pdf"`)
		_, _ = io.WriteString(w, "hello")
	})
	b := get(t, New(Config{Allow: loopback}), s.URL+"/x.bin")
	if b.Name != "../a b.pdf" || b.Type != "application/pdf; x=y" || b.Length != 5 {
		t.Errorf("%+v", b)
	}
	data, err := io.ReadAll(b)
	if err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // bare by contract
		t.Errorf("%d, %v after the end", n, err)
	}
}

func TestUnknownLength(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hel")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "lo")
	})
	b := get(t, New(Config{Allow: loopback}), s.URL)
	data, err := io.ReadAll(b)
	if b.Length != -1 || b.Name != "" || err != nil || string(data) != "hello" {
		t.Errorf("%+v, %q, %v", b, data, err)
	}
}

func TestOnly200Counts(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	})
	c := New(Config{Allow: loopback})
	for _, status := range []string{"201", "204", "206", "300", "302", "304", "400", "401", "403", "404", "407", "429", "500", "503"} {
		t.Run(status, func(t *testing.T) { _ = getRefused(t, c, s.URL+"/"+status) })
	}
}

func TestNotHTTP(t *testing.T) {
	c := New(Config{Allow: loopback})
	for name, answer := range map[string]string{
		"nothing":             "",
		"another protocol":    "SSH-2.0-OpenSSH_9.6\r\n",
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
		"negative length":     "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
		"unknown coding":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
		"protocol switched":   "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		"cut in the header":   "HTTP/1.1 200 OK\r\nContent-Le",
		"informational flood": strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", egress.MaxHeaderBytes/20) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) { _ = getRefused(t, c, serve(t, raw(t, answer)).URL) })
	}
}

func TestHeaderIsBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X", strings.Repeat("x", size))
	})
	c := New(Config{Allow: loopback})
	get(t, c, s.URL+"/"+strconv.Itoa(egress.MaxHeaderBytes-1<<10))
	_ = getRefused(t, c, s.URL+"/"+strconv.Itoa(egress.MaxHeaderBytes+1<<10))
}

func TestContentEncoding(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Encoding"] = r.URL.Query()["coding"]
		_, _ = io.WriteString(w, "hello")
	})
	c := New(Config{Allow: loopback})
	for query, ok := range map[string]bool{
		"": true, "coding=": true, "coding=identity": true, "coding=Identity": true,
		"coding=gzip": false, "coding=br": false, "coding=identity&coding=gzip": false, "coding=identity,gzip": false,
	} {
		if ok {
			get(t, c, s.URL+"/?"+query)
		} else {
			_ = getRefused(t, c, s.URL+"/?"+query)
		}
	}
}

func TestLyingLength(t *testing.T) {
	c := New(Config{Allow: loopback})
	for name, tc := range map[string]struct {
		answer, data string
		length       int64
		whole        bool
	}{
		"right":          {"Content-Length: 3\r\n\r\nabc", "abc", 3, true},
		"none":           {"\r\nabc", "abc", -1, true},
		"more is said":   {"Content-Length: 10\r\n\r\nabc", "abc", 10, false},
		"less is said":   {"Content-Length: 3\r\n\r\nabcdef", "abc", 3, true},
		"cut in a chunk": {"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "abc", -1, false},
		"no last chunk":  {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "abc", -1, false},
		"no chunk":       {"Transfer-Encoding: chunked\r\n\r\nxyz", "", -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := get(t, c, serve(t, raw(t, "HTTP/1.1 200 OK\r\n"+tc.answer)).URL)
			data, err := io.ReadAll(b)
			if string(data) != tc.data || b.Length != tc.length {
				t.Errorf("%q of %d", data, b.Length)
			}
			if tc.whole {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, err, file.Invalid, "fetch_failed", "The URL could not be read to its end")
			if _, again := b.Read(make([]byte, 1)); again != err { //nolint:errorlint // the very same one
				t.Errorf("%v, and then %v", err, again)
			}
		})
	}
}

func TestEndlessBodyEndsWithItsReader(t *testing.T) {
	stopped := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(stopped)
		for chunk := make([]byte, 64<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	b := get(t, New(Config{Allow: loopback}), s.URL)
	if n, err := io.CopyN(io.Discard, b, 1<<20); err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Error("the other side goes on sending to a body that is closed")
	}
}

// stall sends what it is given and then nothing, until the client goes.
func stall(t testing.TB, start string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if start != "" {
			_, _ = io.WriteString(w, start)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
		<-r.Context().Done()
	}
}

func TestSlow(t *testing.T) {
	trickle := func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	for name, h := range map[string]http.HandlerFunc{"no header": stall(t, ""), "no end": stall(t, "hello"), "a byte now and then": trickle} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			b, err := New(Config{Allow: loopback, Timeout: 200 * time.Millisecond}).Get(t.Context(), serve(t, h).URL)
			if err == nil {
				_, err = io.ReadAll(b)
				b.Close()
			}
			wantTimeout(t, err)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestSlowHops(t *testing.T) {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			stall(t, "")(w, r)
		}
		http.Redirect(w, r, s.URL+"/slow", http.StatusFound)
	})
	b, err := New(Config{Allow: loopback, Timeout: 200 * time.Millisecond}).Get(t.Context(), s.URL)
	if err == nil {
		b.Close()
	}
	wantTimeout(t, err)
}

// TestSlowNameserver has a name server that does not answer, as one behind a firewall: the name does not resolve, and that is all.
func TestSlowNameserver(t *testing.T) {
	r := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }}
	err := getRefused(t, New(Config{Resolver: r}), "http://files.test/")
	var name *net.DNSError
	if !errors.As(err, &name) || !name.Timeout() {
		t.Errorf("%v is not a name server's timeout", err)
	}
}

func TestCallerGoesAway(t *testing.T) {
	c := New(Config{Allow: loopback})
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Get(ctx, "http://127.0.0.1/")
		if !file.Is(err, file.Cancelled) {
			t.Error(err)
		}
	})
	t.Run("while the header is awaited", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			stall(t, "")(w, r)
		})
		_, err := c.Get(ctx, s.URL)
		if !file.Is(err, file.Cancelled) {
			t.Error(err)
		}
	})
	t.Run("in the body", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, err := c.Get(ctx, serve(t, stall(t, "hello")).URL)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		cancel()
		if _, err := io.ReadAll(b); !file.Is(err, file.Cancelled) {
			t.Error(err)
		}
	})
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	names := &nameserver{answers: map[string][][]string{"files.test": {{"127.0.0.1"}}}}
	target := at(t, s, "files.test")
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := http.ProxyFromEnvironment(req); err != nil || proxy == nil || proxy.String() != deadProxy {
		t.Fatalf("%v, %v: the environment names no proxy, so this proves nothing", proxy, err)
	}
	if got := fetched(t, New(Config{Allow: loopback, Resolver: names.resolver(t)}), target); got != "hello" {
		t.Errorf("got %q", got)
	}
}

// at is the URL of a server under another host.
func at(t testing.TB, s *httptest.Server, host string) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = host + ":" + u.Port()
	return u.String()
}

func TestNothingOfOursIsSent(t *testing.T) {
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := slices.Sorted(maps.Keys(r.Header)), []string{"Accept-Encoding", "Connection", "User-Agent"}; !slices.Equal(got, want) {
			t.Errorf("%s was sent %v, want only %v", r.URL, r.Header, want)
		}
		if r.UserAgent() != "Inlet" || r.Header.Get("Accept-Encoding") != "identity" || r.Method != http.MethodGet {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if r.URL.Path == "/start" {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
			http.Redirect(w, r, s.URL+"/end", http.StatusTemporaryRedirect)
		}
	})
	fetched(t, New(Config{Allow: loopback}), s.URL+"/start?secret=1")
}

func TestTLS(t *testing.T) {
	trust := func(c *Client, s *httptest.Server) *Client {
		pool := x509.NewCertPool()
		pool.AddCert(s.Certificate())
		c.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = pool
		return c
	}
	for name, tc := range map[string]struct {
		version uint16 // the highest that the server speaks
		trusted bool
		ok      bool
	}{
		"1.3":                   {tls.VersionTLS13, true, true},
		"1.2":                   {tls.VersionTLS12, true, true},
		"1.1":                   {tls.VersionTLS11, true, false},
		"unknown certification": {tls.VersionTLS13, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tc.version}   //nolint:gosec // an old server
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it complains of bad handshakes
			s.StartTLS()
			t.Cleanup(s.Close)
			c := New(Config{Allow: loopback})
			if tc.trusted {
				c = trust(c, s)
			}
			if !tc.ok {
				_ = getRefused(t, c, s.URL)
			} else if got := fetched(t, c, s.URL); got != "hello" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestCauseIsLoggedOnceWithoutTheURL(t *testing.T) {
	s := serve(t, to("http://10.0.0.1/?sig=secret"))
	for raw, cause := range map[string]string{
		s.URL + "/?sig=secret":           "10.0.0.1 is not a permitted destination",
		"http://user:secret@127.0.0.1/":  "user information",
		"http://127.0.0.1:1/?sig=secret": "connection refused",
	} {
		var log bytes.Buffer
		_ = getRefused(t, New(Config{Allow: loopback, Log: slog.New(slog.NewTextHandler(&log, nil))}), raw)
		if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, cause) || strings.Contains(line, "secret") {
			t.Errorf("%q logs %q", raw, line)
		}
	}
}

func TestAllowOpensOnlyWhatItNames(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		allow string
		ok    bool
	}{{"127.0.0.0/8", true}, {"127.0.0.1/32", true}, {"127.0.0.2/32", false}, {"10.0.0.0/8", false}, {"::/0", false}} {
		client := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix(c.allow)}})
		if c.ok {
			get(t, client, s.URL)
		} else {
			_ = getRefused(t, client, s.URL)
		}
	}
}
