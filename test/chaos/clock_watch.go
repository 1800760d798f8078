package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	promisePause  = 50 * time.Millisecond  // between two reads
	awayPause     = 200 * time.Millisecond // before the next promise, when nobody has answered
	promiseBeyond = time.Second            // that reads go on after the end was seen
	exactTo       = time.Second            // how late an end may be
	cut           = time.Second            // at most, is cut off a time that is told in whole seconds
)

// promise is what ends by itself: a file that has a life, or a signed URL.
type promise struct {
	name   string
	client *api.Client
	path   string
	gone   int // the status after its end
	life   time.Duration
	asked  time.Time
	first  time.Time // when it may end
	last   time.Time // when it must have ended, if the server was there all the time
	stops  int64     // how long it had not been when the promise was given
	over   time.Time // when its end was first seen; zero before
}

// watch reads until some time after the end. Reads that fail, as while a server restarts, say nothing. It reports whether it saw the end.
func (p *promise) watch(ctx context.Context, c *clockTest) bool {
	tick := time.NewTicker(c.reads)
	defer tick.Stop()
	for p.over.IsZero() || time.Since(p.over) < promiseBeyond {
		if err := p.look(ctx, c); err != nil && ctx.Err() != nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return !p.over.IsZero()
}

// look reads once and judges the answer. An error means that there was none.
func (p *promise) look(ctx context.Context, c *clockTest) error {
	began := time.Now()
	resp, err := p.client.Do(ctx, api.Request{Method: http.MethodGet, Path: p.path})
	if err != nil {
		return err
	}
	ended := time.Now()
	switch {
	case resp.Status >= http.StatusInternalServerError:
		return resp.Err()
	case resp.Status == p.gone:
		if p.over.IsZero() {
			p.over = ended
		}
		if before := p.first.Sub(ended); before > 0 {
			c.found.addf(early, "%s ended %s before its time", p.name, before)
		}
	case resp.Status != http.StatusOK:
		c.found.addf(refused, "%s answers %d", p.name, resp.Status)
	case !p.over.IsZero():
		c.found.addf(resurrected, "%s is served %s after its end was seen", p.name, began.Sub(p.over))
	case !c.away.Load():
		if after := began.Sub(p.last.Add(c.delay(p))); after > exactTo {
			c.found.addf(resurrected, "%s is served %s after its time", p.name, after)
		}
	}
	return nil
}

// give notes that the promise was made. Where a clock decides that is not set, and so is ours, the end is a time. Elsewhere it is a time from now.
func (p *promise) give(c *clockTest, path string, ends time.Time) {
	p.path, p.stops = path, c.stopped.Load()
	p.first, p.last = p.asked.Add(p.life), time.Now().Add(p.life)
	if c.shared {
		p.first, p.last = ends, ends
	}
}

// lookAgain reads what has ended once more, until there is an answer.
func (p *promise) lookAgain(ctx context.Context, c *clockTest) error {
	return untilAnswered(ctx, func() error { return p.look(ctx, c) })
}

// watcher makes promises, one after the other, and watches each to its end.
type watcher struct {
	test *clockTest
	n    int
	rng  *rand.Rand
	kept *entry // the file that URLs are signed for
}

func newWatcher(c *clockTest, n int) *watcher {
	return &watcher{test: c, n: n, rng: c.stream(clockClients + n)}
}

// run returns how many have come to their end before ctx did. Half of the watchers make files, the others signed URLs.
func (w *watcher) run(ctx context.Context) (ended int) {
	promise := w.file
	if w.n%2 == 1 {
		promise = w.url
	}
	for i := 0; ctx.Err() == nil; i++ {
		p, err := promise(ctx, i)
		switch {
		case err != nil:
			_ = pause(ctx, awayPause)
		case p.watch(ctx, w.test):
			w.test.end(p)
			ended++
		}
	}
	return ended
}

// file uploads a file with a life.
func (w *watcher) file(ctx context.Context, i int) (*promise, error) {
	t := w.test.trial
	e := t.history.add(fmt.Sprintf("life-%d-%d", w.n, i), newText(w.rng.Uint64()))
	e.life = time.Duration(1+w.rng.IntN(3)) * time.Second
	// It may end while nobody looks.
	t.history.change(e, func(e *entry) { e.remove = unknown })
	p := &promise{
		name: e.key, client: w.test.system.client(), gone: http.StatusNotFound, life: e.life, asked: time.Now(),
	}
	o, err := upload(ctx, t, p.client, e, respondAsync())
	if o != ok {
		t.history.change(e, func(e *entry) { e.upload = failed }) // there or not, its end comes: it is not to be sent again
		return nil, err
	}
	f, err := p.client.Get(ctx, e.id)
	if err != nil {
		return nil, err
	}
	p.give(w.test, "/v1/files/"+e.id, f.ExpiresAt)
	if w.test.shared {
		p.last = p.last.Add(cut)
	}
	return p, nil
}

// url has a URL signed for a file that stays.
func (w *watcher) url(ctx context.Context, i int) (*promise, error) {
	t, c := w.test.trial, w.test.system.client()
	if w.kept == nil {
		e := t.history.add(fmt.Sprintf("kept-%d", w.n), newText(w.rng.Uint64()))
		if err := settleUpload(ctx, t, c, e, nil); err != nil {
			return nil, err
		}
		w.kept = e
	}
	life := time.Duration(2+w.rng.IntN(2)) * time.Second
	p := &promise{
		name: fmt.Sprintf("signed-%d-%d", w.n, i), client: c.As(""), gone: http.StatusForbidden, life: life, asked: time.Now(),
	}
	resp, err := c.Do(ctx, api.Request{
		Method: http.MethodPost, Path: "/v1/files/" + w.kept.id + "/sign", Body: strings.NewReader(fmt.Sprintf(`{"expires_in": %d}`, life/time.Second)),
	})
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return nil, err
	}
	var signed struct {
		URL string    `json:"url"`
		End time.Time `json:"expires_at"`
	}
	if err := api.Decode(resp, &signed); err != nil {
		return nil, err
	}
	p.give(w.test, strings.TrimPrefix(signed.URL, c.Base()), signed.End)
	if !w.test.shared {
		p.first = p.first.Add(-cut)
	}
	return p, nil
}
