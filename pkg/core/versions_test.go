package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

const photoPath = "uploads/users/u1/images/photo.jpg"

func photo(pixel string) core.Upload {
	return core.Upload{Tenant: tenant, By: "u1", Via: "tiledesk", Class: file.ClassAvatar, Path: photoPath, OriginalName: "photo.gif",
		Body: strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00" + pixel)}
}

var goodPhoto = content.Verdict{Type: "image/gif", Image: &file.Image{Width: 1, Height: 1, Frames: 1}}

// found is what the path leads to.
func (b *bench) found() (*file.File, error) {
	return b.Get(b.t.Context(), tenant, file.ByPath(photoPath))
}

func TestNewVersionTakesThePlaceOfTheOld(t *testing.T) {
	b := newBench(t)
	if _, err := b.found(); !file.Is(err, file.NotFound) {
		t.Fatalf("before the first: %v", err)
	}
	first := b.upload(photo("1"))
	if got, err := b.found(); err != nil || got.ID != first.ID || got.State != file.Pending {
		t.Fatalf("the first, unjudged: %+v, %v", got, err)
	}
	b.verify(first, goodPhoto)
	second := b.upload(photo("2"))
	if got, err := b.found(); err != nil || got.ID != first.ID {
		t.Errorf("while the second is unjudged the first is found: %+v, %v", got, err)
	}
	b.verify(second, goodPhoto)
	if got, err := b.found(); err != nil || got.ID != second.ID {
		t.Errorf("after its verdict the second is found: %+v, %v", got, err)
	}
	if got := b.get(first); got.State != file.Gone || len(b.blobKeys()) != 1 || b.used() != second.Size {
		t.Errorf("the first is %s, blobs %q, %d bytes", got.State, b.blobKeys(), b.used())
	}
	b.waitFacts(first.ID, event.Stored, event.Verified, event.Deleted)

	rejected := b.upload(photo("3"))
	b.verify(rejected, content.Verdict{Type: "image/gif", Reason: content.ReasonCorrupt})
	if got, err := b.found(); err != nil || got.ID != second.ID {
		t.Errorf("a rejected version replaces nothing: %+v, %v", got, err)
	}
	if _, err := b.Delete(t.Context(), tenant, file.ByID(second.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.found(); err == nil && got.State == file.Ready {
		t.Errorf("after the delete there is %+v", got)
	}
}

func TestVersionsThatAreJudgedOutOfOrder(t *testing.T) {
	b := newBench(t)
	first, second := b.upload(photo("1")), b.upload(photo("2"))
	b.verify(second, goodPhoto)
	b.verify(first, goodPhoto) // buried by the second's verdict: nothing to do
	if got, err := b.found(); err != nil || got.ID != second.ID {
		t.Errorf("found %+v, %v", got, err)
	}
	if got := b.get(first); got.State != file.Gone {
		t.Errorf("the first is %s", got.State)
	}
}

// A process that ends between the verdict and the burial leaves an old version that nobody sees. The reconcile loop buries it, and a delete
// does not bring it to light.
func TestOldVersionLeftByACrash(t *testing.T) {
	for name, mend := range map[string]func(*testing.T, *bench, *file.File){
		"reconcile": func(t *testing.T, b *bench, _ *file.File) {
			if _, err := b.NewReconciler(0).Pass(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		},
		"delete": func(t *testing.T, b *bench, newest *file.File) {
			if _, err := b.Delete(t.Context(), tenant, file.ByID(newest.ID), "u1"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.found(); !file.Is(err, file.NotFound) {
				t.Errorf("after the delete: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first, second := b.upload(photo("1")), b.upload(photo("2"))
			for _, f := range []*file.File{first, second} { // both ready, as if the burial had never come
				got := b.get(f)
				got.DetectedType = "image/gif"
				if err := errors.Join(got.Move(file.Ready), b.repo.Update(t.Context(), got)); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := b.found(); err != nil || got.ID != second.ID {
				t.Fatalf("found %+v, %v", got, err)
			}
			mend(t, b, second)
			if got := b.get(first); got.State != file.Gone {
				t.Errorf("the first is %s", got.State)
			}
		})
	}
}

// Readers of the path see one whole version or another, and never none, while versions come and go.
func TestPathIsNeverEmptyBetweenVersions(t *testing.T) {
	b := newBench(t)
	f := b.upload(photo("0"))
	b.verify(f, goodPhoto)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if err := b.readPhoto(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("a reader met %v", err)
					return
				}
			}
		})
	}
	for i := range 20 {
		f := b.upload(photo(fmt.Sprint(i)))
		b.verify(f, goodPhoto)
	}
	stop()
	readers.Wait()
}

// readPhoto reads what the path leads to. A version that is replaced between the look and the read is looked up again, as a client's retry would.
func (b *bench) readPhoto(ctx context.Context) error {
	for {
		f, err := b.Get(ctx, tenant, file.ByPath(photoPath))
		if err != nil {
			return err
		}
		c, err := b.Open(ctx, f, "")
		if file.Is(err, file.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(c)
		_ = c.Close()
		if err == nil && int64(len(data)) != f.Size {
			err = fmt.Errorf("%d bytes of %d", len(data), f.Size)
		}
		return err
	}
}
