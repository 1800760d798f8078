package core

import (
	"context"
	"io"

	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Inspect judges the whole of a file. An error means that no verdict could be reached, and the work is tried again.
type Inspect func(ctx context.Context, bytes io.ReadSeeker, f *file.File) (content.Verdict, error)

// Verify brings a stored file to its verdict: Ready, or Rejected and without bytes. It is safe to call at any time, any number of times, from anywhere.
func (c *Core) Verify(ctx context.Context, h Hint, inspect Inspect) error {
	var judged *file.File
	err := c.underClaim(ctx, h, file.WorkVerify, func(ctx context.Context, f *file.File) (func(*file.File) error, func(), error) {
		verdict, err := c.inspect(ctx, f, inspect)
		if err != nil {
			return nil, nil, err
		}
		commit := c.accept(verdict)
		if verdict.Reason != "" {
			commit = c.reject(verdict)
		}
		return func(f *file.File) error {
			judged = f
			return commit(f)
		}, nil, nil
	})
	if err != nil || judged == nil {
		return err
	}
	switch {
	case judged.State == file.Rejected:
		c.eraseRejected(ctx, h)
	case judged.Class.Replaces():
		if err := c.supersede(ctx, judged); err != nil {
			c.log.WarnContext(ctx, "a version that was replaced stays until the sweeper removes it", "file", h.ID, "err", err)
		}
	}
	return nil
}

// eraseRejected removes the bytes of a file if it was rejected (and not deleted, or fenced off, in the meantime).
func (c *Core) eraseRejected(ctx context.Context, h Hint) {
	f, err := c.meta.Get(ctx, h.Tenant, file.ByID(h.ID))
	if err != nil || f.State != file.Rejected {
		return // the verdict stands; the sweeper removes the bytes
	}
	if err := c.erase(ctx, f); err != nil {
		c.log.WarnContext(ctx, "bytes of a rejected file stay until the sweeper removes them", "file", f.ID, "err", err)
	}
}

func (c *Core) inspect(ctx context.Context, f *file.File, inspect Inspect) (content.Verdict, error) {
	r, err := c.openBlob(ctx, f.BlobKey)
	if err != nil {
		return content.Verdict{}, err
	}
	defer r.Close()
	ctx, span := c.within(ctx, "inspect", trace.SpanKindInternal)
	verdict, err := inspect(ctx, r, f)
	endSpan(span, err)
	return verdict, err
}

func (c *Core) accept(v content.Verdict) func(*file.File) error {
	return func(f *file.File) error {
		f.DetectedType, f.Image = v.Type, v.Image
		if f.Class.WantsThumbnail() && content.Renderable(v.Type) {
			f.Thumbnail = file.ThumbnailOwed
		}
		f.Log(file.Step{What: "verified", Note: v.Note})
		c.owe(f, event.Verified)
		return f.Move(file.Ready)
	}
}

func (c *Core) reject(v content.Verdict) func(*file.File) error {
	return func(f *file.File) error {
		f.DetectedType, f.Reason = v.Type, v.Reason
		f.Log(file.Step{What: "rejected", Note: v.Note})
		c.owe(f, event.Rejected)
		return f.Move(file.Rejected)
	}
}
