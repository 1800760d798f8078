package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// patience is how long a request may stand still before it counts as failed.
type patience struct {
	ask    time.Duration // for an answer about one object
	work   time.Duration // for the answer to a write, from its last byte on; for a list; and while a body is sent
	finish time.Duration // for a multipart upload to be put together: S3 says 200 early, others when they are done
	body   time.Duration // while the body of an answer is read
	// whole is for an ask and its repetitions: who waits for it is told to come back instead.
	whole time.Duration
}

var defaultPatience = patience{
	ask: time.Second, work: 10 * time.Second, finish: time.Minute, body: 5 * time.Second, whole: 1500 * time.Millisecond,
}

// limit is the patience with one request.
func (p patience) limit(r *http.Request) time.Duration {
	switch {
	case r.Method == http.MethodHead, r.Method == http.MethodDelete, r.Method == http.MethodGet && r.URL.RawQuery == "":
		return p.ask
	case r.Method == http.MethodPost && r.URL.Query().Has("uploadId"):
		return p.finish
	}
	return p.work
}

var (
	errSilent = errors.New("the server has stood still for too long")
	errNotS3  = errors.New("a 404 that no S3 server has written")
)

// transport ends requests that stand still, and tells the circuit what became of each.
type transport struct {
	next     http.RoundTripper
	circuit  *circuit
	patience patience
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	w := newWatch(t.patience.limit(r), cancel)
	out := r.WithContext(ctx)
	var sent *sentBody
	if r.Body != nil && r.Body != http.NoBody {
		sent = &sentBody{ReadCloser: r.Body, watch: w}
		out.Body = sent
	}
	resp, err := t.next.RoundTrip(out)
	w.stop()
	if sent != nil && (err != nil || triesAgain(resp.StatusCode)) {
		sent.sever()
	}
	if err == nil && resp.StatusCode == http.StatusNotFound && !fromS3(resp) {
		_ = resp.Body.Close()
		err = errNotS3
	}
	switch {
	case err != nil && r.Context().Err() != nil: // given up by us: that says nothing of the server
	case err != nil, triesAgain(resp.StatusCode):
		t.circuit.failed()
	default:
		t.circuit.answered()
	}
	if err != nil {
		err = because(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &readBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, limit: t.patience.body}
	return resp, nil
}

// fromS3 reports whether a 404 is the server's own, and not that of a proxy before it. The answer to a HEAD has no body to tell.
func fromS3(r *http.Response) bool {
	return r.Request.Method == http.MethodHead || strings.Contains(r.Header.Get("Content-Type"), "xml")
}

// triesAgain reports whether a status says that the server could not deal with a request now.
func triesAgain(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// because gives an error that comes of an ended context that context's cause.
func because(ctx context.Context, err error) error {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if cause := context.Cause(ctx); ended && cause != nil {
		return cause
	}
	return err
}

// watch cancels a request in which nothing has moved for a while.
type watch struct {
	limit time.Duration

	mu    sync.Mutex
	timer *time.Timer
	over  bool
}

func newWatch(limit time.Duration, cancel context.CancelCauseFunc) *watch {
	return &watch{limit: limit, timer: time.AfterFunc(limit, func() { cancel(errSilent) })}
}

// moved gives the request its time anew.
func (w *watch) moved() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.timer.Reset(w.limit)
	}
}

// stop ends the watch for good. The body of a request may still be read after its answer has come.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.timer.Stop()
}

// sentBody is the body of a request on its way. It is in memory: to read it takes no time.
type sentBody struct {
	io.ReadCloser
	watch *watch

	mu      sync.Mutex
	severed bool
}

var errSevered = errors.New("the request has ended")

func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.severed {
		return 0, errSevered
	}
	b.watch.moved()
	return b.ReadCloser.Read(p)
}

// sever gives the bytes back to the caller, who may send them again. An http.Transport may go on reading a body after its RoundTrip has returned.
func (b *sentBody) sever() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.severed = true
}

// readBody is the body of an answer. Only while it is being read does the server have to hurry: who reads may be slow.
type readBody struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	limit  time.Duration
}

func (b *readBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.limit, func() { b.cancel(errSilent) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	return n, because(b.ctx, err)
}

func (b *readBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
