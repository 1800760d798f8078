package core

import (
	"context"
	"errors"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// To erase is to remove every byte of a file from every store, to look whether it is gone, and only then to say so in the record. What the
// record does not name is removed as well: a rendering whose maker died, an attempt to send bytes that came second, what was staged by a form.

var errStillThere = errors.New("bytes of an erased file are still there")

// erase removes the bytes of a record that is Deleting or Rejected. It may be repeated. It leaves a record as it is that somebody may still make a
// variant for: the sweeper comes again when that lease has ended.
func (c *Core) erase(ctx context.Context, f *file.File) error {
	if err := c.removeBytes(ctx, f); err != nil {
		return err
	}
	if f.State == file.Deleting && c.now().Before(f.Claim.Until) {
		return nil
	}
	if err := c.assertErased(ctx, f); err != nil {
		return err
	}
	_, err := c.modify(ctx, f.Tenant, file.ByID(f.ID), func(now *file.File) error {
		switch now.State {
		case file.Deleting:
			strip(now)
			now.ErasedAt = c.now()
			return now.Move(file.Gone)
		case file.Rejected:
			now.BlobKey, now.Variants = "", nil
			now.ErasedAt = c.now()
			return nil
		default:
			return errUnchanged
		}
	})
	return err
}

// removeBytes removes what the record names, what is stored beside it, and what was staged for it.
func (c *Core) removeBytes(ctx context.Context, f *file.File) error {
	beside, err := c.blobsBeside(ctx, f)
	if err != nil {
		return err
	}
	for _, key := range append(f.BlobKeys(), beside...) {
		if err := c.blobs.Delete(ctx, key); err != nil {
			return err
		}
	}
	if poster, ok := c.stagedFor(f); ok {
		return poster.DeletePosted(ctx, postedKey(f))
	}
	return nil
}

// assertErased returns an error unless all that removeBytes removes is gone.
func (c *Core) assertErased(ctx context.Context, f *file.File) error {
	still := func(key string) error {
		return file.Wrap(file.Internal, "erase", errors.Join(errStillThere, errors.New(key)))
	}
	for _, key := range f.BlobKeys() {
		if _, err := c.blobs.Stat(ctx, key); err == nil {
			return still(key)
		} else if !file.Is(err, file.NotFound) {
			return err
		}
	}
	beside, err := c.blobsBeside(ctx, f)
	if err != nil {
		return err
	}
	if len(beside) > 0 {
		return still(beside[0])
	}
	poster, ok := c.stagedFor(f)
	if !ok {
		return nil
	}
	r, _, err := poster.OpenPosted(ctx, postedKey(f))
	if err == nil {
		return errors.Join(still(postedKey(f)), r.Close())
	}
	if !file.Is(err, file.NotFound) {
		return err
	}
	return nil
}

// blobsBeside lists the blobs whose keys were made from the file's, whether or not the record names them.
func (c *Core) blobsBeside(ctx context.Context, f *file.File) ([]string, error) {
	var keys []string
	err := blob.ListPrefix(ctx, c.blobs, originalKey(f.Tenant, f.ID)+".", func(b blob.Info) error {
		keys = append(keys, b.Key)
		return nil
	})
	return keys, err
}

// stagedFor returns the store that a client may have posted the file's bytes to: those of a promise.
func (c *Core) stagedFor(f *file.File) (blob.Poster, bool) {
	if len(f.Timeline) == 0 || f.Timeline[0].What != stepPromised {
		return nil, false
	}
	return blob.PosterOf(c.blobs)
}

// makersUntil is when the last lease ends under which somebody may store a blob for the file: its thumbnail, a rendering, or bytes from its source.
func (c *Core) makersUntil(f *file.File) time.Time {
	var until time.Time
	if work, _ := f.Owed(); (work == file.WorkThumbnail || work == file.WorkFetch) && f.Claim.Held(c.now()) {
		until = f.Claim.Until
	}
	for _, r := range f.Renders {
		if leased(r, c.now()) && r.Until.After(until) {
			until = r.Until
		}
	}
	return until
}

// strip leaves of a record what a tombstone needs: ids, times and the events that it still owes.
func strip(f *file.File) {
	f.Links, f.Variants, f.Renders, f.Timeline, f.Image, f.Attributes = nil, nil, nil, nil, nil, nil
	f.Path, f.Source, f.BlobKey, f.Name, f.OriginalName, f.Description = "", "", "", "", "", ""
	f.Thumbnail, f.Resumable = file.ThumbnailNone, nil
}
