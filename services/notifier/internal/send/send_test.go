package send

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// secretOf is a secret of n bytes, all of them b.
func secretOf(n int, b byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), n)))
}

func newSender(t *testing.T, c Config) *Sender {
	t.Helper()
	s := New(c)
	t.Cleanup(s.Close)
	return s
}

// receiver answers as fn does. It hears the end of the test, so that nothing hangs in it.
func receiver(t *testing.T, fn http.HandlerFunc) *httptest.Server {
	t.Helper()
	r := httptest.NewServer(fn)
	t.Cleanup(r.Close)
	return r
}

// TestSignatures has the reference library verify what is sent, by every secret, and computes tagd-ai's signature as its page tells.
func TestSignatures(t *testing.T) {
	secrets := []string{secretOf(32, 'n'), secretOf(24, 'o')}
	const body = `{"id":"01J","text":"Übersicht „Q3“"}`
	var header http.Header
	var got []byte
	r := receiver(t, func(_ http.ResponseWriter, req *http.Request) {
		header = req.Header
		got, _ = io.ReadAll(req.Body)
		if req.Method != http.MethodPost || req.ContentLength != int64(len(body)) {
			t.Errorf("%s of %d bytes", req.Method, req.ContentLength)
		}
	})
	sent := newSender(t, Config{Allow: loopback}).Send(t.Context(), core.Sending{URL: r.URL + "/hook?a=b", Secrets: secrets, EventID: "01JEVENT", Body: body})
	if !sent.Delivered || sent.Status != http.StatusOK || string(got) != body {
		t.Fatalf("%+v, %q", sent, got)
	}
	if header.Get("webhook-id") != "01JEVENT" || header.Get("Content-Type") != contentType || header.Get("User-Agent") != "Inlet" {
		t.Errorf("the header is %v", header)
	}
	for _, secret := range append(secrets, secretOf(32, 'x')) {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(got, header); (err == nil) != (secret != secretOf(32, 'x')) {
			t.Errorf("by %s: %v", secret, err)
		}
	}
	m := hmac.New(sha256.New, []byte(secrets[0]))
	m.Write(got)
	if want := "sha256=" + hex.EncodeToString(m.Sum(nil)); header.Get("X-tagd-ai-Signature") != want {
		t.Errorf("tagd-ai's signature is %q, want %q", header.Get("X-tagd-ai-Signature"), want)
	}
}

func TestOutcomes(t *testing.T) {
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   core.Sent
	}{
		"204": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, core.Sent{Delivered: true, Status: 204}},
		"299": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) }, core.Sent{Delivered: true, Status: 299}},
		"308": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
			},
			core.Sent{Status: 308, Text: "status 308: redirects are not followed"},
		},
		"400": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, core.Sent{Status: 400, Text: "status 400"}},
		"410": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, core.Sent{Status: 410, Gone: true, Text: "status 410"}},
		"429 for some seconds": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(429)
		}, core.Sent{Status: 429, RetryAfter: 2 * time.Minute, Text: "status 429"}},
		"503 until a date": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", now.Add(time.Hour).Format(http.TimeFormat))
			w.WriteHeader(503)
		}, core.Sent{Status: 503, RetryAfter: time.Hour, Text: "status 503"}},
		"a long answer": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, endless{}, 1<<20) }, core.Sent{Delivered: true, Status: 200}},
		"an endless header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*egress.MaxHeaderBytes))
		}, core.Sent{Text: "the connection failed"}},
		"nothing": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, core.Sent{Text: "the connection failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t, Config{Allow: loopback, Now: func() time.Time { return now }})
			got := s.Send(t.Context(), core.Sending{URL: receiver(t, c.answer).URL, Secrets: []string{secretOf(24, 'a')}, EventID: "e", Body: "{}"})
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// endless gives bytes for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestNoAnswer(t *testing.T) {
	hanging := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the end of the connection is noticed only after it
		<-r.Context().Done()
	})
	plain := receiver(t, func(http.ResponseWriter, *http.Request) {})
	self := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer self.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, c := range map[string]struct {
		url   string
		allow []netip.Prefix
		want  string
	}{
		"too slow":           {hanging.URL, loopback, "the receiver took too long"},
		"a private address":  {plain.URL, nil, "the address is not public, or its port is not allowed"},
		"a private name":     {strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), nil, "the address is not public, or its port is not allowed"},
		"nobody listens":     {"http://" + closed.Addr().String(), loopback, "the connection failed"},
		"no such host":       {"http://missing.invalid/", loopback, "the host was not found"},
		"its own signature":  {self.URL, loopback, "the receiver's certificate is not valid"},
		"no TLS at all":      {strings.Replace(plain.URL, "http:", "https:", 1), loopback, "the connection failed"},
		"not a URL any more": {"http://[::1", loopback, "the URL is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if name != "too slow" {
				ctx = t.Context()
			}
			s := newSender(t, Config{Allow: c.allow})
			got := s.Send(ctx, core.Sending{URL: c.url, Secrets: []string{secretOf(24, 'a')}, EventID: "e", Body: "{}"})
			if got != (core.Sent{Text: c.want}) {
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

// A secret that is none signs nothing, and is not told.
func TestBadSecrets(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_*"}, {"YWJj"}, {secretOf(24, 'a'), "hush"}} {
		h := http.Header{}
		if err := sign(h, secrets, "e", time.Now(), "{}"); err == nil || len(h) > 0 || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, %v", secrets, err, h)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "0", "-1", "120", "9999999999", "Sun, 22 Nov 2026 08:00:00 GMT", "soon"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s, now); d < 0 {
			t.Errorf("%q: %s", s, d)
		}
	})
}
