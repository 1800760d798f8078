package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// fileIDHeader names the file that an answer is about, by its bare ULID.
const fileIDHeader = "Inlet-File-Id"

// request is what is sent. It can be sent many times when its body can.
type request struct {
	method string
	path   string // below the base, escaped
	query  url.Values
	header http.Header
	body   *body         // nil for none
	once   bool          // sending it twice may do a thing twice, or cannot be done
	idle   time.Duration // that of the client when zero
}

// jsonRequest is a request with a JSON body; none when v is nil.
func jsonRequest(method, path string, v any) (request, error) {
	r := request{method: method, path: path}
	if v == nil {
		return r, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return r, fmt.Errorf("inlet: encode the request: %w", err)
	}
	reader := bytes.NewReader(text)
	r.body = &body{r: reader, seeker: reader, size: reader.Size()}
	r.header = http.Header{"Content-Type": {"application/json"}}
	return r, nil
}

// do sends a request, again where that helps, and returns the answer when it is a 2xx. The caller closes its body.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	for failed := 0; ; failed++ {
		resp, err := c.try(ctx, r)
		if err == nil {
			return resp, nil
		}
		if r.method == http.MethodDelete && failed > 0 && errors.Is(err, ErrNotFound) {
			return nil, errGone // the first one did it, and its answer was lost
		}
		if r.once || failed >= c.retries || !Temporary(err) {
			return nil, err
		}
		wait := c.backoff.after(failed, err)
		if wait > maxRetryAfter {
			return nil, err
		}
		if sleep(ctx, wait) != nil {
			return nil, fmt.Errorf("%w (and then %w)", err, context.Cause(ctx))
		}
		c.http.CloseIdleConnections() // the next time is on a new one (RFC 9110, 15.5.9)
	}
}

// errGone is a DELETE that found nothing left to delete.
var errGone = errors.New("gone already")

// try sends a request once.
func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := c.idle
	if r.idle > 0 {
		limit = r.idle
	}
	dog := newWatchdog(limit, func() { cancel(ErrIdle) })
	req, sent, err := c.build(ctx, r, dog)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	dog.arm()
	resp, err := c.http.Do(req)
	dog.disarm()
	sent.release()
	if err != nil {
		err = because(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &answer{ReadCloser: resp.Body, ctx: ctx, dog: dog, cancel: cancel}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	return resp, nil
}

func (c *Client) build(ctx context.Context, r request, dog *watchdog) (*http.Request, *attempt, error) {
	target := c.base.String() + r.path
	if !strings.HasPrefix(r.path, "/") { // one that the server gave out
		target = r.path
	}
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("inlet: %w", err)
	}
	var sent *attempt
	if r.body != nil {
		if sent, err = r.body.begin(dog); err != nil {
			return nil, nil, fmt.Errorf("inlet: rewind what is sent: %w", err)
		}
		req.Body, req.ContentLength = sent, r.body.size
		if r.body.size == 0 {
			req.Body = http.NoBody
		}
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, sent, nil
}

// because tells apart the three ends of a request without an answer: its caller's, that of standing still, and a failed connection.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ErrIdle) {
		return fmt.Errorf("inlet: %w", cause)
	} else if cause != nil {
		return &transportError{cause}
	}
	var u *url.Error
	if errors.As(err, &u) { // its URL may hold more than a log should
		err = u.Err
	}
	return &transportError{err}
}

// answer is the body of an answer. It is cut off when it stands still while somebody reads.
type answer struct {
	io.ReadCloser
	ctx    context.Context // the request's own, whose end the body must explain
	dog    *watchdog
	cancel context.CancelCauseFunc
}

func (a *answer) Read(p []byte) (int, error) {
	a.dog.arm()
	n, err := a.ReadCloser.Read(p)
	a.dog.disarm()
	if err != nil && !errors.Is(err, io.EOF) {
		err = because(a.ctx, err)
	}
	return n, err
}

func (a *answer) Close() error {
	a.dog.disarm()
	err := a.ReadCloser.Close()
	a.cancel(nil)
	return err
}

// maxAnswerBytes bounds an answer in JSON.
const maxAnswerBytes = 16 << 20

// envelope is what the native API wraps its answers in.
type envelope[T any] struct {
	Data       T `json:"data"`
	Pagination struct {
		Next string `json:"next_cursor"`
	} `json:"pagination"`
}

// decode reads an answer in JSON.
func decode[T any](r io.Reader) (envelope[T], error) {
	var e envelope[T]
	text, err := io.ReadAll(io.LimitReader(r, maxAnswerBytes))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("inlet: the answer is not what it should be; is this an Inlet? %w", err)
	}
	return e, nil
}

// fetch sends a request and returns the data of its answer.
func fetch[T any](ctx context.Context, c *Client, r request) (T, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		var none T
		return none, err
	}
	defer resp.Body.Close()
	e, err := decode[T](resp.Body)
	return e.Data, err
}

// get reads one thing.
func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return fetch[T](ctx, c, request{method: http.MethodGet, path: path})
}

// send sends v as JSON and returns the data of the answer. once is for what must not be done twice.
func send[T any](ctx context.Context, c *Client, method, path string, v any, once bool) (T, error) {
	r, err := jsonRequest(method, path, v)
	if err != nil {
		var none T
		return none, err
	}
	r.once = once
	return fetch[T](ctx, c, r)
}

// exec sends a request whose answer says nothing more.
func (c *Client) exec(ctx context.Context, r request) error {
	resp, err := c.do(ctx, r)
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
