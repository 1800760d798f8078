package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// another is a second Core on the stores of the bench, as another process has it.
func (b *bench) another(cfg core.Config) *core.Core {
	b.t.Helper()
	cfg.Blobs, cfg.Meta, cfg.Bus, cfg.Now, cfg.Name = b.blobs, b.repo, b.bus, b.clock.now, "another"
	c := core.New(cfg)
	b.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// picture is a verified GIF that says it has 640x480 pixels. It gets no thumbnail.
func (b *bench) picture() *file.File {
	b.t.Helper()
	u := text("")
	u.Class, u.OriginalName, u.Body = file.ClassChat, "p.gif", strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
	f := b.upload(u)
	b.verify(f, content.Verdict{Type: "image/gif", Image: &file.Image{Width: 640, Height: 480, Frames: 1}})
	return b.get(f)
}

// change writes to a record behind the back of every Core.
func (b *bench) change(f *file.File, fn func(*file.File)) {
	b.t.Helper()
	for {
		got := b.get(f)
		fn(got)
		err := b.repo.Update(b.t.Context(), got)
		if err == nil {
			return
		}
		if !file.Is(err, file.Conflict) {
			b.t.Fatal(err)
		}
	}
}

var small = imaging.Transform{Width: 64}

// renderer counts what it renders.
type renderer struct{ n atomic.Int32 }

func (r *renderer) render(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
	return core.Rendering{Data: fmt.Appendf(nil, "rendering %d", r.n.Add(1)), Type: "image/gif", Width: 64, Height: 48}, nil
}

func TestVariantIsMadeOnceByAll(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	cores := []*core.Core{b.Core, b.another(core.Config{})}
	var r renderer
	var wg sync.WaitGroup
	got := make([]file.Variant, 50)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = cores[i%len(cores)].MakeVariant(context.Background(), tenant, f.ID, small, r.render); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := r.n.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
	for _, v := range got {
		if v != got[0] {
			t.Errorf("%+v and %+v", v, got[0])
		}
	}
	record := b.get(f)
	if len(record.Variants) != 1 || record.Variants[0] != got[0] || len(record.Renders) != 0 {
		t.Errorf("record %+v", record)
	}
	if got[0].Name != "w64-gif-"+f.SHA256[:16] || got[0].Size != int64(len("rendering 1")) || got[0].Width != 64 || got[0].Height != 48 {
		t.Errorf("variant %+v", got[0])
	}
	if len(b.blobKeys()) != 2 || b.used() != f.Size {
		t.Errorf("blobs %q, %d bytes charged", b.blobKeys(), b.used())
	}
	b.waitFacts(f.ID, event.Stored, event.Verified, event.VariantCreated)
	if _, err := b.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	b.nothingLeft()
}

func TestVariantOfHolderThatDied(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	name := "w64-gif-" + f.SHA256[:16]
	b.change(f, func(f *file.File) {
		f.Renders = []file.Render{{Name: name, By: "dead", Until: b.clock.now().Add(core.DefaultLease)}}
	})
	var r renderer
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.MakeVariant(short, tenant, f.ID, small, r.render); !file.Is(err, file.Cancelled) || r.n.Load() != 0 {
		t.Errorf("while its lease runs: %v, rendered %d times", err, r.n.Load())
	}
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, imaging.Transform{Width: 65}, r.render); err != nil {
		t.Errorf("another variant: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := b.MakeVariant(context.Background(), tenant, f.ID, small, r.render)
		waiting <- err
	}()
	b.clock.advance(core.DefaultLease)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	if got := b.get(f); len(got.Variants) != 2 || len(got.Renders) != 0 || r.n.Load() != 2 {
		t.Errorf("record %+v, rendered %d times", got, r.n.Load())
	}
}

func TestVariantOfHolderThatIsLate(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	other := b.another(core.Config{})
	var r renderer
	v, err := b.MakeVariant(t.Context(), tenant, f.ID, small, func(ctx context.Context, _ io.ReadSeeker, f *file.File) (core.Rendering, error) {
		b.clock.advance(core.DefaultLease)
		if _, err := other.MakeVariant(ctx, tenant, f.ID, small, r.render); err != nil {
			t.Error(err)
		}
		return core.Rendering{Data: []byte("late"), Type: "image/gif", Width: 64, Height: 48}, nil
	})
	if err != nil || v.Size != int64(len("rendering 1")) {
		t.Errorf("%+v, %v", v, err)
	}
	if got := b.get(f); len(got.Variants) != 1 || got.Variants[0] != v || len(b.blobKeys()) != 2 {
		t.Errorf("variants %+v, blobs %q", got.Variants, b.blobKeys())
	}
	b.waitFacts(f.ID, event.Stored, event.Verified, event.VariantCreated)
}

func TestVariantLeaseIsRenewed(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c := b.another(core.Config{Lease: 30 * time.Millisecond})
	_, err := c.MakeVariant(t.Context(), tenant, f.ID, small, func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
		b.clock.advance(time.Hour)
		b.eventually(func() bool { return b.get(f).Renders[0].Until.After(b.clock.now()) })
		return core.Rendering{Data: []byte("x"), Type: "image/gif"}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestVariantLeaseIsLost takes the lease away from a render: it is told, and the variant is made all the same.
func TestVariantLeaseIsLost(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c := b.another(core.Config{Lease: 30 * time.Millisecond})
	var r renderer
	told := 0
	v, err := c.MakeVariant(t.Context(), tenant, f.ID, small, func(ctx context.Context, src io.ReadSeeker, f *file.File) (core.Rendering, error) {
		if told > 0 {
			return r.render(ctx, src, f)
		}
		b.change(f, func(f *file.File) { f.Renders = nil })
		<-ctx.Done()
		told++
		return core.Rendering{}, file.Wrap(file.Cancelled, "test", ctx.Err())
	})
	if err != nil || v.Size == 0 || told != 1 || r.n.Load() != 1 {
		t.Errorf("%+v, %v; told %d times, rendered %d times", v, err, told, r.n.Load())
	}
}

// eventually waits until cond holds.
func (b *bench) eventually(cond func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); !cond(); {
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Error("did not happen")
			return
		}
	}
}

func TestVariantOfFileThatIsDeletedMeanwhile(t *testing.T) {
	for name, remove := range map[string]func(*bench, *file.File){
		"deleted": func(b *bench, f *file.File) {
			if _, err := b.Delete(b.t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
				b.t.Error(err)
			}
		},
		"a tombstone alone": func(b *bench, f *file.File) { b.change(f, func(f *file.File) { f.State = file.Deleting }) },
		"expired":           func(b *bench, f *file.File) { b.change(f, func(f *file.File) { f.ExpiresAt = b.clock.now() }) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			f := b.picture()
			_, err := b.MakeVariant(t.Context(), tenant, f.ID, small, func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
				remove(b, f)
				return core.Rendering{Data: []byte("x"), Type: "image/gif"}, nil
			})
			if !file.Is(err, file.NotFound) {
				t.Errorf("%v, want NotFound", err)
			}
			for _, key := range b.blobKeys() {
				if key != f.BlobKey {
					t.Errorf("%s is left", key)
				}
			}
			if got := b.get(f); len(got.Variants) != 0 {
				t.Errorf("variants %+v", got.Variants)
			}
		})
	}
}

func TestVariantThatCannotBeMade(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	var r renderer
	damaged := file.Errorf(file.Invalid, "render", "the image is damaged")
	for range 2 { // the lease is given back: the second does not wait
		_, err := b.MakeVariant(t.Context(), tenant, f.ID, small, func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
			return core.Rendering{}, damaged
		})
		if !errors.Is(err, damaged) {
			t.Errorf("%v, want the renderer's error", err)
		}
	}
	if got := b.get(f); len(got.Renders)+len(got.Variants) != 0 || len(b.blobKeys()) != 1 {
		t.Errorf("record %+v, blobs %q", got, b.blobKeys())
	}
	note, pending := b.upload(text("hello")), b.upload(text("hello"))
	b.verify(note, content.Verdict{Type: "text/plain"})
	for name, c := range map[string]struct {
		id   file.ID
		t    imaging.Transform
		kind file.Kind
		code string
	}{
		"no picture":   {note.ID, small, file.Invalid, core.CodeNotAnImage},
		"no verdict":   {pending.ID, small, file.NotFound, ""},
		"no such file": {"01JQ3KMN7XFGY4P6WBR2SZTAZZ", small, file.NotFound, ""},
		"out of range": {f.ID, imaging.Transform{Width: imaging.MaxSide + 1}, file.Invalid, ""},
	} {
		if _, err := b.MakeVariant(t.Context(), tenant, c.id, c.t, r.render); file.KindOf(err) != c.kind || file.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s %s", name, err, c.kind, c.code)
		}
	}
	if err := b.blobs.Delete(t.Context(), f.BlobKey); err != nil {
		t.Fatal(err)
	}
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, small, r.render); !file.Is(err, file.Damaged) || r.n.Load() != 0 {
		t.Errorf("without its bytes: %v, rendered %d times", err, r.n.Load())
	}
}

func TestVariantsAreBounded(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	var r renderer
	first, err := b.MakeVariant(t.Context(), tenant, f.ID, small, r.render)
	if err != nil {
		t.Fatal(err)
	}
	last := imaging.Transform{Width: 100}
	b.change(f, func(f *file.File) {
		for i := range file.MaxVariants - 2 {
			f.Variants = append(f.Variants, file.Variant{Name: fmt.Sprint("v", i)})
		}
		f.Renders = []file.Render{{Name: "x", By: "another", Until: b.clock.now().Add(time.Minute)}}
	})
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, last, r.render); !file.Is(err, file.RateLimited) || file.CodeOf(err) != core.CodeTooManyVariants {
		t.Errorf("one more than those that are made: %v", err)
	}
	b.clock.advance(time.Minute) // that one will never be
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, last, r.render); err != nil {
		t.Errorf("the last: %v", err)
	}
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, imaging.Transform{Width: 101}, r.render); !file.Is(err, file.RateLimited) {
		t.Errorf("one more: %v", err)
	}
	if got, err := b.MakeVariant(t.Context(), tenant, f.ID, small, r.render); err != nil || got != first {
		t.Errorf("one that is there: %+v, %v", got, err)
	}
	if got := b.get(f); len(got.Variants) != file.MaxVariants || r.n.Load() != 2 {
		t.Errorf("%d variants, rendered %d times", len(got.Variants), r.n.Load())
	}
}

func TestVariantLeavesRoomForTheThumbnail(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	b.change(f, func(f *file.File) {
		f.Thumbnail = file.ThumbnailOwed
		f.Variants = make([]file.Variant, file.MaxVariants-1)
	})
	var r renderer
	if _, err := b.MakeVariant(t.Context(), tenant, f.ID, small, r.render); !file.Is(err, file.RateLimited) {
		t.Errorf("%v, want RateLimited", err)
	}
}

func TestUnknownOutcomeOfVariantIsHarmless(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	b.eventually(func() bool { return len(b.get(f).Outbox) == 0 }) // nobody else writes any more
	var r renderer
	_, err := b.MakeVariant(t.Context(), tenant, f.ID, small, func(ctx context.Context, src io.ReadSeeker, f *file.File) (core.Rendering, error) {
		b.repo.mu.Lock()
		b.repo.loseUpdate = 1 // the next update, which commits the variant
		b.repo.mu.Unlock()
		return r.render(ctx, src, f)
	})
	if !file.Is(err, file.Unavailable) {
		t.Fatalf("got %v", err)
	}
	v, err := b.MakeVariant(t.Context(), tenant, f.ID, small, r.render)
	if err != nil || r.n.Load() != 1 || len(b.blobKeys()) != 2 {
		t.Errorf("%+v, %v; rendered %d times, blobs %q", v, err, r.n.Load(), b.blobKeys())
	}
	if _, err := b.RelayDue(t.Context(), -time.Minute, 10); err != nil {
		t.Fatal(err)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified, event.VariantCreated)
}

// A store makes a change, loses its answer, and does not know its own work again: others have changed the record since. What the change
// says was refused is there, and the bytes that the record names stay.
func TestOvertakenWriteKeepsItsBytes(t *testing.T) {
	t.Run("upload", func(t *testing.T) {
		b := newBench(t)
		b.overtakeNext()
		b.whole(b.upload(text("hello")))
	})
	t.Run("promise", func(t *testing.T) {
		b := newBench(t)
		b.overtakeNext()
		if f := b.promise(promised()); b.get(f).Description != "of another" {
			t.Errorf("record %+v", f)
		}
	})
	t.Run("receive", func(t *testing.T) {
		b := newBench(t)
		f := b.promise(promised())
		b.overtakeNext()
		b.whole(b.receive(f, "hello"))
	})
	t.Run("fetch", func(t *testing.T) {
		b := newBench(t)
		f := b.announce(announced())
		err := b.Fetch(t.Context(), hint(f), func(ctx context.Context, f *file.File) (core.Upload, io.Closer, error) {
			defer b.overtakeNext()
			return source("a.txt", "hello", nil)(ctx, f)
		})
		if err != nil {
			t.Error(err)
		}
		b.whole(f)
	})
	render := func(b *bench) core.Render {
		return func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
			b.overtakeNext()
			return core.Rendering{Data: []byte("tiny"), Type: "image/gif", Width: 1, Height: 1}, nil
		}
	}
	t.Run("thumbnail", func(t *testing.T) {
		b := newBench(t)
		u := text("")
		u.OriginalName, u.Body = "p.gif", strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
		f := b.upload(u)
		b.verify(f, content.Verdict{Type: "image/gif"})
		b.eventually(func() bool { return len(b.get(f).Outbox) == 0 }) // nobody else writes any more
		if err := b.MakeThumbnail(t.Context(), hint(f), render(b)); err != nil {
			t.Error(err)
		}
		b.whole(f)
	})
	t.Run("variant", func(t *testing.T) {
		b := newBench(t)
		f := b.picture()
		b.eventually(func() bool { return len(b.get(f).Outbox) == 0 })
		v, err := b.MakeVariant(t.Context(), tenant, f.ID, small, render(b))
		if err != nil || v.BlobKey == "" {
			t.Errorf("%+v, %v", v, err)
		}
		b.whole(f)
	})
}

func TestReconcileSparesVariantOnItsWay(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	b.clock.advance(24 * 365 * time.Hour) // far past the real time that blobs carry
	key := f.BlobKey + ".w64-gif-0.7"
	b.put(key)
	b.change(f, func(f *file.File) {
		f.Renders = []file.Render{{Name: "w64-gif-0", By: "another", Until: b.clock.now().Add(time.Second)}}
	})
	if found, err := b.NewReconciler(time.Hour).Pass(t.Context(), 100); err != nil || found.Orphans != 0 {
		t.Errorf("while its lease runs: %+v, %v", found, err)
	}
	b.clock.advance(time.Second)
	if found, err := b.NewReconciler(time.Hour).Pass(t.Context(), 100); err != nil || found.Orphans != 1 || len(b.blobKeys()) != 1 {
		t.Errorf("afterwards: %+v, %v, blobs %q", found, err, b.blobKeys())
	}
}
