package core

import (
	"context"
	"errors"
	"time"

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
	n := 0
	var failed []error
	for _, f := range due {
		mine := false
		buried, err := c.bury(ctx, f.Tenant, file.ByID(f.ID), by, fact, func(f *file.File) error {
			if mine = f.State.CanMove(file.Deleting) && still(f); !mine {
				return errUnchanged
			}
			return nil
		})
		if err == nil && mine {
			n++
			err = c.erase(ctx, buried)
		}
		if err != nil {
			failed = append(failed, err)
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
	n := 0
	var failed []error
	for _, f := range due {
		if err := c.erase(ctx, f); err != nil {
			failed = append(failed, err)
			continue
		}
		n++
	}
	return n, errors.Join(failed...)
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
