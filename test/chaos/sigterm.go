package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	termUploads = 100
	termRest    = 500 * time.Millisecond // the latest that an upload goes on after the signal
	inFlight    = 15 * time.Second       // for all uploads to be under way
	stallEvery  = 25                     // of so many cycles, one has a client that never goes on
)

// terminate sends SIGTERM while uploads are half-way, lets them go on, and checks that the process ends well and nothing acknowledged is lost. Now and
// then a client never goes on: the process must end all the same.
func terminate(ctx context.Context, t *trial) (reached string, err error) {
	s, err := newServer(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := termination{trial: t, system: s, pick: func() ender { return s }, cycles: t.cycles, uploads: termUploads, stallEvery: stallEvery}
	end, err := r.run(ctx)
	return fmt.Sprintf("%s; %s", &r, end), err
}

// ender is a process that ends by SIGTERM and is started again.
type ender interface {
	term(ctx context.Context) (exit int, err error)
	start(ctx context.Context) error
	name() string
}

// termination is a run of SIGTERMs with uploads in flight.
type termination struct {
	trial      *trial
	system     system
	pick       func() ender // who is ended in the next cycle
	cycles     int
	uploads    int  // in flight
	stallEvery int  // of so many cycles, one has a client that never goes on; 0 for none
	late       bool // the signal comes some time after the uploads go on

	done, good, sent, answered int
	slowest                    time.Duration
}

// String gives the figures of all runs.
func (r *termination) String() string {
	return fmt.Sprintf("%d of %d ended with exit 0, the slowest after %.1f s; of %d uploads in flight %d were acknowledged, the rest sent again: %s",
		r.good, r.done, r.slowest.Seconds(), r.sent, r.answered, r.trial.found.figures(lost, changed, phantom, stuck, untidy))
}

// run ends and starts, and judges what is there in the end.
func (r *termination) run(ctx context.Context) (end string, err error) {
	t := r.trial
	c := newChecker(t, r.system.client())
	for range r.cycles {
		from := len(t.history.from(0))
		s := r.pick()
		took, clean, err := r.once(ctx, s, r.done)
		if err != nil {
			return "", err
		}
		r.done++
		if clean {
			r.good++
			r.slowest = max(r.slowest, took)
		}
		if err := s.start(ctx); err != nil {
			return "", err
		}
		sent := t.history.from(from)
		for _, e := range sent {
			if t.history.snapshot(e).upload == ok {
				r.answered++
			}
		}
		r.sent += len(sent)
		if err := c.lookAll(ctx, sent, false); err != nil {
			return "", err
		}
		t.line("SIGTERM %d of %s: ended after %d ms, %d of %d uploads answered, %d violations", r.done, s.name(), took.Milliseconds(), r.answered, r.sent, t.found.total())
	}
	return checkEnd(ctx, t, r.system)
}

// once sends uploads half-way, then SIGTERM, then the rest. It returns when the process has ended and every client knows what it can know.
func (r *termination) once(ctx context.Context, s ender, cycle int) (took time.Duration, clean bool, err error) {
	t := r.trial
	uploading, cut := context.WithCancel(ctx)
	var clients, stalled sync.WaitGroup
	defer func() {
		cut()
		clients.Wait()
		stalled.Wait()
	}()
	goOn := make(chan struct{})
	started := make(chan error, r.uploads)
	for i := range r.uploads {
		u := &halfUpload{entry: t.history.add(fmt.Sprintf("t%d-%d", cycle, i), newContent(t.rng.Uint64())), rest: t.within(termRest)}
		u.stalls = i == 0 && r.stallEvery > 0 && cycle%r.stallEvery == r.stallEvery-1
		group := &clients
		if u.stalls {
			group = &stalled
		}
		group.Go(func() { u.send(uploading, t, r.system.client(), started, goOn) })
	}
	limit := time.NewTimer(inFlight)
	defer limit.Stop()
	for n := range r.uploads {
		select {
		case err := <-started:
			if err != nil {
				return 0, false, err
			}
		case <-limit.C:
			return 0, false, fmt.Errorf("only %d of %d uploads are in flight", n, r.uploads)
		case <-ctx.Done():
			return 0, false, ctx.Err()
		}
	}
	close(goOn)
	if r.late {
		if err := pause(ctx, t.within(termRest)); err != nil {
			return 0, false, err
		}
	}
	start := time.Now()
	code, err := s.term(ctx)
	took = time.Since(start)
	switch {
	case err != nil && ctx.Err() == nil:
		t.found.addf(unclean, "cycle %d: %v", cycle, err)
	case err != nil:
		return took, false, err
	case code != 0:
		t.found.addf(unclean, "cycle %d: exit code %d", cycle, code)
	}
	clients.Wait() // who has lost the server knows it, and who has not is answered
	return took, err == nil && code == 0, nil
}

// halfUpload is an upload that waits in the middle.
type halfUpload struct {
	entry  *entry
	rest   time.Duration // from goOn to its second half
	stalls bool
}

// send sends the first half, tells started when the server has begun to read, and sends the second some time after goOn is closed.
func (u *halfUpload) send(ctx context.Context, t *trial, c *api.Client, started chan<- error, goOn <-chan struct{}) {
	body, more := io.Pipe()
	half := len(u.entry.bytes()) / 2
	var once sync.Once
	begun := make(chan struct{})
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { once.Do(func() { close(begun) }) }})
	done := make(chan error, 1)
	go func() {
		h := respondAsync()
		h.Set("Expect", "100-continue")
		var f api.File
		_, err := t.history.ask("upload", u.entry, func() (err error) {
			f, err = put(traced, c, u.entry, body, nil, h)
			return err
		}, func(e *entry, o outcome) { e.upload, e.id = o, f.ID })
		_ = body.CloseWithError(io.ErrClosedPipe) // of a pipe: never fails
		done <- err
	}()
	select {
	case <-begun:
	case err := <-done:
		started <- fmt.Errorf("%s was answered before it was sent: %w", u.entry.key, err)
		return
	}
	_, err := more.Write(u.entry.bytes()[:half])
	started <- err
	select {
	case <-goOn:
	case <-ctx.Done():
	}
	if u.stalls {
		<-ctx.Done() // the process has ended by then
	}
	if pause(ctx, u.rest) == nil {
		_, _ = more.Write(u.entry.bytes()[half:]) // an upload that was cut off says so in its outcome
	}
	_ = more.CloseWithError(ctx.Err()) // of a pipe: never fails; nil is a good end
	<-done
}
