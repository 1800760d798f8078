package core

import (
	"context"
	"errors"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// GivenUp returns the work on a file that was given up and that Replay would begin again; WorkNone for a file that lacks nothing.
func GivenUp(f *file.File) file.Work {
	switch {
	case f.State == file.Failed && f.Source != "" && f.BlobKey == "":
		return file.WorkFetch
	case f.State == file.Failed:
		return file.WorkVerify
	case f.State == file.Ready && f.Thumbnail == file.ThumbnailFailed:
		return file.WorkThumbnail
	}
	return file.WorkNone
}

// EachGivenUp calls fn for every file of every tenant whose work was given up, in the order of ID, until fn returns an error, which it returns.
// It reads every record: it is for an operator.
func (c *Core) EachGivenUp(ctx context.Context, fn func(*file.File) error) error {
	var after file.ID
	for {
		page, err := c.meta.Scan(ctx, after, meta.MaxLimit)
		if err != nil {
			return err
		}
		for _, f := range page {
			after = f.ID
			if GivenUp(f) == file.WorkNone || f.Expired(c.now()) {
				continue
			}
			if err := fn(f); err != nil {
				return err
			}
		}
		if len(page) < meta.MaxLimit {
			return nil
		}
	}
}

// lastOfID is how many ids differ in their last character alone.
const lastOfID = 32

// Locate finds a record by its id whatever its tenant, in any state. It is for an operator, who has no tenant.
func (c *Core) Locate(ctx context.Context, id file.ID) (*file.File, error) {
	if err := meta.ValidateID(id); err != nil {
		return nil, err
	}
	// What begins like the id but for its last character comes right after that beginning.
	near, err := c.meta.Scan(ctx, id[:len(id)-1], lastOfID)
	if err != nil {
		return nil, err
	}
	for _, f := range near {
		if f.ID == id {
			return f, nil
		}
	}
	return nil, file.Errorf(file.NotFound, "locate", "File not found")
}

// Replay begins work anew that was given up: a file that Failed is Pending once more, with all its attempts, and a thumbnail is owed again.
// It returns the work, WorkNone when there was none to begin. A file that failed because its bytes were gone or others must have them back:
// they are read to the end, and it is Damaged while they are not what they were. A file that is deleted or expired is NotFound.
func (c *Core) Replay(ctx context.Context, t file.Tenant, id file.ID) (file.Work, error) {
	f, err := c.meta.Get(ctx, t, file.ByID(id))
	if err != nil {
		return file.WorkNone, err
	}
	if spoilt(f) {
		if err := c.restored(ctx, f); err != nil {
			return file.WorkNone, err
		}
	}
	rev := f.Rev // what was read of the bytes is about this revision
	work := file.WorkNone
	_, err = c.modify(ctx, t, file.ByID(id), func(f *file.File) error {
		switch {
		case f.State == file.Deleting || f.State == file.Gone || f.Expired(c.now()):
			return file.Errorf(file.NotFound, "replay", "File not found")
		case spoilt(f) && f.Rev != rev:
			return file.Errorf(file.Conflict, "replay", "The file has changed meanwhile")
		}
		if work = GivenUp(f); work == file.WorkNone {
			return errUnchanged
		}
		return c.begin(f, work)
	})
	if err != nil {
		return file.WorkNone, err
	}
	return work, nil
}

// begin makes work due that was given up, and on which nobody has a claim any more. The thumbnailer looks for its own: no event is owed, as
// nothing was verified.
func (c *Core) begin(f *file.File, work file.Work) error {
	f.StartOver()
	f.Log(file.Step{At: c.now(), What: "replayed", Note: f.Reason})
	f.Reason = ""
	if work == file.WorkThumbnail {
		f.Thumbnail = file.ThumbnailOwed
		return nil
	}
	if work == file.WorkVerify {
		c.owe(f, event.Stored)
	}
	return f.Move(file.Pending)
}

// restored returns a Damaged error unless the store has again what the record names.
func (c *Core) restored(ctx context.Context, f *file.File) error {
	for _, want := range blobsOf(f) {
		code, note, err := c.lookBlob(ctx, want, true)
		if err != nil {
			return err
		}
		if code != "" {
			return &file.Error{Kind: file.Damaged, Op: "replay", Code: string(code), Err: errors.New(want.key + ": " + note),
				Public: "The bytes of the file are not there, or others: put them back first"}
		}
	}
	return nil
}

// Letter is what a worker has left about an event that it gave up. Tenant, File and Fact are empty where that was none.
type Letter struct {
	Sequence uint64
	Worker   string
	Tenant   file.Tenant
	File     file.ID
	Fact     event.Fact
	Reason   string // for people
	Attempts int    // 0 when it is not known
	At       time.Time
}

// ReadLetter takes the event from a dead letter.
func ReadLetter(l bus.DeadLetter) Letter {
	read := Letter{Sequence: l.Sequence, Worker: l.Work, Reason: l.Reason, Attempts: l.Attempts, At: l.At}
	if e, err := event.Decode(l.Data); err == nil {
		read.Tenant, read.File, read.Fact = e.Data.File.Tenant, e.Data.File.ID, e.Fact()
	}
	return read
}

// Replayed is what came of a replay.
type Replayed struct {
	Work    file.Work // begun again; WorkNone when there was none to begin
	Gone    bool      // the file is deleted or expired
	Letters int       // removed
}

// ReplayLetters does what Replay does with a file, and then removes these letters about it: also when the file is gone or lacks nothing.
// They stay when it cannot be replayed now, which is Damaged or a Conflict.
func (c *Core) ReplayLetters(ctx context.Context, letters bus.DeadLetters, t file.Tenant, id file.ID, sequences ...uint64) (Replayed, error) {
	var r Replayed
	work, err := c.Replay(ctx, t, id)
	switch {
	case file.Is(err, file.NotFound):
		r.Gone = true
	case err != nil:
		return r, err
	default:
		r.Work = work
	}
	for _, n := range sequences {
		if err := letters.DiscardDeadLetter(ctx, n); err != nil {
			return r, err
		}
		r.Letters++
	}
	return r, nil
}
