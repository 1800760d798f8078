package metatest

import (
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// walks: a walk is what was saved last, and of two who save after the same read one is told.
func walks(t *testing.T, e env) {
	ctx := t.Context()
	w, err := e.Walk(ctx, "scrub")
	if err != nil || w != (meta.Walk{Name: "scrub"}) {
		t.Fatalf("a new walk: %+v, %v", w, err)
	}
	rival := w
	for i := range 2 { // the first inserts, the second replaces
		w.After, w.Began, w.Ended = newID(), start, start.Add(time.Duration(i)*time.Hour)
		w.Bytes, w.LastBytes, w.By, w.Until = 1<<40, int64(i), "me", start.Add(time.Minute)
		if err := e.SaveWalk(ctx, &w); err != nil || w.Rev != int64(i+1) {
			t.Fatalf("save %d: rev %d, %v", i+1, w.Rev, err)
		}
		if got, err := e.Walk(ctx, "scrub"); err != nil || got != w {
			t.Fatalf("read %+v, %v; want %+v", got, err, w)
		}
		before := rival
		if err := e.SaveWalk(ctx, &rival); file.CodeOf(err) != meta.ConflictRev || rival != before {
			t.Fatalf("a rival at rev %d: %v, %+v", before.Rev, err, rival)
		}
		rival = w
	}
	if other, err := e.Walk(ctx, "another"); err != nil || other.Rev != 0 {
		t.Errorf("another walk: %+v, %v", other, err)
	}
	if err := e.SaveWalk(ctx, &meta.Walk{}); !file.Is(err, file.Invalid) {
		t.Errorf("a walk without a name: %v", err)
	}
}
