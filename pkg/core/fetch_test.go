package core_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

const sourceURL = "https://example.com/report.pdf"

func announced() core.Upload {
	return core.Upload{Tenant: tenant, By: "u1", Via: "native", Class: file.ClassTag, Parent: file.Parent{Kind: "tag", ID: "t"}, OriginalName: "report.pdf", Source: sourceURL}
}

// source gives bytes under a name, or an error.
func source(name, body string, err error) core.Source {
	return func(context.Context, *file.File) (core.Upload, io.Closer, error) {
		if err != nil {
			return core.Upload{}, nil, err
		}
		r := io.NopCloser(strings.NewReader(body))
		return core.Upload{OriginalName: name, Body: r}, r, nil
	}
}

func (b *bench) announce(u core.Upload) *file.File {
	b.t.Helper()
	s, err := b.Announce(b.t.Context(), u)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.File
}

func TestAnnouncedFileIsFetched(t *testing.T) {
	b := newBench(t)
	f := b.announce(announced())
	if f.State != file.Pending || f.Source != sourceURL || f.Size != 0 || core.Judged(f) {
		t.Fatalf("announced %+v", f)
	}
	b.verify(f, content.Verdict{}) // has nothing to do yet
	for range 2 {
		if err := b.Fetch(t.Context(), hint(f), source("note.txt", "hello", nil)); err != nil {
			t.Fatal(err)
		}
	}
	got := b.get(f)
	if got.Source != "" || got.Size != 5 || got.OriginalName != "note.txt" || got.Name != "note.txt" || got.DeclaredType != "text/plain" || b.used() != 5 || len(b.blobKeys()) != 1 {
		t.Errorf("fetched %+v, %d bytes charged", got, b.used())
	}
	b.verify(f, content.Verdict{Type: "text/plain"})
	if got := b.get(f); got.State != file.Ready {
		t.Errorf("judged %s", got.State)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
}

func TestAnnounceTwiceUnderOneKey(t *testing.T) {
	b := newBench(t)
	u := announced()
	u.Key = "k"
	first := b.announce(u)
	if s, err := b.Announce(t.Context(), u); err != nil || !s.Replayed || s.File.ID != first.ID {
		t.Errorf("the same again: %+v, %v", s, err)
	}
	u.Source += "?page=2"
	if _, err := b.Announce(t.Context(), u); !file.Is(err, file.Mismatch) {
		t.Errorf("another URL under the key: %v", err)
	}
}

func TestFetchThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		source core.Source
		reason string
	}{
		"refused":          {source("", "", &file.Error{Kind: file.Invalid, Code: "invalid_url"}), "invalid_url"},
		"type not allowed": {source("page.html", "<html><body>hi", nil), content.CodeUnsupported},
		"empty":            {source("note.txt", "", nil), "empty_file"},
		"without a code":   {source("", "", file.Errorf(file.Invalid, "x", "no")), "fetch_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			f := b.announce(announced())
			withPolicy := func(ctx context.Context, f *file.File) (core.Upload, io.Closer, error) {
				u, body, err := c.source(ctx, f)
				u.Policy = content.TagdAI
				return u, body, err
			}
			if err := b.Fetch(t.Context(), hint(f), withPolicy); err != nil {
				t.Fatal(err)
			}
			got := b.get(f)
			if got.State != file.Failed || got.Reason != c.reason || b.used() != 0 || len(b.blobKeys()) != 0 {
				t.Errorf("%s because of %q, %d bytes charged, blobs %q", got.State, got.Reason, b.used(), b.blobKeys())
			}
			b.waitFacts(f.ID, event.Failed)
		})
	}
}

func TestFetchIsTriedAgain(t *testing.T) {
	b := newBench(t)
	f := b.announce(announced())
	out := file.Wrap(file.Unavailable, "x", errors.New("network is down"))
	if err := b.Fetch(t.Context(), hint(f), source("", "", out)); !errors.Is(err, out) {
		t.Fatalf("got %v", err)
	}
	if got := b.get(f); got.State != file.Pending || got.Source == "" || got.Attempts != 0 {
		t.Fatalf("after a failed attempt %+v", got)
	}
	if err := b.Fetch(t.Context(), hint(f), source("note.txt", "hello", nil)); err != nil {
		t.Fatal(err)
	}
	if got := b.get(f); got.Size != 5 {
		t.Errorf("after the second %+v", got)
	}
}

func TestAnnouncedFileThatIsDeletedIsNotFetched(t *testing.T) {
	b := newBench(t)
	f := b.announce(announced())
	deleting := func(ctx context.Context, f *file.File) (core.Upload, io.Closer, error) {
		if _, err := b.Delete(ctx, f.Tenant, file.ByID(f.ID), "u1"); err != nil {
			t.Error(err)
		}
		return source("note.txt", "hello", nil)(ctx, f)
	}
	if err := b.Fetch(t.Context(), hint(f), deleting); err != nil {
		t.Fatal(err)
	}
	b.erased(f)
}

func TestAnnounceRefuses(t *testing.T) {
	b := newBench(t)
	for name, change := range map[string]func(*core.Upload){
		"name":   func(u *core.Upload) { u.OriginalName = "a/b" },
		"type":   func(u *core.Upload) { u.OriginalName, u.Policy = "a.exe", content.TagdAI },
		"room":   func(u *core.Upload) { u.Limits.MaxStorage, u.Announced = 4, 5 },
		"length": func(u *core.Upload) { u.Limits.MaxFile, u.Announced = 4, 5 },
	} {
		t.Run(name, func(t *testing.T) {
			u := announced()
			change(&u)
			if _, err := b.Announce(t.Context(), u); err == nil {
				t.Error("it was taken")
			}
			b.nothingLeft()
		})
	}
}
