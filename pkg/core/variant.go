package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// MakeVariant gives a picture the variant that t asks for, and returns it; one that is there already is returned as it is. However many ask,
// from however many processes, one renders, under a lease in the record, and the others wait for it; when it dies, another takes over.
// A variant is not charged, and not a step of the file's timeline.
//
// Errors are render's own, and NotFound for a file that cannot be served (any more), Invalid with CodeNotAnImage, RateLimited with
// CodeTooManyVariants, and Cancelled when ctx ends first.
func (c *Core) MakeVariant(ctx context.Context, tenant file.Tenant, id file.ID, t imaging.Transform, render Render) (file.Variant, error) {
	if err := t.Validate(); err != nil {
		return file.Variant{}, err
	}
	for {
		f, mine, err := c.leaseRender(ctx, tenant, id, t)
		if err != nil {
			return file.Variant{}, err
		}
		name := variantName(f, t)
		if v, ok := f.Variant(name); ok {
			return v, nil
		}
		if mine.By == "" {
			if err := c.awaitRender(ctx, f, name); err != nil {
				return file.Variant{}, err
			}
			continue
		}
		v, err := c.renderUnder(ctx, f, mine, render)
		if !errors.Is(err, errFenced) {
			return v, err
		}
	}
}

// leaseRender takes the lease on the making of a variant. Without an error it is the zero Render when the variant exists or somebody else makes it.
func (c *Core) leaseRender(ctx context.Context, tenant file.Tenant, id file.ID, t imaging.Transform) (*file.File, file.Render, error) {
	var mine file.Render
	f, err := c.modify(ctx, tenant, file.ByID(id), func(f *file.File) error {
		mine = file.Render{}
		now := c.now()
		switch {
		case !f.Servable(now):
			return file.Errorf(file.NotFound, "variant", "File not found")
		case !content.Renderable(f.Type()):
			return errNotAnImage()
		}
		name := variantName(f, t)
		if _, ok := f.Variant(name); ok || beingMade(f, name, now) {
			return errUnchanged
		}
		f.Renders = slices.DeleteFunc(f.Renders, func(r file.Render) bool { return !leased(r, now) })
		if full(f) {
			return errTooManyVariants()
		}
		mine = file.Render{Name: name, By: c.name + "/" + ulid.Make().String(), Until: now.Add(c.lease)}
		f.Renders = append(f.Renders, mine)
		return nil
	})
	return f, mine, err
}

// leased reports whether somebody holds the lease at now.
func leased(r file.Render, now time.Time) bool { return now.Before(r.Until) }

// beingMade reports whether somebody makes the variant at now; any variant when name is empty.
func beingMade(f *file.File, name string, now time.Time) bool {
	return slices.ContainsFunc(f.Renders, func(r file.Render) bool { return (name == "" || r.Name == name) && leased(r, now) })
}

// full reports whether a file has as many variants as it may have, with those that are to come.
func full(f *file.File) bool {
	n := len(f.Variants) + len(f.Renders)
	if f.Thumbnail == file.ThumbnailOwed {
		n++
	}
	return n >= file.MaxVariants
}

// awaitRender returns when nobody makes the variant any more, or may have died at it.
func (c *Core) awaitRender(ctx context.Context, f *file.File, name string) error {
	_, err := c.Await(ctx, f, c.lease, func(f *file.File) bool { return !beingMade(f, name, c.now()) })
	if err != nil {
		return err
	}
	return file.Wrap(file.Cancelled, "variant.await", ctx.Err())
}

// renderUnder makes a variant under a lease. errFenced says that the lease or the file was lost meanwhile; nothing is left behind then.
func (c *Core) renderUnder(ctx context.Context, f *file.File, mine file.Render, render Render) (file.Variant, error) {
	defer c.waiters.wake(f.ID)
	working, stop := context.WithCancelCause(ctx)
	beating := c.keepLease(working, stop, f.Tenant, f.ID, func(f *file.File, until time.Time) error {
		i := indexRender(f, mine)
		if i < 0 {
			return errFenced
		}
		f.Renders[i].Until = until
		return nil
	})
	v, err := c.storeVariant(working, f, mine.Name, render)
	if cause := context.Cause(working); err != nil && cause != nil && ctx.Err() == nil {
		err = cause // the lease could not be kept
	}
	stop(nil)
	<-beating
	if err == nil {
		err = c.commitVariant(ctx, f, mine, v)
	}
	if err != nil {
		c.endRender(ctx, f, mine)
		return file.Variant{}, err
	}
	return v, nil
}

// storeVariant renders and stores. The blob's key has the revision at which the lease was taken: no two leases have the same.
func (c *Core) storeVariant(ctx context.Context, f *file.File, name string, render Render) (file.Variant, error) {
	pic, err := c.render(ctx, f, render)
	if file.Is(err, file.NotFound) {
		return file.Variant{}, c.missing(ctx, f, f.BlobKey, err)
	}
	if err != nil {
		return file.Variant{}, err
	}
	key := variantKey(f.Tenant, f.ID, name, f.Rev)
	info, err := c.putRendering(ctx, key, pic)
	if err != nil {
		return file.Variant{}, err
	}
	return file.Variant{Name: name, Width: pic.Width, Height: pic.Height, Type: pic.Type, Size: info.Size, SHA256: info.SHA256, BlobKey: key}, nil
}

// commitVariant puts a variant into the record in place of its lease. What is made is kept, whoever has gone meanwhile.
// Where the outcome is not known the bytes stay: the sweeper finds those that no record names.
func (c *Core) commitVariant(ctx context.Context, f *file.File, mine file.Render, v file.Variant) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	_, err := c.modify(ctx, f.Tenant, file.ByID(f.ID), func(f *file.File) error {
		i := indexRender(f, mine)
		if i < 0 || !f.Servable(c.now()) {
			return errFenced
		}
		f.Renders = slices.Delete(f.Renders, i, i+1)
		f.Variants = append(f.Variants, v)
		c.oweVariant(f, v.Name)
		return nil
	})
	if errors.Is(err, errFenced) || file.Is(err, file.NotFound) {
		c.discard(ctx, f.Tenant, f.ID, v.BlobKey)
		return errFenced // where the record has the variant after all, the next look finds it
	}
	return err
}

// indexRender finds a lease, renewed or not; -1 when it was lost.
func indexRender(f *file.File, mine file.Render) int {
	return slices.IndexFunc(f.Renders, func(r file.Render) bool { return r.Name == mine.Name && r.By == mine.By })
}

// endRender gives a lease back whose variant was not made, so that nobody waits for it in vain.
func (c *Core) endRender(ctx context.Context, f *file.File, mine file.Render) {
	ctx, cancel := detach(ctx)
	defer cancel()
	_, err := c.modify(ctx, f.Tenant, file.ByID(f.ID), func(f *file.File) error {
		i := indexRender(f, mine)
		if i < 0 {
			return errUnchanged
		}
		f.Renders = slices.Delete(f.Renders, i, i+1)
		return nil
	})
	if err != nil && !file.Is(err, file.NotFound) {
		c.log.WarnContext(ctx, "a render lease stays until it ends", "file", f.ID, "err", err)
	}
}
