package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	outAskers  = 4
	askPause   = 50 * time.Millisecond
	outLimit   = 2 * time.Second // for an answer while the store is out
	returnTime = 5 * time.Second // from when the store is back to when an upload is taken
)

// outAnswers is what was answered while the store was out. It may be used by many goroutines.
type outAnswers struct {
	mu       sync.Mutex
	outages  int
	count    int
	slowest  time.Duration
	returned time.Duration // the longest
}

func (a *outAnswers) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%d answers in %d outages, the slowest after %d ms, back after %d ms at the latest",
		a.count, a.outages, a.slowest.Milliseconds(), a.returned.Milliseconds())
}

// answered judges an answer.
func (a *outAnswers) answered(t *trial, what string, took time.Duration, status int, h http.Header) {
	a.mu.Lock()
	a.count++
	a.slowest = max(a.slowest, took)
	a.mu.Unlock()
	if took > outLimit {
		t.found.addf(late, "the store was out: %s was answered after %s", what, took.Round(time.Millisecond))
	}
	if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
		t.found.addf(late, "the store was out: %s was answered %d, Retry-After %q", what, status, h.Get("Retry-After"))
	}
}

func (a *outAnswers) recovered(t *trial, took time.Duration) {
	a.mu.Lock()
	a.outages++
	a.returned = max(a.returned, took)
	a.mu.Unlock()
	if took > returnTime {
		t.found.addf(late, "an upload was taken %s after the store was back", took.Round(time.Millisecond))
	}
}

// asker uploads and downloads while the store is out, and notes each answer.
type asker struct {
	objects *objects
	known   *entry // which is there
	fresh   *entry // which is not
	turn    int
}

func (o *objects) newAsker(n int, known *entry) *asker {
	key := fmt.Sprintf("asked-%d-%d", o.answers.outages, n)
	return &asker{objects: o, known: known, fresh: o.history.add(key, newText(o.rng.Uint64()))}
}

// run asks one thing after the other until ctx ends, and gets the answer to the last.
func (a *asker) run(ctx context.Context) {
	asking := context.WithoutCancel(ctx)
	for pause(ctx, askPause) == nil {
		a.turn++
		if a.turn%2 == 0 {
			a.download(asking)
		} else {
			a.upload(asking)
		}
	}
}

func (a *asker) upload(ctx context.Context) {
	t, c := a.objects.trial, a.objects.server.Client
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	var took time.Duration
	var f api.File
	_, err := t.history.ask("upload", a.fresh, func() (err error) {
		start := time.Now()
		f, err = put(ctx, c, a.fresh, bytes.NewReader(a.fresh.bytes()), nil, respondAsync())
		took = time.Since(start)
		return err
	}, func(e *entry, o outcome) { e.upload, e.id = o, f.ID })
	var answer *api.Error
	if errors.As(err, &answer) {
		a.objects.answers.answered(t, "an upload", took, answer.Status, answer.Header)
		return
	}
	a.objects.answers.answered(t, fmt.Sprintf("an upload (%v)", err), took, 0, nil)
}

func (a *asker) download(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	start := time.Now()
	resp, err := a.objects.server.Download(ctx, a.known.id, nil)
	took, what := time.Since(start), "a download"
	if err != nil {
		what = fmt.Sprintf("a download (%v)", err)
	}
	a.objects.answers.answered(a.objects.trial, what, took, resp.Status, resp.Header)
}
