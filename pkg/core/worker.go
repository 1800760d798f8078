package core

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Worker does one kind of work on files: called by events, and by a look at the records for what no event has brought.
type Worker struct {
	Name        string     // of the durable consumer
	Fact        event.Fact // that brings the work
	Work        file.Work
	Concurrency int // at once; 1 when 0
	Do          func(context.Context, Hint) error
	Log         *slog.Logger
}

const (
	lookEvery    = 2 * time.Second       // between looks at the records
	lookGrace    = 5 * time.Second       // what an event gets before a look takes over
	lookLimit    = 64                    // records in one look
	backlogPause = 10 * time.Millisecond // between looks when there is more than that
)

// Run works until ctx ends, and then lets what has begun come to its end. The bus may be out all the time: the looks at the records do the work then.
func (c *Core) Run(ctx context.Context, b bus.Consumer, w Worker) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return b.Consume(ctx, bus.Work{
			Name:        w.Name,
			Subjects:    []string{event.SubjectOf(w.Fact)},
			Concurrency: w.Concurrency,
			Handle: func(ctx context.Context, d bus.Delivery) error {
				h, err := ReadHint(d.Data)
				if err != nil {
					return bus.Permanent(err)
				}
				if err := w.Do(ctx, h); err != nil {
					return fmt.Errorf("file %s: %w", h.ID, err)
				}
				return nil
			},
			Dead: func(ctx context.Context, d bus.Delivery, cause error) error {
				h, err := ReadHint(d.Data)
				if err != nil {
					return nil //nolint:nilerr // not an event: nothing to give up
				}
				if transient(cause) {
					return nil // the looks at the records go on until the dependency is back
				}
				w.Log.ErrorContext(ctx, "a file is given up", "file", h.ID, "work", w.Work, "err", cause)
				return c.GiveUp(ctx, h, w.Work, "processing_failed")
			},
		})
	})
	g.Go(func() error {
		c.look(ctx, w)
		return nil
	})
	return g.Wait()
}

// look does, until ctx ends, the work that is due and that no event has brought: the event was lost, its worker died, or the bus is out.
func (c *Core) look(ctx context.Context, w Worker) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		due, err := c.meta.Due(ctx, meta.Due(w.Work), c.now().Add(-lookGrace), lookLimit)
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("looking for work failed", "work", w.Work, "err", err)
		}
		var g errgroup.Group
		g.SetLimit(max(w.Concurrency, 1))
		for _, f := range due {
			if ctx.Err() != nil {
				break
			}
			g.Go(func() error {
				ctx := following(ctx, f)
				if err := w.Do(ctx, Hint{Tenant: f.Tenant, ID: f.ID}); err != nil && ctx.Err() == nil {
					w.Log.WarnContext(ctx, "an attempt failed", "file", f.ID, "work", w.Work, "attempt", f.Attempts+1, "err", err)
				}
				return nil
			})
		}
		_ = g.Wait() // its functions return nil
		pause := tick.C
		if len(due) == lookLimit {
			pause = time.After(backlogPause)
		}
		select {
		case <-pause:
		case <-ctx.Done():
			return
		}
	}
}
