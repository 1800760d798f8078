package core

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Bytes may rot where they lie. What a reader is given whole must be what was stored, so whoever sends a Content to its end hashes it on the way,
// unless that was done a short while ago, and settles it before the end. Bytes that are others are damage, and the record says so from then on.

// provenFor is how long bytes that were read to their end, and were whole, are taken to be so still.
const provenFor = time.Hour

// provenMost bounds what is remembered of them to some 10 MB.
const provenMost = 1 << 14

// appearance is what tells a blob from another in its place, or from itself after a write, without a look at the bytes.
type appearance struct {
	size int64
	info fs.FileInfo // of a file; nil for what is none, whose bytes nobody can change under their key
}

// look returns the appearance of what was just opened, which it leaves at its beginning.
func look(r io.ReadSeeker) (appearance, error) {
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		info, err := f.Stat()
		if err != nil {
			return appearance{}, err
		}
		return appearance{size: info.Size(), info: info}, nil
	}
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	return appearance{size: size}, err
}

func (a appearance) same(b appearance) bool {
	if a.info == nil || b.info == nil {
		return a.size == b.size && a.info == nil && b.info == nil
	}
	return a.size == b.size && a.info.ModTime().Equal(b.info.ModTime()) && os.SameFile(a.info, b.info)
}

// proof is that a blob was read to its end, and was whole.
type proof struct {
	appearance
	at time.Time
}

// proofs remembers which blobs were whole a short while ago. It drops the older half when it is full. The zero value is empty.
type proofs struct {
	mu         sync.Mutex
	young, old map[string]proof // by key
}

func (p *proofs) add(key string, a appearance, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.young == nil || len(p.young) >= provenMost {
		p.old, p.young = p.young, map[string]proof{}
	}
	p.young[key] = proof{appearance: a, at: now}
}

func (p *proofs) has(key string, a appearance, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.young[key]
	if !ok {
		known, ok = p.old[key]
	}
	return ok && now.Sub(known.at) < provenFor && known.same(a)
}

// examine compares a Content that was just opened with its record, as far as that goes without reading it, and prepares it for being read whole.
func (c *Core) examine(ctx context.Context, f *file.File, key string, out *Content) error {
	seen, err := look(out.ReadSeekCloser)
	if err != nil {
		return file.Wrap(file.Internal, "open", err)
	}
	if seen.size != out.Size {
		x := Finding{Code: SizeMismatch, Tenant: f.Tenant, File: f.ID, Key: key, Note: wrongSize(seen.size, out.Size)}
		return c.refuse(ctx, x)
	}
	out.Proven = c.proofs.has(key, seen, c.now())
	want := out.Digest
	out.settle = func(ctx context.Context, digest string) error {
		if digest == want {
			c.proofs.add(key, seen, c.now())
			return nil
		}
		return c.refuse(ctx, Finding{Code: DigestMismatch, Tenant: f.Tenant, File: f.ID, Key: key, Note: wrongDigest(digest, want)})
	}
	return nil
}

// refuse takes damage that a reader has met into the record, and returns what to tell the reader. A file that was deleted meanwhile is NotFound.
func (c *Core) refuse(ctx context.Context, x Finding) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := c.damaged(ctx, x); err != nil && !file.Is(err, file.NotFound) {
		c.log.WarnContext(ctx, "the damage of a file is not in its record yet", "file", x.File, "err", err)
	}
	return &file.Error{Kind: file.Damaged, Op: "read", Code: string(x.Code), Err: errors.New(x.Key + ": " + x.Note)}
}

// Settle ends the reading of a Content: digest is the SHA-256, in hex, of all its bytes. It returns nil when they are what was stored, and a
// Damaged error when they are not: they must not reach a reader then, and the file, or the variant, is not served any more.
func (c Content) Settle(ctx context.Context, digest string) error {
	switch {
	case c.settle != nil:
		return c.settle(ctx, digest)
	case digest != c.Digest:
		return &file.Error{Kind: file.Damaged, Op: "read", Err: errors.New(wrongDigest(digest, c.Digest))}
	}
	return nil
}
