// Package core holds the use cases of Inlet, one file each: upload, await, open, update, delete, verify, thumbnail, transform, expire, outbox, reconcile.
//
// It decides what happens to a file and in which order, so that a crash between any two steps is mended later.
// It knows nothing of HTTP, of vendors' dialects, of credentials or of drivers: it is handed stores and a bus, and principals that were
// already let through. Every call names a tenant.
package core

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/singleflight"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Config is what a Core works with. Blobs, Meta and Bus are required; the caller closes them after the Core.
type Config struct {
	Blobs  blob.Store
	Meta   meta.Repo
	Bus    bus.Publisher
	Render bus.Requester // reaches who makes variants; Transform is Unavailable when nil
	Log    *slog.Logger
	Now    func() time.Time // the clock; that of Meta when nil, which is the one that other processes go by
	Name   string           // of this process, for claims; made up when empty
	Lease  time.Duration    // of a claim; DefaultLease when 0

	Observer Observer     // is told what happens; may be nil
	Tracer   trace.Tracer // makes the spans; nil makes none
}

// DefaultLease is how long a worker that died keeps its claim. A living one renews it at a third.
const DefaultLease = 15 * time.Second

// Core runs the use cases. Its methods may be called at the same time from many goroutines.
type Core struct {
	blobs    blob.Store
	meta     meta.Repo
	renderer bus.Requester // may be nil
	log      *slog.Logger
	now      func() time.Time
	name     string
	lease    time.Duration
	observer Observer
	tracer   trace.Tracer // may be nil

	relay     *relay
	downloads *downloadCounter
	waiters   waiters
	renders   singleflight.Group // variants asked for
	proofs    proofs             // of blobs that were read a short while ago

	number struct {
		sync.Mutex
		last int64
	}
}

// New makes a Core. Close it to publish what is still owed.
func New(cfg Config) *Core {
	c := &Core{
		blobs:    cfg.Blobs,
		meta:     cfg.Meta,
		renderer: cfg.Render,
		log:      cfg.Log,
		now:      cfg.Now,
		name:     cfg.Name,
		lease:    cfg.Lease,
		observer: cfg.Observer,
		tracer:   cfg.Tracer,
	}
	if c.observer == nil {
		c.observer = unobserved{}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = cfg.Meta.Now
	}
	if c.name == "" {
		c.name = "core-" + ulid.Make().String()
	}
	if c.lease == 0 {
		c.lease = DefaultLease
	}
	c.relay = newRelay(c, cfg.Bus)
	c.downloads = newDownloadCounter(c)
	return c
}

// Now returns the time by the clock that decides about files: whatever is promised until some time, or judged by it, is to be measured by this one.
func (c *Core) Now() time.Time { return c.now() }

// Close publishes what the records written by this Core still owe, as far as the bus takes it until ctx ends, and stops its goroutines.
// Nothing is lost when that fails: the sweeper publishes the rest.
func (c *Core) Close(ctx context.Context) {
	c.downloads.close(ctx)
	c.relay.close(ctx)
}

// Present returns nil when the records can be reached. It is asked before every upload, so that no body is taken in for nothing.
func (c *Core) Present(ctx context.Context) error { return c.meta.Ping(ctx) }

// Ready returns nil when metadata and bytes can be written now. A store that is full is ready all the same: it serves and deletes, and
// whoever takes this process out of service for it would take that away, too.
func (c *Core) Ready(ctx context.Context) error {
	if err := c.Present(ctx); err != nil {
		return err
	}
	return c.Storing(ctx)
}

// Storing returns nil when the blob store would take bytes now, or is only full.
func (c *Core) Storing(ctx context.Context) error {
	if p, ok := c.blobs.(blob.Pinger); ok {
		if err := p.Ping(ctx); !file.Is(err, file.NoSpace) {
			return err
		}
	}
	return nil
}

func newID() file.ID { return file.ID(ulid.Make().String()) }

// numberEpoch is where Number's clock starts: 2024-01-01, so that 41 bits of milliseconds last until 2093.
const numberEpoch = 1_704_067_200_000

// nextNumber makes a Number: 41 bits of milliseconds, 12 random bits. It grows with every call of this process. Two processes
// may make the same one within a millisecond; the repository refuses the second, and its upload takes another.
func (c *Core) nextNumber() int64 {
	ms := c.now().UnixMilli() - numberEpoch
	n := ms<<12 | rand.Int64N(1<<12) //nolint:gosec // a number is no secret
	c.number.Lock()
	defer c.number.Unlock()
	if n <= c.number.last {
		n = c.number.last + 1
	}
	c.number.last = n
	return n
}

// owe adds the event of a change to the outbox of the record that is about to be written.
func (c *Core) owe(f *file.File, fact event.Fact) {
	f.Owe(file.OutboxEntry{ID: ulid.Make().String(), Fact: string(fact), Rev: f.Rev + 1, At: c.now()})
}

// oweVariant adds the event of a rendering that was made.
func (c *Core) oweVariant(f *file.File, name string) {
	f.Owe(file.OutboxEntry{ID: ulid.Make().String(), Fact: string(event.VariantCreated), Rev: f.Rev + 1, At: c.now(), Variant: name})
}

// errUnchanged makes modify return the record as it is, without a write.
var errUnchanged = &file.Error{Kind: file.Conflict, Op: "modify.unchanged"}

// modifyAttempts bounds how often one change is tried again because others changed the record meanwhile.
const modifyAttempts = 64

// modify reads a record, lets fn change it, and writes it if nobody else did meanwhile; else it starts over. fn may run many times
// and must do nothing but change the record. An error of fn ends it; errUnchanged ends it without a write and without an error.
// The events that the change owes are handed to the relay.
func (c *Core) modify(ctx context.Context, t file.Tenant, ref file.Ref, fn func(*file.File) error) (*file.File, error) {
	ctx, k := c.calling(ctx, "records", "update")
	var refused error // by fn, which is no fault of the records
	f, err := c.rewrite(ctx, t, ref, func(f *file.File) error {
		refused = fn(f)
		return refused
	})
	if refused != nil {
		k.end(nil)
	} else {
		k.end(err)
	}
	return f, err
}

func (c *Core) rewrite(ctx context.Context, t file.Tenant, ref file.Ref, fn func(*file.File) error) (*file.File, error) {
	for attempt := 0; ; attempt++ {
		f, err := c.meta.Get(ctx, t, ref)
		if err != nil {
			return nil, err
		}
		owed := len(f.Outbox)
		if err := fn(f); err == errUnchanged { //nolint:errorlint // a marker, compared by identity
			return f, nil
		} else if err != nil {
			return nil, err
		}
		mark(ctx, f)
		err = c.meta.Update(ctx, f)
		if err == nil {
			if len(f.Outbox) > owed {
				c.relay.offer(f)
			}
			return f, nil
		}
		if file.CodeOf(err) != meta.ConflictRev || attempt == modifyAttempts {
			return nil, err
		}
		if err := c.pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// pause waits a moment that grows with the attempt and differs between rivals.
func (c *Core) pause(ctx context.Context, attempt int) error {
	if attempt < 2 {
		return nil
	}
	d := time.Duration(rand.Int64N(int64(min(attempt, 20)) * int64(time.Millisecond))) //nolint:gosec // jitter
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, "modify", ctx.Err())
	}
}

// detach gives a short-lived context for tidying up that must go on when the caller has gone.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}
