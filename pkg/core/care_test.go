package core_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

func TestDeleteIsForEver(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	b.verify(f, content.Verdict{Type: "text/plain"})
	if _, err := b.Delete(t.Context(), tenant, file.ByPath(f.Path), "u1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Core.Get(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("reading it gave %v", err)
	}
	if _, err := b.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); !file.Is(err, file.NotFound) {
		t.Errorf("deleting it again gave %v", err)
	}
	name := "n"
	if _, err := b.Core.Update(t.Context(), tenant, file.ByID(f.ID), "u1", core.Patch{Name: &name}); !file.Is(err, file.NotFound) {
		t.Errorf("renaming it gave %v", err)
	}
	b.verify(f, content.Verdict{Type: "text/plain"})
	b.nothingLeft()
	if got := b.get(f); got.State != file.Gone || got.OriginalName != "" {
		t.Errorf("tombstone %+v", got)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified, event.Deleted)
}

func TestExpiryHoldsFromTheSecondOn(t *testing.T) {
	b := newBench(t)
	u := text("hello")
	u.Life = 5 * time.Second
	f := b.upload(u)
	b.verify(f, content.Verdict{Type: "text/plain"})
	b.clock.advance(5*time.Second - time.Millisecond)
	if _, err := b.Core.Get(t.Context(), tenant, file.ByID(f.ID)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.ExpireDue(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("expired early: %d, %v", n, err)
	}
	b.clock.advance(time.Millisecond)
	if _, err := b.Core.Get(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("reading it gave %v, before any sweep", err)
	}
	if n, err := b.ExpireDue(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if n, err := b.ExpireDue(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("swept again: %d, %v", n, err)
	}
	b.nothingLeft()
	b.waitFacts(f.ID, event.Stored, event.Verified, event.Expired)
}

func TestEventsOutliveTheBus(t *testing.T) {
	b := newBench(t)
	b.bus.setOut(true)
	f := b.upload(text("hello"))
	b.verify(f, content.Verdict{Type: "text/plain"})
	if got := b.get(f); got.State != file.Ready || len(got.Outbox) != 2 {
		t.Fatalf("with the bus out: %+v", got)
	}
	if _, err := b.RelayDue(t.Context(), -time.Minute, 10); !file.Is(err, file.Unavailable) {
		t.Errorf("relaying to a bus that is out gave %v", err)
	}
	b.bus.setOut(false)
	if n, err := b.RelayDue(t.Context(), -time.Minute, 10); n != 2 || err != nil {
		t.Errorf("relayed %d, %v", n, err)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
	if got := b.get(f); len(got.Outbox) != 0 {
		t.Errorf("the outbox still holds %v", got.Outbox)
	}
}

func TestReconcileRemovesOnlyOrphans(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	orphan := "acme/ZZ/01JQ3KMN7XFGY4P6WBR2SZTAZZ"
	for _, key := range []string{orphan, "acme/" + string(f.ID[24:]) + "/" + string(f.ID) + ".thumbnail.9", "not-ours"} {
		b.put(key)
	}
	r := b.NewReconciler(time.Hour)
	if found, err := r.Pass(t.Context(), 100); err != nil || found.Orphans != 0 { // the clock stands before the real time that the files carry
		t.Errorf("young blobs may belong to an upload on its way: %+v, %v", found, err)
	}
	b.clock.advance(24 * 365 * time.Hour) // far past the real time that the files carry
	found, err := r.Pass(t.Context(), 100)
	if err != nil || found.Orphans != 2 || found.Missing != 0 || found.Records == 0 {
		t.Errorf("found %+v, %v", found, err)
	}
	if keys := b.blobKeys(); len(keys) != 2 || !slices.Contains(keys, f.BlobKey) || !slices.Contains(keys, "not-ours") {
		t.Errorf("left %q", keys)
	}
	// The fence: an upload that was slow to create its record cannot do so any more.
	late := &file.File{ID: "01JQ3KMN7XFGY4P6WBR2SZTAZZ", Tenant: tenant, Number: 1, State: file.Pending}
	if err := b.repo.Create(t.Context(), late); !file.Is(err, file.Conflict) {
		t.Errorf("a record for removed bytes could be made: %v", err)
	}
	if err := b.blobs.Delete(t.Context(), f.BlobKey); err != nil {
		t.Fatal(err)
	}
	found = core.Findings{}
	for range 3 { // to the end of the walk and around
		more, err := r.Pass(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		found.Missing += more.Missing
	}
	if found.Missing == 0 {
		t.Error("lost bytes were not noticed")
	}
}

func TestListPages(t *testing.T) {
	b := newBench(t)
	var ids []file.ID
	for i := range 5 {
		u := text(fmt.Sprint("body ", i))
		u.Parent = file.Parent{Kind: "tag", ID: "a"}
		ids = append(ids, b.upload(u).ID)
	}
	b.upload(text("another"))
	l := core.List{Tenant: tenant, Parent: &file.Parent{Kind: "tag", ID: "a"}, Limit: 2}
	var got []file.ID
	for {
		p, err := b.Core.List(t.Context(), l)
		want := int64(5)
		if l.After != 0 { // behind a cursor they are not counted again
			want = 0
		}
		if err != nil || p.Total != want {
			t.Fatalf("total %d, %v", p.Total, err)
		}
		for _, f := range p.Files {
			got = append(got, f.ID)
			l.After = f.Number
		}
		if !p.More {
			break
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("got %v, want %v", got, ids)
	}
}

func TestConcurrentChangesAllArrive(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := fmt.Sprint("name ", i)
			if _, err := b.Core.Update(context.Background(), tenant, file.ByID(f.ID), "u1", core.Patch{Name: &name}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := b.get(f); got.Rev < f.Rev+16 {
		t.Errorf("revision %d: a change was lost", got.Rev)
	}
}
