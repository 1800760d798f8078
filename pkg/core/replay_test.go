package core_test

import (
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// givenUp lists what an operator would see.
func (b *bench) givenUp() []file.ID {
	b.t.Helper()
	var ids []file.ID
	err := b.EachGivenUp(b.t.Context(), func(f *file.File) error {
		ids = append(ids, f.ID)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return ids
}

func (b *bench) replay(f *file.File, want file.Work, kind file.Kind) {
	b.t.Helper()
	if got, err := b.Replay(b.t.Context(), f.Tenant, f.ID); got != want || file.KindOf(err) != kind {
		b.t.Errorf("Replay = %q, %v; want %q, %q", got, err, want, kind)
	}
}

func (b *bench) giveUp(f *file.File, work file.Work) {
	b.t.Helper()
	if err := b.GiveUp(b.t.Context(), hint(f), work, "processing_failed"); err != nil {
		b.t.Fatal(err)
	}
}

func TestReplayVerification(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	b.replay(f, file.WorkNone, "") // on its way
	b.giveUp(f, file.WorkVerify)
	if got := b.givenUp(); !slices.Equal(got, []file.ID{f.ID}) {
		t.Errorf("given up: %v", got)
	}
	f = b.get(f)
	f.Attempts = core.MaxAttempts // as an older version may have left it
	if err := b.repo.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	b.replay(f, file.WorkVerify, "")
	got := b.get(f)
	if got.State != file.Pending || got.Reason != "" || got.Attempts != 0 {
		t.Errorf("%s %q, attempts %d", got.State, got.Reason, got.Attempts)
	}
	if work, since := got.Owed(); work != file.WorkVerify || since.After(b.clock.now()) {
		t.Errorf("it waits for %q from %s on", work, since)
	}
	b.verify(f, content.Verdict{Type: "text/plain"})
	b.waitFacts(f.ID, event.Stored, event.Failed, event.Stored, event.Verified)
	b.replay(f, file.WorkNone, "")
	if got := b.givenUp(); len(got) != 0 {
		t.Errorf("given up: %v", got)
	}
}

func TestReplayThumbnail(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("no picture, but nobody looks"))
	b.verify(f, content.Verdict{Type: "image/png", Image: &file.Image{Width: 1, Height: 1, Frames: 1}})
	b.giveUp(f, file.WorkThumbnail)
	b.replay(f, file.WorkThumbnail, "")
	if got := b.get(f); got.State != file.Ready || got.Thumbnail != file.ThumbnailOwed {
		t.Errorf("%s, thumbnail %q", got.State, got.Thumbnail)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
}

func TestReplayFetch(t *testing.T) {
	b := newBench(t)
	s, err := b.Announce(t.Context(), core.Upload{Tenant: tenant, OriginalName: "a.txt", Source: "https://example.com/a.txt"})
	if err != nil {
		t.Fatal(err)
	}
	b.giveUp(s.File, file.WorkFetch)
	b.replay(s.File, file.WorkFetch, "")
	if work, _ := b.get(s.File).Owed(); work != file.WorkFetch {
		t.Errorf("it waits for %q", work)
	}
}

// TestReplayOfWhatIsGone: a file that ended stays so.
func TestReplayOfWhatIsGone(t *testing.T) {
	b := newBench(t)
	gone := b.upload(text("hello"))
	b.giveUp(gone, file.WorkVerify)
	if _, err := b.Delete(t.Context(), tenant, file.ByID(gone.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	b.replay(gone, file.WorkNone, file.NotFound)
	u := text("hello")
	u.Life = time.Minute
	expired := b.upload(u)
	b.giveUp(expired, file.WorkVerify)
	b.clock.advance(time.Minute)
	b.replay(expired, file.WorkNone, file.NotFound)
	b.replay(&file.File{Tenant: "other", ID: gone.ID}, file.WorkNone, file.NotFound)
	if got := b.givenUp(); len(got) != 0 {
		t.Errorf("given up: %v", got)
	}
}

func TestLocate(t *testing.T) {
	b := newBench(t)
	for _, of := range []file.Tenant{"other", tenant, "other"} {
		u := text("hello")
		u.Tenant = of
		f := b.upload(u)
		got, err := b.Locate(t.Context(), f.ID)
		if err != nil || got.ID != f.ID || got.Tenant != f.Tenant {
			t.Errorf("Locate(%s) = %+v, %v", f.ID, got, err)
		}
	}
	for id, want := range map[file.ID]file.Kind{"01JQ3KMN7XFGY4P6WBR2SZTAZZ": file.NotFound, "": file.Invalid, "x": file.Invalid} {
		if _, err := b.Locate(t.Context(), id); !file.Is(err, want) {
			t.Errorf("Locate(%q): %v", id, err)
		}
	}
}
