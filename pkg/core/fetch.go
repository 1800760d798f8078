package core

import (
	"context"
	"io"
	"log/slog"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Announce makes the record of a file whose bytes are to be fetched from u.Source. It is Pending, without bytes, until Fetch has them.
func (c *Core) Announce(ctx context.Context, u Upload) (Stored, error) {
	return c.announce(ctx, &u, func(f *file.File) {
		f.State, f.Source = file.Pending, u.Source
		f.Log(file.Step{At: c.now(), What: "announced"})
	})
}

// Source opens where a file comes from. The Upload that it returns has a Body, which the caller of it closes, and the name, type, limits and policy
// to judge the bytes by. An Invalid or a TypeRefused error ends the work: the file fails with the error's Code as its reason.
type Source func(ctx context.Context, f *file.File) (Upload, io.Closer, error)

// Fetch brings the bytes of an announced file in. Like every work it is safe to call at any time, any number of times, from anywhere.
func (c *Core) Fetch(ctx context.Context, h Hint, open Source) error {
	err := c.underClaim(ctx, h, file.WorkFetch, func(ctx context.Context, f *file.File) (func(*file.File) error, func(), error) {
		u, body, err := open(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = body.Close() }()
		u.Tenant, u.Name, u.Description = f.Tenant, f.Name, f.Description
		if err := u.admitEarly(); err != nil {
			return nil, nil, err
		}
		hold := newID()
		defer c.release(ctx, f.Tenant, hold)
		info, err := c.store(ctx, hold, receivedKey(f), &u)
		if err != nil {
			return nil, nil, err
		}
		commit := func(f *file.File) error {
			holds(f, info)
			if f.Name == f.OriginalName {
				f.Name = u.OriginalName
			}
			f.Source, f.OriginalName, f.DeclaredType = "", u.OriginalName, u.DeclaredType
			f.Log(file.Step{What: "received"})
			c.owe(f, event.Stored)
			return nil
		}
		undo := func() {
			ctx, cancel := detach(ctx)
			defer cancel()
			c.discard(ctx, f.Tenant, f.ID, info.Key)
		}
		return commit, undo, nil
	})
	if final(err) {
		c.log.InfoContext(ctx, "a file could not be fetched", "file", h.ID, "err", err)
		reason := file.CodeOf(err)
		if reason == "" {
			reason = "fetch_failed"
		}
		return c.GiveUp(ctx, h, file.WorkFetch, reason)
	}
	return err
}

// final reports whether no other attempt can end otherwise.
func final(err error) bool {
	for _, k := range []file.Kind{file.Invalid, file.TypeRefused, file.TooLarge, file.OverQuota} {
		if file.Is(err, k) {
			return true
		}
	}
	return false
}

// RunFetch fetches, until ctx ends, what was announced and has waited: whoever announced it has stopped meanwhile.
func (c *Core) RunFetch(ctx context.Context, open Source, concurrency int, log *slog.Logger) error {
	c.look(ctx, Worker{
		Work: file.WorkFetch, Concurrency: concurrency, Log: log,
		Do: func(ctx context.Context, h Hint) error { return c.Fetch(ctx, h, open) },
	})
	return nil
}
