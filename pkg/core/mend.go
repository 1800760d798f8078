package core

import (
	"context"
	"slices"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// mend sets right what was found, and reports whether it could. It trusts no finding: each kind looks again in the write that mends it,
// so that it may run beside everything else, and twice.
//
// What only a worker or the bus can do (a verdict, a thumbnail, an event) is left to them: they look for it by themselves.
func (c *Core) mend(ctx context.Context, x Finding) (bool, error) {
	switch x.Code {
	case MissingBlob:
		return c.mendBytes(ctx, x, ReasonLost)
	case SizeMismatch, DigestMismatch:
		return c.mendBytes(ctx, x, ReasonDamaged)
	case OrphanBlob:
		return c.removeStray(ctx, x.Key)
	case Expired:
		return c.buryIf(ctx, x.Tenant, x.File, "expiry", event.Expired, func(f *file.File) bool { return f.Expired(c.now()) })
	case Stuck:
		return c.mendStuck(ctx, x)
	case Superseded:
		return c.mendSuperseded(ctx, x)
	case Misindexed:
		_, err := c.modify(ctx, x.Tenant, file.ByID(x.File), func(*file.File) error { return nil }) // every write makes the index anew
		return err == nil, err
	case QuotaDrift, StaleReservation:
		_, err := c.meta.Recount(ctx, x.Tenant, c.now())
		return err == nil, err
	}
	return false, nil
}

// mendBytes lets a record say that bytes are gone or damaged. A variant is forgotten, as it can be made again. A promise is one without
// bytes again. Any other file fails: its record stays, and names the bytes, so that they can be put back and the file replayed.
func (c *Core) mendBytes(ctx context.Context, x Finding, reason string) (bool, error) {
	var worthless []string // blobs that the record has named
	_, err := c.modify(ctx, x.Tenant, file.ByID(x.File), func(f *file.File) error {
		switch {
		case !keeps(f) || !slices.Contains(f.BlobKeys(), x.Key): // by now it does not matter any more
			worthless = nil
			return errUnchanged
		case f.BlobKey != x.Key:
			worthless = []string{x.Key}
			c.dropVariant(f, x.Key)
		case f.State == file.Temp:
			worthless = []string{x.Key}
			f.BlobKey, f.Size, f.SHA256, f.MD5 = "", 0, "", ""
			f.Log(file.Step{At: c.now(), What: reason})
		default:
			worthless = f.BlobKeys()[1:]
			c.spoil(f, reason)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, key := range worthless {
		c.removeBlob(ctx, key)
	}
	return true, nil
}

// dropVariant takes a variant out of its record. The thumbnail is owed again; others are made when somebody asks for them.
func (c *Core) dropVariant(f *file.File, key string) {
	i := slices.IndexFunc(f.Variants, func(v file.Variant) bool { return v.BlobKey == key })
	name := f.Variants[i].Name
	f.Variants = slices.Delete(f.Variants, i, i+1)
	f.Log(file.Step{At: c.now(), What: "variant lost", Note: name})
	if name == file.ThumbnailName && f.State == file.Ready {
		f.Thumbnail = file.ThumbnailOwed
		f.StartOver()
	}
}

// spoil fails a file whose bytes are not what they were. It is the one move that the states do not have: a verdict is for ever, but
// for this. The variants go: the verdict that follows a Replay asks for a thumbnail as the first one did.
func (c *Core) spoil(f *file.File, reason string) {
	if f.State != file.Failed {
		c.owe(f, event.Failed)
	}
	f.State, f.Reason = file.Failed, reason
	f.StartOver()
	f.Claim = file.Claim{Token: f.Claim.Token + 1}
	f.Variants, f.Renders, f.Thumbnail = nil, nil, file.ThumbnailNone
	f.Log(file.Step{At: c.now(), What: "failed", Note: reason})
}

// removeStray removes a blob that no record names, and reports whether it was one. Before it removes a file's bytes it makes sure, by a
// tombstone under the same id, that a slow upload cannot create the record afterwards.
func (c *Core) removeStray(ctx context.Context, key string) (bool, error) {
	t, id, ok := parseKey(key)
	if !ok {
		return false, nil
	}
	f, err := c.meta.Get(ctx, t, file.ByID(id))
	switch {
	case file.Is(err, file.NotFound):
		won, settled := c.fence(ctx, &file.File{ID: id, Number: c.nextNumber(), Tenant: t, Class: file.ClassGeneric})
		if won != nil || !settled {
			return false, nil
		}
	case err != nil:
		return false, err
	case c.mayName(f, key):
		return false, nil
	}
	if err := c.blobs.Delete(ctx, key); err != nil {
		return false, err
	}
	c.log.Info("removed a blob without a record", "key", key)
	return true, nil
}

// mendStuck ends a promise that nobody kept, and the removal of bytes that was cut off.
func (c *Core) mendStuck(ctx context.Context, x Finding) (bool, error) {
	f, err := c.meta.Get(ctx, x.Tenant, file.ByID(x.File))
	if err != nil {
		return false, err
	}
	switch work, _ := f.Owed(); work {
	case file.WorkFinish:
		return c.buryIf(ctx, x.Tenant, x.File, "abandoned", event.Deleted, func(now *file.File) bool { return now.Rev == f.Rev })
	case file.WorkErase:
		err := c.erase(ctx, f)
		return err == nil, err
	}
	return false, nil
}

func (c *Core) mendSuperseded(ctx context.Context, x Finding) (bool, error) {
	f, err := c.meta.Get(ctx, x.Tenant, file.ByID(x.File))
	if err != nil {
		return false, err
	}
	err = c.supersede(ctx, f)
	return err == nil, err
}
