package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve runs a server for one test, and makes a client of it that waits for nothing.
func serve(t *testing.T, h http.HandlerFunc, opts ...Option) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL, append([]Option{WithAPIKey("key")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	c.backoff = backoff{random: func() float64 { return 0 }}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// cut ends a connection in the middle of an answer.
func cut() { panic(http.ErrAbortHandler) }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestNewRefusesWhatIsNoServer(t *testing.T) {
	for _, address := range []string{"", "files.example.com", "ftp://files.example.com", "http://", "http://user:secret@h", "http://h?x=1", "http://h#x", "http://[::1"} {
		if _, err := New(address); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	c, err := New("https://files.example.com/inlet/")
	if err != nil || c.URL() != "https://files.example.com/inlet" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestErrors(t *testing.T) {
	all := []error{
		ErrInvalid, ErrUnauthorized, ErrForbidden, ErrNotFound, ErrNotReady, ErrConflict, ErrTooLarge, ErrRejected, ErrKeyReused, ErrRateLimited, ErrUnavailable, ErrStorageFull,
	}
	for _, x := range []struct {
		status    int
		code      string
		is        []error
		temporary bool
	}{
		{400, "invalid_request", []error{ErrInvalid}, false},
		{400, "file_too_large", []error{ErrInvalid, ErrTooLarge}, false},
		{401, "unauthorized", []error{ErrUnauthorized}, false},
		{403, "forbidden", []error{ErrForbidden}, false},
		{404, "not_found", []error{ErrNotFound}, false},
		{409, "not_ready", []error{ErrNotReady}, false},
		{409, "conflict", []error{ErrConflict}, false},
		{412, "precondition_failed", []error{ErrConflict}, false},
		{413, "", []error{ErrTooLarge}, false},
		{415, "corrupt", []error{ErrRejected}, false},
		{422, "idempotency_key_reused", []error{ErrInvalid, ErrKeyReused}, false},
		{429, "rate_limit_exceeded", []error{ErrRateLimited}, true},
		{429, "too_many_variants", []error{ErrRateLimited}, false},
		{500, "internal_error", nil, false},
		{502, "", []error{ErrUnavailable}, true},
		{503, "unavailable", []error{ErrUnavailable}, true},
		{507, "insufficient_storage", []error{ErrStorageFull}, false},
	} {
		var err error = &Error{Status: x.status, Code: x.code}
		for _, target := range all {
			want := false
			for _, is := range x.is {
				want = want || is == target //nolint:errorlint // the values themselves
			}
			if got := errors.Is(err, target); got != want {
				t.Errorf("%d %s is %q: %v, want %v", x.status, x.code, target, got, want)
			}
		}
		if got := Temporary(err); got != x.temporary {
			t.Errorf("%d %s is temporary: %v", x.status, x.code, got)
		}
	}
}

func TestErrorOfAnAnswer(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "req1")
		w.Header().Set("Retry-After", "7200")
		if strings.Contains(r.URL.Path, "proxy") {
			http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"success":false,"error":{"code":"unavailable","message":"try again"}}`)
	})
	_, err := c.Get(t.Context(), "1")
	if want := (Error{Status: 503, Code: "unavailable", Message: "try again", RequestID: "req1", RetryAfter: 2 * time.Hour}); !sameError(err, want) {
		t.Errorf("got %#v", err)
	}
	if want := "inlet: 503 unavailable: try again (request req1)"; err.Error() != want {
		t.Errorf("it says %q", err)
	}
	_, err = c.Get(t.Context(), "proxy")
	if want := (Error{Status: 502, Message: "Bad Gateway", RequestID: "req1", RetryAfter: 2 * time.Hour}); !sameError(err, want) {
		t.Errorf("got %#v", err)
	}
}

func sameError(err error, want Error) bool {
	var e *Error
	return errors.As(err, &e) && *e == want
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "12": 12 * time.Second, "-1": 0, "soon": 0, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:03:05 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	b := backoff{base: 200 * time.Millisecond, most: 5 * time.Second, random: func() float64 { return 0.5 }}
	for n, want := range map[int]time.Duration{0: 150 * time.Millisecond, 1: 300 * time.Millisecond, 9: 3750 * time.Millisecond, 99: 3750 * time.Millisecond} {
		if got := b.after(n, errors.New("cut")); got != want {
			t.Errorf("after failure %d it waits %s, want %s", n, got, want)
		}
	}
	if got := b.after(0, &Error{Status: 429, RetryAfter: 9 * time.Second}); got != 9*time.Second {
		t.Errorf("it waits %s in place of what the server asks for", got)
	}
}

func TestUploadIsRepeatedUnderOneKey(t *testing.T) {
	var tries atomic.Int32
	keys := make(chan string, 4)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Idempotency-Key")
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable) // before the body is read
		case 2:
			_, _ = io.CopyN(io.Discard, r.Body, 10)
			cut()
		case 3:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "hello, world" || r.ContentLength != 12 || r.URL.Path != "/v1/tags/holi%20day/files" && r.URL.Path != "/v1/tags/holi day/files" {
				t.Errorf("the last try was %s %q, %v", r.URL, body, err)
			}
			if r.Header.Get("Authorization") != "Bearer key" || r.URL.Query().Get("expires_in") != "90" || r.Header.Get("Prefer") != "respond-async" {
				t.Errorf("the last try was %v %v", r.URL, r.Header)
			}
			if got := r.Header.Get("Content-Disposition"); got != `attachment; filename=a.txt` {
				t.Errorf("the file is %s", got)
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"success":true,"data":{"id":"file_1","state":"ready"}}`)
		}
	})
	source := strings.NewReader("SKIPhello, world")
	if _, err := source.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var sent int64
	f, err := c.Upload(t.Context(), source, UploadOptions{
		Filename: "a.txt", Tag: "holi day", ExpiresIn: 90 * time.Second, Async: true,
		Progress: func(n, total int64) {
			if sent = n; total != 12 {
				t.Errorf("the total is %d", total)
			}
		},
	})
	if err != nil || f.ID != "file_1" || f.State != "ready" || sent != 12 {
		t.Fatalf("got %+v, %v, %d bytes sent", f, err, sent)
	}
	first := <-keys
	for range 3 {
		if key := <-keys; key != first || key == "" {
			t.Errorf("the keys are %q and %q", first, key)
		}
	}
}

func TestWhatCannotBeRewoundIsSentOnce(t *testing.T) {
	var tries atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		if r.ContentLength != -1 {
			t.Errorf("the length is %d", r.ContentLength)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := c.Upload(t.Context(), io.MultiReader(strings.NewReader("hello")), UploadOptions{Filename: "a.txt"})
	if !errors.Is(err, ErrUnavailable) || tries.Load() != 1 {
		t.Errorf("%d tries, %v", tries.Load(), err)
	}
}

func TestRetriesEnd(t *testing.T) {
	for _, x := range []struct {
		status int
		wait   string
		tries  int32
	}{{503, "", 3}, {400, "", 1}, {500, "", 1}, {429, "3600", 1}} {
		var tries atomic.Int32
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.Header().Set("Retry-After", x.wait)
			w.WriteHeader(x.status)
		}, WithRetries(2))
		if _, err := c.Get(t.Context(), "1"); err == nil || tries.Load() != x.tries {
			t.Errorf("%d: %d tries, %v", x.status, tries.Load(), err)
		}
	}
}

func TestDeleteWhoseAnswerWasLost(t *testing.T) {
	var tries atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			cut()
		}
		w.WriteHeader(http.StatusNotFound)
	})
	if err := c.Delete(t.Context(), "1"); err != nil {
		t.Errorf("deleted, and then %v", err)
	}
	if err := c.Delete(t.Context(), "1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was never there: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	wait := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/download") {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "12345")
			_ = http.NewResponseController(w).Flush()
		}
		wait(r)
	}, WithIdleTimeout(30*time.Millisecond), WithRetries(0))
	if _, err := c.Get(t.Context(), "1"); !errors.Is(err, ErrIdle) || !Temporary(err) {
		t.Errorf("no answer: %v", err)
	}
	d, err := c.Download(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(d); !errors.Is(err, ErrIdle) {
		t.Errorf("half an answer: %v", err)
	}
	_ = d.Close()
}

func TestContextEndsARequest(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(why)
		<-r.Context().Done()
	})
	if _, err := c.Get(ctx, "1"); !errors.Is(err, why) || Temporary(err) {
		t.Errorf("got %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.test/", http.StatusMovedPermanently)
	})
	if _, err := c.Get(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "https://elsewhere.test/") {
		t.Errorf("got %v", err)
	}
}

func TestListGoesFromPageToPage(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("limit") != "2" || q.Get("order") != "desc" || q.Get("state") != "ready,failed" || q.Get("type") != "image/*" {
			t.Errorf("asked for %s", r.URL)
		}
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = io.WriteString(w, `{"success":true,"data":[{"id":"a"},{"id":"b"}],"pagination":{"next_cursor":"n"}}`)
		case "n":
			_, _ = io.WriteString(w, `{"success":true,"data":[{"id":"c"}],"pagination":{}}`)
		}
	})
	o := ListOptions{PageSize: 2, NewestFirst: true, Type: "image/*"}
	o.States = append(o.States, "ready", "failed")
	var got []string
	for f, err := range c.List(t.Context(), o) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f.ID)
	}
	if strings.Join(got, "") != "abc" {
		t.Errorf("got %v", got)
	}
	for range c.List(t.Context(), o) {
		break // asks for one page only
	}
}

func TestWaitEndsWithTheVerdict(t *testing.T) {
	var looked atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if looked.Add(1) < 3 {
			_, _ = io.WriteString(w, `{"data":{"id":"a","state":"pending"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"data":{"id":"a","state":"rejected","reason":"corrupt"}}`)
	})
	f, err := c.Wait(t.Context(), "a")
	if err != nil || f.State != "rejected" || f.Reason != "corrupt" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestAnswerOfSomethingElse(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, bytes.NewReader([]byte("<html>"))) })
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "is this an Inlet?") {
		t.Errorf("got %v", err)
	}
}
