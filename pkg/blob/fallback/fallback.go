// Package fallback joins two stores: a primary, which takes every write, and a secondary, in which what the primary does not
// have is looked for. It is for a store that was moved, or is being moved, while its old blobs stay where they are.
//
// It copies nothing from one to the other, but for a blob that is damaged in the primary (Restore), and it is no replica: while the primary is
// out, so is the pair.
package fallback

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// Store is a blob.Store on two others.
type Store struct {
	primary, secondary blob.Store
}

var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Janitor   = (*Store)(nil)
	_ blob.Pinger    = (*Store)(nil)
	_ blob.Unwrapper = (*Store)(nil)
	_ io.Closer      = (*Store)(nil)

	_ blob.PrefixLister = (*Store)(nil)
)

// New joins two stores, which from then on are the Store's to close.
func New(primary, secondary blob.Store) *Store {
	return &Store{primary: primary, secondary: secondary}
}

// Put implements blob.Store. It does not ask the secondary, so that an upload does not depend on it: a key that only the
// secondary has is no Conflict, and its blob there is no longer seen. Keys that are made up once never meet that.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	return s.primary.Put(ctx, key, r, o)
}

// Open implements blob.Store. What it returns is the store's own, an *os.File from a disk.
func (s *Store) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return first(s, func(in blob.Store) (io.ReadSeekCloser, error) { return in.Open(ctx, key) })
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	return first(s, func(in blob.Store) (blob.Info, error) { return in.Stat(ctx, key) })
}

// first looks in the primary and, where the blob is absent there, in the secondary. Any other error of the primary is returned:
// a store that is out has not said that the blob is absent, and a NotFound of the secondary would then pass for a loss.
func first[T any](s *Store, look func(in blob.Store) (T, error)) (T, error) {
	found, err := look(s.primary)
	if file.Is(err, file.NotFound) {
		return look(s.secondary)
	}
	return found, err
}

// Delete implements blob.Store. It deletes in both, also when one fails: then the blob may still be there, and the error says so.
func (s *Store) Delete(ctx context.Context, key string) error {
	return errors.Join(s.primary.Delete(ctx, key), s.secondary.Delete(ctx, key))
}

// List implements blob.Store for the primary alone. A walk is how blobs that no record names are found and removed, and the
// secondary may hold blobs of others, or of records that are elsewhere. The other direction, from a record to its blob, is a
// Stat, which looks in both.
func (s *Store) List(ctx context.Context, after string, fn func(blob.Info) error) error {
	return s.primary.List(ctx, after, fn)
}

// SweepUnfinished implements blob.Janitor for the primary, as nothing is written to the secondary.
func (s *Store) SweepUnfinished(ctx context.Context, before time.Time) (int, error) {
	if j, ok := s.primary.(blob.Janitor); ok {
		return j.SweepUnfinished(ctx, before)
	}
	return 0, nil
}

// Unfinished implements blob.Janitor for the primary.
func (s *Store) Unfinished(ctx context.Context, before time.Time) (int, error) {
	if j, ok := s.primary.(blob.Janitor); ok {
		return j.Unfinished(ctx, before)
	}
	return 0, nil
}

// ListPrefix implements blob.PrefixLister for both, so that what belongs to one key is found wherever it is. A blob that both have is seen twice.
func (s *Store) ListPrefix(ctx context.Context, prefix string, fn func(blob.Info) error) error {
	if err := blob.ListPrefix(ctx, s.primary, prefix, fn); err != nil {
		return err
	}
	return blob.ListPrefix(ctx, s.secondary, prefix, fn)
}

// Ping implements blob.Pinger for the primary, where a write would go.
func (s *Store) Ping(ctx context.Context) error {
	if p, ok := s.primary.(blob.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// Unwrap implements blob.Unwrapper: it returns the primary.
func (s *Store) Unwrap() blob.Store { return s.primary }

// Close closes the stores that can be closed.
func (s *Store) Close() error {
	var failed []error
	for _, store := range []blob.Store{s.primary, s.secondary} {
		if c, ok := store.(io.Closer); ok {
			failed = append(failed, c.Close())
		}
	}
	return errors.Join(failed...)
}
