package core

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Delete makes a file unreadable for ever. When it returns nil the tombstone is on stable storage; the bytes go right after,
// or, when that fails, by the sweeper. Deleting what is deleted is NotFound.
func (c *Core) Delete(ctx context.Context, t file.Tenant, ref file.Ref, by string) (deleted *file.File, err error) {
	ctx, span := c.span(ctx, "delete", trace.SpanKindInternal)
	defer func() { endSpan(span, err) }()
	f, err := c.bury(ctx, t, ref, by, event.Deleted, func(f *file.File) error {
		if !f.Live(c.now()) {
			return file.Errorf(file.NotFound, "delete", "File not found")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.Class.Replaces() { // else an older version would come to light
		if err := c.buryOlder(ctx, f, by); err != nil {
			return nil, err
		}
	}
	about(span, f.Tenant, f.ID)
	tidy, cancel := detach(ctx)
	defer cancel()
	if err := c.erase(tidy, f); err != nil {
		c.log.WarnContext(ctx, "bytes of a deleted file stay until the sweeper removes them", "file", f.ID, "err", err)
	}
	return f, nil
}

// bury writes the tombstone: from here on nothing of the file is served, and its work in progress comes to nothing.
func (c *Core) bury(ctx context.Context, t file.Tenant, ref file.Ref, by string, fact event.Fact, check func(*file.File) error) (*file.File, error) {
	return c.modify(ctx, t, ref, func(f *file.File) error {
		if err := check(f); err != nil {
			return err
		}
		told := !inPieces(f) // of an upload that never became a file nobody has heard
		until := c.makersUntil(f)
		if err := f.Move(file.Deleting); err != nil {
			return err
		}
		now := c.now()
		f.Deleted = file.Actor{ID: by, At: now}
		f.Claim = file.Claim{Token: f.Claim.Token + 1, Until: until}
		f.Log(file.Step{At: now, What: string(fact)[len("file."):]})
		if told {
			c.owe(f, fact)
		}
		return nil
	})
}
