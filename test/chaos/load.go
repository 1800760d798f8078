package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	attemptLimit = 30 * time.Second      // for one answer
	retryPause   = 20 * time.Millisecond // before the same request is sent again
)

// put sends a file under its key as a raw body; the file is called after the key. The query may hold its life.
func put(ctx context.Context, c *api.Client, e *entry, body io.Reader, query url.Values, h http.Header) (api.File, error) {
	s := e.sample()
	header := http.Header{"Content-Disposition": {`attachment; filename="` + e.key + s.Name + `"`}, "Content-Type": {s.Type}, "Idempotency-Key": {e.key}}
	for name, values := range h {
		header[name] = values
	}
	resp, err := c.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/files?" + query.Encode(), Header: header, Body: body, Length: e.size})
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return api.File{}, err
	}
	var f api.File
	return f, api.Decode(resp, &f)
}

// query asks for the life of a file.
func (e *entry) query() url.Values {
	if e.life == 0 {
		return nil
	}
	return url.Values{"expires_in": {strconv.Itoa(int(e.life / time.Second))}}
}

// respondAsync asks for an answer as soon as the file is stored.
func respondAsync() http.Header { return http.Header{"Prefer": {"respond-async"}} }

// upload sends an entry's file once, and lets the history know.
func upload(ctx context.Context, t *trial, c *api.Client, e *entry, h http.Header) (outcome, error) {
	var f api.File
	o, err := t.history.ask("upload", e, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, attemptLimit)
		defer cancel()
		f, err = put(ctx, c, e, bytes.NewReader(e.bytes()), e.query(), h)
		if id := rejectedAs(e, err); id != "" {
			f.ID, err = id, nil
		}
		return err
	}, func(e *entry, o outcome) { e.upload, e.id = o, f.ID })
	if o == failed {
		t.found.addf(refused, "upload %s: %v", e.key, err)
	}
	return o, err
}

// rejectedAs returns the id of a bad file that is stored and has its verdict by now, with which one that is sent again is answered.
func rejectedAs(e *entry, err error) string {
	var answer *api.Error
	if e.kind == broken && errors.As(err, &answer) && answer.Header.Get("Inlet-File-Id") != "" {
		return "file_" + answer.Header.Get("Inlet-File-Id")
	}
	return ""
}

// settleUpload sends an entry's file, under its key, until it is known what came of it.
func settleUpload(ctx context.Context, t *trial, c *api.Client, e *entry, h http.Header) error {
	return untilKnown(ctx, func() (outcome, error) { return upload(ctx, t, c, e, h) })
}

// untilKnown repeats a request until its outcome is known. It returns an error when ctx ends first.
func untilKnown(ctx context.Context, ask func() (outcome, error)) error {
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for {
		o, err := ask()
		if o != unknown {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; the last answer: %w", ctx.Err(), err)
		}
	}
}

// untilServed repeats what is answered 503, which asks to try again, for as long as a file may take to its end.
func untilServed(ctx context.Context, ask func() error) error {
	begin := time.Now()
	for {
		err := ask()
		if api.Status(err) != http.StatusServiceUnavailable || time.Since(begin) > settleLimit || pause(ctx, retryPause) != nil {
			return err
		}
	}
}

// client uploads, reads, changes and deletes files of its own, one request after the other.
type client struct {
	*api.Client
	trial   *trial
	checker *checker
	name    string
	rng     *rand.Rand
	content func(seed uint64) content // of the next file
	gate    *gate                     // that it must pass before it begins something; nil for none
	sent    int
	mine    []*entry // acknowledged, and not deleted
}

func newClient(t *trial, c *api.Client, n int) *client {
	return &client{Client: c, trial: t, checker: newChecker(t, c), name: fmt.Sprintf("c%d", n), rng: t.stream(n), content: newContent}
}

// run does one thing after the other until ctx ends. What was under way then stays unknown.
func (c *client) run(ctx context.Context) {
	for c.gate.pass(ctx) {
		switch p := c.rng.IntN(100); {
		case p < 60 || len(c.mine) == 0:
			c.send(ctx)
		case p < 75:
			c.read(ctx)
		case p < 88:
			c.describe(ctx)
		default:
			c.remove(ctx)
		}
	}
}

// gate holds clients up while it is shut; what they have begun goes on. The zero value is open. It is for many goroutines.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // closed when it opens; nil while it is open
}

// pass returns true when the gate is open, and false when ctx has ended.
func (g *gate) pass(ctx context.Context) bool {
	for g != nil {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut == nil {
			break
		}
		select {
		case <-shut:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (c *client) pick() int { return c.rng.IntN(len(c.mine)) }

// send uploads a new file. One good file in ten waits for its verdict; a bad one would be answered with a 4xx, and be no upload.
func (c *client) send(ctx context.Context) {
	e := c.trial.history.add(fmt.Sprintf("%s-%d", c.name, c.sent), c.content(c.rng.Uint64()))
	c.sent++
	h := respondAsync()
	if c.rng.IntN(10) == 0 && e.kind != broken {
		h = nil
	}
	if settleUpload(ctx, c.trial, c.Client, e, h) == nil && e.upload == ok {
		c.mine = append(c.mine, e)
	}
}

// read looks at a file. That the server is down meanwhile is no finding.
func (c *client) read(ctx context.Context) {
	_ = c.checker.look(ctx, c.mine[c.pick()], false)
}

// describe gives a file another description.
func (c *client) describe(ctx context.Context) {
	e := c.mine[c.pick()]
	note := fmt.Sprintf("note %d", c.rng.Uint32())
	h := &c.trial.history
	h.change(e, func(e *entry) { e.notes = append(e.notes, note) })
	_ = untilKnown(ctx, func() (outcome, error) { // when ctx ends, either description may stand
		o, err := h.ask("patch", e, func() error {
			ctx, cancel := context.WithTimeout(ctx, attemptLimit)
			defer cancel()
			_, err := c.Patch(ctx, e.id, fmt.Sprintf(`{"description": %q}`, note))
			return err
		}, func(e *entry, o outcome) {
			if o == ok {
				e.notes = []string{note}
			}
		})
		if o == failed {
			c.trial.found.addf(refused, "patch %s (%s): %v", e.key, e.id, err)
		}
		return o, err
	})
}

// remove deletes a file.
func (c *client) remove(ctx context.Context) {
	i := c.pick()
	e := c.mine[i]
	c.mine = slices.Delete(c.mine, i, i+1)
	_ = settleDelete(ctx, c.trial, c.Client, e) // when ctx ends, it stays unknown
}

// settleDelete deletes an entry's file, and tries until it is known that it was done. After an attempt of unknown outcome, 404 says so.
func settleDelete(ctx context.Context, t *trial, c *api.Client, e *entry) error {
	t.history.change(e, func(e *entry) { e.remove = unknown })
	tried := false
	return untilKnown(ctx, func() (outcome, error) {
		o, err := t.history.ask("delete", e, func() error {
			ctx, cancel := context.WithTimeout(ctx, attemptLimit)
			defer cancel()
			err := c.Delete(ctx, e.id)
			if tried && api.Status(err) == http.StatusNotFound {
				return nil
			}
			return err
		}, func(e *entry, o outcome) {
			if o == ok {
				e.remove = ok
			}
		})
		tried = true
		if o == failed {
			t.found.addf(refused, "delete %s (%s): %v", e.key, e.id, err)
		}
		return o, err
	})
}
