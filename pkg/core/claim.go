package core

import (
	"context"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// MaxAttempts is how often a piece of work may fail before the file is given up.
const MaxAttempts = 6

// MaxCrashes is how many workers may die at a piece of work before the file is given up: it may be why they do. It is more than MaxAttempts, since
// a process that is killed takes innocent files with it; pictures, of which one might well be guilty, are decoded in processes of their own, whose end is
// no crash but an attempt that failed.
const MaxCrashes = 30

// retryAfter is when the next attempt is due for those who look at records; the bus, which uses the same delays, comes first.
func retryAfter(attempts int) time.Duration {
	delays := bus.DefaultBackoff
	return delays[min(max(attempts, 1), len(delays))-1]*5/4 + 5*time.Second
}

// Hint says that a file may have work. EventID names the event that said so; it is empty when a look at the records did.
type Hint struct {
	Tenant  file.Tenant
	ID      file.ID
	EventID string
}

// ReadHint takes the hint from an event.
func ReadHint(data []byte) (Hint, error) {
	e, err := event.Decode(data)
	if err != nil {
		return Hint{}, err
	}
	return Hint{Tenant: e.Data.File.Tenant, ID: e.Data.File.ID, EventID: e.ID}, nil
}

var (
	errNoWork = errors.New("nothing to do")
	errGaveUp = errors.New("given up")
	errFenced = errors.New("the claim was lost")
)

// underClaim does one piece of work on one file: it claims the record, runs do, and has do's result committed under the claim's token.
// It returns nil when there is nothing to do, somebody else does it, or the file was given up after MaxAttempts or MaxCrashes.
//
// do returns the change to make to the record. The change is applied only while the claim holds and the file still waits for that work; when it is
// lost undo runs, which removes what do left behind.
func (c *Core) underClaim(ctx context.Context, h Hint, work file.Work, do task) (err error) {
	ctx, span := c.span(ctx, string(work), trace.SpanKindConsumer)
	about(span, h.Tenant, h.ID)
	defer func() { endSpan(span, err) }()
	return c.attempt(ctx, h, work, do)
}

// task is a piece of work on a claimed record: see underClaim.
type task func(context.Context, *file.File) (commit func(*file.File) error, undo func(), err error)

func (c *Core) attempt(ctx context.Context, h Hint, work file.Work, do task) error {
	f, err := c.claim(ctx, h, work)
	if errors.Is(err, errNoWork) || file.Is(err, file.NotFound) {
		return nil
	}
	if errors.Is(err, errGaveUp) {
		return c.GiveUp(ctx, h, work, "too_many_attempts")
	}
	if err != nil {
		return err
	}
	mine := f.Claim
	start := c.now()
	working, stop := context.WithCancelCause(ctx)
	beating := c.keepLease(working, stop, h.Tenant, h.ID, func(f *file.File, until time.Time) error {
		if !mine.Same(f.Claim) {
			return errFenced
		}
		f.Claim.Until = until
		return nil
	})
	commit, undo, err := do(working, f)
	stop(nil)
	<-beating
	if err == nil {
		var done *file.File
		done, err = c.modify(ctx, h.Tenant, file.ByID(h.ID), func(f *file.File) error {
			if w, _ := f.Owed(); w != work || !mine.Same(f.Claim) {
				return errFenced
			}
			attempt := f.Attempts + f.Crashes
			f.Claim.By, f.Claim.Until = "", time.Time{}
			f.StartOver()
			if err := commit(f); err != nil {
				return err
			}
			last := &f.Timeline[len(f.Timeline)-1]
			last.At, last.Attempt = c.now(), attempt
			last.Took = last.At.Sub(start)
			return nil
		})
		if err == nil {
			c.done(work, done)
			return nil
		}
	}
	lost := errors.Is(err, errFenced) || file.Is(err, file.NotFound)
	if undo != nil && lost { // and not when the outcome of the commit is unknown: then the sweeper finds what is left over
		undo()
	}
	if lost {
		return nil
	}
	c.unclaim(ctx, h, mine, err)
	return err
}

// claim takes the lease on a record that waits for work. The event that brought us here has evidently been published: it is not owed any more.
func (c *Core) claim(ctx context.Context, h Hint, work file.Work) (*file.File, error) {
	return c.modify(ctx, h.Tenant, file.ByID(h.ID), func(f *file.File) error {
		now := c.now()
		if w, _ := f.Owed(); w != work || f.Claim.Held(now) || f.Expired(now) {
			return errNoWork
		}
		if f.Claim.By != "" { // whoever held it has died
			f.Attempts, f.Crashes = max(f.Attempts-1, 0), f.Crashes+1
		}
		if f.Attempts >= MaxAttempts || f.Crashes >= MaxCrashes {
			return errGaveUp
		}
		f.Attempts++
		f.Claim = file.Claim{By: c.name + "/" + ulid.Make().String(), Until: now.Add(c.lease), Token: f.Claim.Token + 1}
		f.Paid(h.EventID)
		return nil
	})
}

// keepLease renews a lease on a record at a third of its length until ctx ends. When that fails the work is cancelled. renew returns errFenced
// when the lease was lost. The returned channel closes when it has stopped.
func (c *Core) keepLease(ctx context.Context, cancel context.CancelCauseFunc, t file.Tenant, id file.ID, renew func(f *file.File, until time.Time) error) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(c.lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			_, err := c.modify(ctx, t, file.ByID(id), func(f *file.File) error { return renew(f, c.now().Add(c.lease)) })
			if err != nil && ctx.Err() == nil {
				cancel(err)
				return
			}
		}
	}()
	return done
}

// unclaim gives the lease back after a failed attempt. An attempt that failed because a dependency was out does not count.
func (c *Core) unclaim(ctx context.Context, h Hint, mine file.Claim, cause error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	_, err := c.modify(ctx, h.Tenant, file.ByID(h.ID), func(f *file.File) error {
		if !mine.Same(f.Claim) {
			return errUnchanged
		}
		if transient(cause) {
			f.Attempts--
		}
		f.Claim.By, f.Claim.Until = "", c.now().Add(retryAfter(f.Attempts))
		return nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "a claim stays until its lease ends", "file", h.ID, "err", err)
	}
}

// transient reports whether an attempt failed for a reason that lies outside the file.
func transient(err error) bool {
	return file.Is(err, file.Unavailable) || file.Is(err, file.Cancelled) || file.Is(err, file.NoSpace) || errors.Is(err, context.Canceled)
}

// GiveUp ends work that cannot be done. A file without a verdict becomes Failed with the reason; a picture without its thumbnail stays
// Ready without it. It does nothing when the work is no longer owed.
func (c *Core) GiveUp(ctx context.Context, h Hint, work file.Work, reason string) error {
	ended := false
	f, err := c.modify(ctx, h.Tenant, file.ByID(h.ID), func(f *file.File) error {
		w, _ := f.Owed()
		if ended = w == work; !ended {
			return errUnchanged
		}
		now := c.now()
		f.Log(file.Step{At: now, What: string(work) + " failed", Attempt: f.Attempts + f.Crashes, Note: reason})
		f.Claim = file.Claim{Token: f.Claim.Token + 1}
		f.StartOver()
		if work == file.WorkThumbnail {
			f.Thumbnail = file.ThumbnailFailed
			return nil
		}
		f.Reason = reason
		c.owe(f, event.Failed)
		return f.Move(file.Failed)
	})
	if file.Is(err, file.NotFound) {
		return nil
	}
	if err == nil && ended {
		c.done(work, f)
	}
	return err
}

// done tells the observer that a file has got what it waited for, or never will.
func (c *Core) done(work file.Work, f *file.File) { c.observer.Done(work, f, c.now().Sub(arrived(f))) }
