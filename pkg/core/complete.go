package core

import (
	"context"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// An upload in steps: Promise announces a file, Receive takes its bytes in, once, and Finish makes it a file like any other.
// What is not finished within an hour of its last step is buried by the sweeper.

// CodeReceived is the code of the Conflict when bytes are sent for a promise that has them; CodeNotReceived that of the Invalid error
// when a promise is to be finished that has none.
const (
	CodeReceived    = "already_received"
	CodeNotReceived = "not_received"
)

// stepPromised begins the timeline of what was a promise.
const stepPromised = "promised"

// Promise makes a record without bytes from u, whose Body is nil. Its name, declared type and room are checked as far as they can be.
// The file does not exist for its users (Get); it has an ID and a Number.
func (c *Core) Promise(ctx context.Context, u Upload) (*file.File, error) {
	s, err := c.announce(ctx, &u, func(f *file.File) {
		f.State = file.Temp
		f.Log(file.Step{At: c.now(), What: stepPromised})
	})
	return s.File, err
}

// admitAnnounced checks what can be known of a file before any of its bytes are there.
func (u *Upload) admitAnnounced() error {
	if err := u.admitEarly(); err != nil {
		return err
	}
	var err error
	if u.DeclaredType, err = content.Claim(u.OriginalName, u.DeclaredType, u.Policy); err != nil {
		return err
	}
	return u.checkForm()
}

// announce creates a record before its bytes are there.
func (c *Core) announce(ctx context.Context, u *Upload, begin func(*file.File)) (Stored, error) {
	if err := u.admitAnnounced(); err != nil {
		return Stored{}, err
	}
	if u.Key != "" {
		if first, err := c.meta.GetIdempotent(ctx, u.Tenant, u.Key); err == nil {
			return c.replay(u, first)
		} else if !file.Is(err, file.NotFound) {
			return Stored{}, err
		}
	}
	if err := c.room(ctx, u.Tenant, u.Limits, u.Announced); err != nil {
		return Stored{}, err
	}
	f := u.record(newID(), c.now())
	begin(f)
	return c.create(ctx, u, f)
}

// Receive stores the bytes of a promise. Name and type are the promise's; of u it takes Tenant, Limits, Policy, MD5, SHA256, Announced, Complete and Body.
// A promise takes bytes once: the second call is a Conflict with CodeReceived, and so is one for a file that is finished.
// The errors are those of Upload; after one the promise is as it was.
func (c *Core) Receive(ctx context.Context, ref file.Ref, u Upload) (received *file.File, err error) {
	ctx, end := c.uploading(ctx, u.Tenant, u.Via)
	defer func() { end(received, err) }()
	start := c.now()
	f, err := c.meta.Get(ctx, u.Tenant, ref)
	if err != nil {
		return nil, err
	}
	if err := awaitsBytes(f); err != nil {
		return nil, err
	}
	u.OriginalName, u.DeclaredType = f.OriginalName, f.DeclaredType
	if err := u.Limits.tooLarge(u.Announced); err != nil {
		return nil, err
	}
	if err := c.room(ctx, u.Tenant, u.Limits, u.Announced); err != nil {
		return nil, err
	}
	hold := newID() // of the reservation: two who send at once have one each
	defer c.release(ctx, u.Tenant, hold)
	info, err := c.store(ctx, hold, receivedKey(f), &u)
	if err != nil {
		return nil, err
	}
	got, err := c.modify(ctx, u.Tenant, file.ByID(f.ID), func(f *file.File) error {
		if err := awaitsBytes(f); err != nil {
			return err
		}
		now := c.now()
		holds(f, info)
		f.DeclaredType = u.DeclaredType
		f.Log(file.Step{At: now, What: "received", Took: now.Sub(start)})
		return nil
	})
	if err != nil {
		return c.settleReceived(ctx, f, info, err)
	}
	return got, nil
}

// awaitsBytes returns nil for a promise that has no bytes yet.
func awaitsBytes(f *file.File) error {
	switch {
	case f.State == file.Deleting || f.State == file.Gone:
		return file.Errorf(file.NotFound, "receive", "File not found")
	case f.State != file.Temp || f.BlobKey != "":
		return &file.Error{Kind: file.Conflict, Op: "receive", Code: CodeReceived, Public: "The file has been sent already"}
	}
	return nil
}

// settleReceived ends a Receive whose record was not written, or whose outcome is not known: then the record tells, as every attempt
// has a key of its own. Where it does not, the write may still be on its way, and the bytes stay: the reconcile loop finds out.
func (c *Core) settleReceived(ctx context.Context, f *file.File, info blob.Info, cause error) (*file.File, error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	if !file.Is(cause, file.Unavailable) && !file.Is(cause, file.Cancelled) {
		if got := c.discard(ctx, f.Tenant, f.ID, info.Key); got != nil && !file.Is(cause, file.NotFound) {
			return got, nil
		}
		return nil, cause
	}
	if got, err := c.meta.Get(ctx, f.Tenant, file.ByID(f.ID)); err == nil && got.BlobKey == info.Key {
		return got, nil
	}
	return nil, cause
}

// receivedKey is a key for the bytes of a record that is there before they are. Each attempt has its own.
func receivedKey(f *file.File) string {
	return originalKey(f.Tenant, f.ID) + "." + ulid.Make().String()
}

// Finish makes a promise whose bytes are there a file: it is verified from here on. That is the end of its upload and no update of it.
// A file that was finished before is returned as it is. A promise without bytes is Invalid with CodeNotReceived.
func (c *Core) Finish(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	return c.modify(ctx, t, ref, func(f *file.File) error {
		switch {
		case f.State == file.Deleting || f.State == file.Gone || f.Expired(c.now()):
			return file.Errorf(file.NotFound, "finish", "File not found")
		case f.State != file.Temp:
			return errUnchanged
		case f.BlobKey == "":
			return notReceived("finish")
		}
		f.Log(file.Step{At: c.now(), What: "finished"})
		c.owe(f, event.Stored)
		return f.Move(file.Pending)
	})
}

func notReceived(op string) error {
	return &file.Error{Kind: file.Invalid, Op: op, Code: CodeNotReceived, Public: "The file has not been sent yet"}
}

// PromiseLife is how long a promise waits for its next step.
const PromiseLife = time.Hour
