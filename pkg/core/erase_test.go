package core_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// erased lets the time pass in which somebody may still make a variant, and wants a tombstone of which no byte is left.
func (b *bench) erased(f *file.File) {
	b.t.Helper()
	b.clock.advance(core.DefaultLease + time.Second)
	if _, err := b.EraseDue(b.t.Context(), 0, 10); err != nil {
		b.t.Fatal(err)
	}
	if got := b.get(f); got.State != file.Gone || got.ErasedAt.IsZero() || len(got.Variants) != 0 || got.Name != "" {
		b.t.Errorf("%s, erased at %v, variants %v, name %q", got.State, got.ErasedAt, got.Variants, got.Name)
	}
	b.nothingLeft()
}

// TestEraseRemovesWhatNoRecordNames: what crashes have left of a file goes with it, and what is another's stays.
func TestEraseRemovesWhatNoRecordNames(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f, other := p.picture(), p.ready("another")
		p.put(f.BlobKey + ".thumbnail.99")
		p.put(f.BlobKey + ".01JQ3KMN7XFGY4P6WBR2SZTAZZ")
		if _, err := p.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
			t.Fatal(err)
		}
		if got := p.get(f); got.State != file.Gone || !got.ErasedAt.Equal(d.clock.now().Truncate(time.Microsecond)) {
			t.Errorf("%s, erased at %v", got.State, got.ErasedAt)
		}
		if keys := p.blobKeys(); !slices.Equal(keys, []string{other.BlobKey}) {
			t.Errorf("left %q", keys)
		}
	})
}

// TestEraseWaitsForMakers: bytes that somebody stores for a file after its delete are gone before the record says that it is erased.
func TestEraseWaitsForMakers(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	b.verify(f, content.Verdict{Type: "image/png", Image: &file.Image{Width: 1, Height: 1, Frames: 1}})
	var key string
	err := b.MakeThumbnail(t.Context(), hint(f), func(ctx context.Context, _ io.ReadSeeker, f *file.File) (core.Rendering, error) {
		if _, err := b.Delete(ctx, tenant, file.ByID(f.ID), "u1"); err != nil {
			t.Fatal(err)
		}
		key = f.BlobKey + ".thumbnail.7" // of a maker that dies right after
		b.put(key)
		if got := b.get(f); got.State != file.Deleting || !got.ErasedAt.IsZero() {
			t.Errorf("while it is made: %s, erased at %v", got.State, got.ErasedAt)
		}
		return core.Rendering{}, os.ErrClosed
	})
	if !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	if n, err := b.EraseDue(t.Context(), 0, 10); n != 0 || err != nil || len(b.blobKeys()) != 1 {
		t.Errorf("within the lease %d were erased, %v; left %q", n, err, b.blobKeys())
	}
	b.erased(f)
}

// clinging is a store that keeps what it is told to delete.
type clinging struct {
	blob.Store
	clings atomic.Bool
}

var _ blob.Store = (*clinging)(nil)

func (s *clinging) Delete(ctx context.Context, key string) error {
	if s.clings.Load() {
		return nil
	}
	return s.Store.Delete(ctx, key)
}

// TestErasedIsSaidWhenNothingIsLeft: a store that says it has deleted is not believed.
func TestErasedIsSaidWhenNothingIsLeft(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	store := &clinging{Store: b.blobs}
	store.clings.Store(true)
	c := core.New(core.Config{Blobs: store, Meta: b.repo, Bus: b.bus, Now: b.clock.now})
	defer c.Close(t.Context())
	if _, err := c.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.EraseDue(t.Context(), 0, 10); err == nil {
		t.Error("bytes that are there were found to be gone")
	}
	if got := b.get(f); got.State != file.Deleting || !got.ErasedAt.IsZero() {
		t.Errorf("%s, erased at %v", got.State, got.ErasedAt)
	}
	store.clings.Store(false)
	b.erased(f)
}

// TestErasedBytesAreNowhere looks into every file of a data folder.
func TestErasedBytesAreNowhere(t *testing.T) {
	const body, name = "a text that nobody else would write", "name-of-an-erased-file.txt"
	d := newFolder(t)
	d.open(func(p *program) {
		u := text(body)
		u.OriginalName = name
		f := p.upload(u)
		p.verify(f, content.Verdict{Type: "text/plain"})
		if found := d.holding(body); len(found) != 1 {
			t.Fatalf("before the delete its bytes are in %q", found)
		}
		if _, err := p.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
			t.Fatal(err)
		}
		if found := d.holding(body); len(found) != 0 {
			t.Errorf("after the delete its bytes are in %q", found)
		}
	})
	for _, path := range d.holding(name) {
		t.Errorf("its name is in %s", path)
	}
}

// holding lists the files of the folder that hold a text.
func (d *folder) holding(text string) []string {
	d.t.Helper()
	var found []string
	files := os.DirFS(d.dir)
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if bytes.Contains(data, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}
