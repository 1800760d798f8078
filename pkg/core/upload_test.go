package core_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

func TestUploadIsStoredAndTold(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	if f.State != file.Pending || f.Size != 5 || f.DeclaredType != "text/plain" || f.Number == 0 || f.Path != "uploads/tenants/acme/files/"+string(f.ID)+"/note.txt" {
		t.Errorf("record %+v", f)
	}
	if want := "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"; f.SHA256 != want {
		t.Errorf("SHA-256 %s, want %s", f.SHA256, want)
	}
	b.waitFacts(f.ID, event.Stored)
	if got := b.get(f); got.Rev < 1 || got.BlobKey == "" {
		t.Errorf("stored %+v", got)
	}
	if b.used() != 5 {
		t.Errorf("%d bytes are charged, want 5", b.used())
	}
}

func TestRefusedUploadsLeaveNothing(t *testing.T) {
	broken := errors.New("connection cut")
	for name, c := range map[string]struct {
		change func(*core.Upload)
		kind   file.Kind
		is     error
	}{
		"empty":            {change: func(u *core.Upload) { u.Body = strings.NewReader("") }, kind: file.Invalid},
		"name with slash":  {change: func(u *core.Upload) { u.OriginalName = "../note.txt" }, kind: file.Invalid},
		"name with NUL":    {change: func(u *core.Upload) { u.OriginalName = "note\x00.txt" }, kind: file.Invalid},
		"long name":        {change: func(u *core.Upload) { u.OriginalName = strings.Repeat("n", 300) + ".txt" }, kind: file.Invalid},
		"type not allowed": {change: func(u *core.Upload) { u.OriginalName = "note.exe"; u.Policy = content.TagdAI }, kind: file.TypeRefused},
		"bytes disagree":   {change: func(u *core.Upload) { u.OriginalName = "note.jpg"; u.Body = strings.NewReader("<html><body>hi") }, kind: file.TypeRefused},
		"too large":        {change: func(u *core.Upload) { u.Limits.MaxFile = 4 }, kind: file.TooLarge},
		"announced large":  {change: func(u *core.Upload) { u.Limits.MaxFile = 4; u.Announced = 5; u.Body = nil }, kind: file.TooLarge},
		"over quota":       {change: func(u *core.Upload) { u.Limits.MaxStorage = 4 }, kind: file.OverQuota},
		"announced quota":  {change: func(u *core.Upload) { u.Limits.MaxStorage = 4; u.Announced = 5; u.Body = nil }, kind: file.OverQuota},
		"large over quota": {change: func(u *core.Upload) { u.Limits.MaxStorage = 20 << 20; u.Body = repeated(21 << 20) }, kind: file.OverQuota},
		"cut after 9 MiB": {change: func(u *core.Upload) {
			u.Limits.MaxStorage = 1 << 30
			u.Body = &failingReader{repeated(9 << 20), broken}
		}, is: broken, kind: file.Internal},
		"wrong digest":      {change: func(u *core.Upload) { u.SHA256 = strings.Repeat("0", 64) }, kind: file.Invalid},
		"form refuses late": {change: func(u *core.Upload) { u.Complete = func(*core.Upload) error { return broken } }, is: broken, kind: file.Internal},
		"late bad life":     {change: func(u *core.Upload) { u.Complete = func(u *core.Upload) error { u.Life = -1; return nil } }, kind: file.Invalid},
		"late long text": {change: func(u *core.Upload) {
			u.Complete = func(u *core.Upload) error { u.Description = strings.Repeat("d", 5000); return nil }
		}, kind: file.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := text("hello")
			c.change(&u)
			_, err := b.Upload(t.Context(), u)
			if file.KindOf(err) != c.kind || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want kind %s %v", err, c.kind, c.is)
			}
			b.nothingLeft()
		})
	}
}

func TestQuotaLetsInExactlyWhatFits(t *testing.T) {
	b := newBench(t)
	const size, room, rivals = 100_000, 10, 64
	var mu sync.Mutex
	ok, refused := 0, 0
	var wg sync.WaitGroup
	for range rivals {
		wg.Go(func() {
			u := text("")
			u.Body, u.Limits.MaxStorage = repeated(size), size*room
			_, err := b.Upload(context.Background(), u)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				ok++
			case file.Is(err, file.OverQuota):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ok != room || refused != rivals-room || b.used() != size*room || len(b.blobKeys()) != room {
		t.Errorf("%d uploads fitted, %d refused, %d bytes charged, %d blobs; want %d, %d", ok, refused, b.used(), len(b.blobKeys()), room, rivals-room)
	}
}

func TestIdempotencyKey(t *testing.T) {
	b := newBench(t)
	u := text("hello")
	u.Key = "k1"
	first := b.upload(u)

	u.Body = strings.NewReader("hello")
	again, err := b.Upload(t.Context(), u)
	if err != nil || !again.Replayed || again.File.ID != first.ID {
		t.Errorf("the same request gave %+v, %v", again, err)
	}
	u.Body = strings.NewReader("other")
	if _, err := b.Upload(t.Context(), u); !file.Is(err, file.Mismatch) {
		t.Errorf("another body under the same key gave %v", err)
	}
	if keys := b.blobKeys(); len(keys) != 1 {
		t.Errorf("blobs %q, want one", keys)
	}
	if _, err := b.Delete(t.Context(), tenant, file.ByID(first.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	u.Body = strings.NewReader("hello")
	if _, err := b.Upload(t.Context(), u); !file.Is(err, file.NotFound) {
		t.Errorf("a replay after the delete gave %v", err)
	}
}

func TestIdempotencyKeyRace(t *testing.T) {
	b := newBench(t)
	ids := make(chan file.ID, 16)
	var wg sync.WaitGroup
	for range cap(ids) {
		wg.Go(func() {
			u := text("hello")
			u.Key = "k1"
			s, err := b.Upload(context.Background(), u)
			if err != nil {
				t.Error(err)
				return
			}
			ids <- s.File.ID
		})
	}
	wg.Wait()
	close(ids)
	seen := map[file.ID]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != 1 || len(b.blobKeys()) != 1 || b.used() != 5 {
		t.Errorf("%d files, %d blobs, %d bytes; want one of each, 5 bytes", len(seen), len(b.blobKeys()), b.used())
	}
}

func TestLostAnswerOfCreate(t *testing.T) {
	t.Run("the record had been written", func(t *testing.T) {
		b := newBench(t)
		b.repo.loseCreate = 1
		f := b.upload(text("hello"))
		if got := b.get(f); got.State != file.Pending || len(b.blobKeys()) != 1 {
			t.Errorf("record %+v, blobs %q", got, b.blobKeys())
		}
		b.waitFacts(f.ID, event.Stored)
	})
	t.Run("it had not", func(t *testing.T) {
		b := newBench(t)
		b.repo.failCreate = 1
		if _, err := b.Upload(t.Context(), text("hello")); !file.Is(err, file.Unavailable) {
			t.Errorf("got %v", err)
		}
		b.nothingLeft()
	})
}
