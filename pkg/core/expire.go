package core

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// ExpireDue buries files whose life has ended and removes their bytes, the longest dead first, and returns how many.
// (They were not served from the second on when it ended: that takes no sweeper.)
func (c *Core) ExpireDue(ctx context.Context, limit int) (int, error) {
	return c.buryDue(ctx, meta.DueExpiry, c.now(), limit, "expiry", event.Expired, func(f *file.File) bool { return f.Expired(c.now()) })
}

// AbandonDue buries promises that nobody kept within age.
func (c *Core) AbandonDue(ctx context.Context, age time.Duration, limit int) (int, error) {
	return c.buryDue(ctx, meta.DueFinish, c.now().Add(-age), limit, "abandoned", event.Deleted, func(f *file.File) bool { return f.State == file.Temp })
}

func (c *Core) buryDue(ctx context.Context, q meta.Due, before time.Time, limit int, by string, fact event.Fact, still func(*file.File) bool) (int, error) {
	due, err := c.meta.Due(ctx, q, before, limit)
	if err != nil {
		return 0, err
	}
	return forEach(due, func(f *file.File) (bool, error) { return c.buryIf(ctx, f.Tenant, f.ID, by, fact, still) })
}

// buryIf buries a file and removes its bytes, if that still holds of it, and reports whether it did.
func (c *Core) buryIf(ctx context.Context, t file.Tenant, id file.ID, by string, fact event.Fact, still func(*file.File) bool) (_ bool, err error) {
	ctx, span := c.span(ctx, by, trace.SpanKindInternal)
	about(span, t, id)
	defer func() { endSpan(span, err) }()
	mine := false
	f, err := c.bury(ctx, t, file.ByID(id), by, fact, func(f *file.File) error {
		if mine = f.State.CanMove(file.Deleting) && still(f); !mine {
			return errUnchanged
		}
		return nil
	})
	if err != nil || !mine {
		return false, err
	}
	if fact == event.Expired {
		c.observer.Expired(f.Deleted.At.Sub(f.ExpiresAt))
	}
	err = c.erase(ctx, f)
	return err == nil, err
}

// careAtOnce is how many records are cared for at the same time: a store commits what several write as one.
const careAtOnce = 8

// forEach cares for records, several at once, and returns for how many that was done. What failed for one does not hold up the others.
func forEach(due []*file.File, care func(*file.File) (bool, error)) (int, error) {
	done, failed := make([]bool, len(due)), make([]error, len(due))
	var g errgroup.Group
	g.SetLimit(careAtOnce)
	for i, f := range due {
		g.Go(func() error {
			done[i], failed[i] = care(f)
			return nil
		})
	}
	_ = g.Wait() // its functions return nil
	n := 0
	for _, ok := range done {
		if ok {
			n++
		}
	}
	return n, errors.Join(failed...)
}

// EraseDue removes bytes that nobody may read any more and that were not removed at once, and returns how many files that were.
func (c *Core) EraseDue(ctx context.Context, age time.Duration, limit int) (int, error) {
	due, err := c.meta.Due(ctx, meta.DueErase, c.now().Add(-age), limit)
	if err != nil {
		return 0, err
	}
	return forEach(due, func(f *file.File) (bool, error) {
		err := c.erase(ctx, f)
		return err == nil, err
	})
}

// PurgeDue forgets tombstones older than age.
func (c *Core) PurgeDue(ctx context.Context, age time.Duration, limit int) (int, error) {
	due, err := c.meta.Due(ctx, meta.DuePurge, c.now().Add(-age), limit)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, f := range due {
		if len(f.Outbox) > 0 {
			continue
		}
		if err := c.meta.Purge(ctx, f.Tenant, f.ID, f.Rev); err != nil && !file.Is(err, file.Conflict) && !file.Is(err, file.NotFound) {
			return n, err
		}
		n++
	}
	return n, nil
}
