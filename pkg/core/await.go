package core

import (
	"context"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// lookAgain is how often a waiter looks at the record by itself, in case the event that should wake it was lost.
const lookAgain = time.Second

// Settled reports whether nothing more is to come for a file: it has its verdict, and its thumbnail if one is owed.
func Settled(f *file.File) bool {
	work, _ := f.Owed()
	return work != file.WorkVerify && work != file.WorkThumbnail
}

// Judged reports whether a file has its verdict.
func Judged(f *file.File) bool { return f.State != file.Pending && f.State != file.Temp }

// Await returns the record as soon as done holds for it, or as it stands when limit has passed or ctx has ended; that is no error.
// It is woken by events (see Watch) and looks at the record, which alone decides.
func (c *Core) Await(ctx context.Context, f *file.File, limit time.Duration, done func(*file.File) bool) (*file.File, error) {
	if done(f) || limit <= 0 {
		return f, nil
	}
	wake, leave := c.waiters.join(f.ID)
	defer leave()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		got, err := c.meta.Get(ctx, f.Tenant, file.ByID(f.ID))
		switch {
		case err == nil:
			f = got
		case ctx.Err() == nil:
			return f, err
		}
		if done(f) {
			return f, nil
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-deadline.C:
			return f, nil
		case <-ctx.Done():
			return f, nil
		}
	}
}

// Watch wakes the waiters of this Core whenever w passes an event about their file. Call stop before the bus is closed.
func (c *Core) Watch(w bus.Watcher) (stop func(), err error) {
	facts := []event.Fact{event.Verified, event.Rejected, event.Failed, event.VariantCreated, event.Deleted, event.Expired}
	subjects := make([]string, len(facts))
	for i, fact := range facts {
		subjects[i] = event.SubjectOf(fact)
	}
	return w.Watch(subjects, func(m bus.Message) {
		if e, err := event.Decode(m.Data); err == nil {
			c.waiters.wake(e.Data.File.ID)
		}
	})
}

// waiters holds who waits for which file.
type waiters struct {
	mu sync.Mutex
	m  map[file.ID]map[chan struct{}]struct{}
}

func (w *waiters) join(id file.ID) (wake <-chan struct{}, leave func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = map[file.ID]map[chan struct{}]struct{}{}
	}
	if w.m[id] == nil {
		w.m[id] = map[chan struct{}]struct{}{}
	}
	w.m[id][ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.m[id], ch)
		if len(w.m[id]) == 0 {
			delete(w.m, id)
		}
	}
}

func (w *waiters) wake(id file.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.m[id] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
