package metatest

import (
	"context"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// reservation sets bytes aside for a new id until an hour after start.
func reservation(bytes int64) meta.Reservation {
	return meta.Reservation{Tenant: acme, ID: newID(), Bytes: bytes, Until: start.Add(time.Hour)}
}

func mustReserve(t testing.TB, r meta.Repo, res meta.Reservation) {
	t.Helper()
	if err := r.Reserve(t.Context(), res, 1<<62); err != nil {
		t.Fatalf("Reserve: %v", err)
	}
}

// mustRecount recounts, and checks by how much the usage shrank.
func mustRecount(t testing.TB, r meta.Repo, now time.Time, want int64) {
	t.Helper()
	off, err := r.Recount(t.Context(), acme, now)
	if err != nil || off != want {
		t.Fatalf("Recount = %d, %v, want %d", off, err, want)
	}
}

func total(t *testing.T, e env) {
	a, ok := e.Repo.(meta.Auditor)
	if !ok {
		t.Skip("the repository shows no totals")
	}
	want := func(used, held int64) {
		t.Helper()
		if got, err := a.Total(t.Context()); err != nil || got != (meta.Account{Used: used, Held: held}) {
			t.Errorf("Total = %+v, %v, want %d and %d", got, err, used, held)
		}
	}
	want(0, 0)
	mustCreate(t, e, with(func(f *file.File) { f.Size = 30 }), with(func(f *file.File) { f.Tenant, f.Size = "globex", 7 }))
	mustReserve(t, e, reservation(5))
	want(42, 5)
}

func reserveExactly(t *testing.T, e env) {
	mustCreate(t, e, with(func(f *file.File) { f.Size = 30 }))
	const calls, room, each = 64, 10, 7
	won := atOnce(t, calls, file.OverQuota, func(ctx context.Context, _ int) error {
		return e.Reserve(ctx, reservation(each), 30+room*each+each-1)
	})
	if won != room {
		t.Errorf("%d of %d reservations succeeded, there is room for %d", won, calls, room)
	}
	wantUsage(t, e, 30+room*each, room*each)

	other := reservation(6)
	wantKind(t, e.Reserve(t.Context(), other, 30+room*each+5), file.OverQuota)
	if err := e.Reserve(t.Context(), other, 30+room*each+6); err != nil {
		t.Errorf("a reservation that fits to the byte: %v", err)
	}
}

func reserveExtend(t *testing.T, e env) {
	first := reservation(11)
	wantKind(t, e.Reserve(t.Context(), first, 10), file.OverQuota) // over the limit without any account
	wantUsage(t, e, 0, 0)
	if err := e.Reserve(t.Context(), first, 11); err != nil {
		t.Fatal(err)
	}
	first.Bytes = 4
	first.Until = first.Until.Add(time.Hour)
	wantKind(t, e.Reserve(t.Context(), first, 14), file.OverQuota)
	wantUsage(t, e, 11, 11)
	mustReserve(t, e, first)
	wantUsage(t, e, 15, 15)
	mustRecount(t, e, start.Add(90*time.Minute), 0) // the longer life counts
	first.Bytes, first.Until = 0, first.Until.Add(time.Hour)
	mustReserve(t, e, first)
	wantUsage(t, e, 15, 15)
	mustRecount(t, e, start.Add(150*time.Minute), 0)
}

func reservationEnds(t *testing.T, e env) {
	res, other := reservation(500), reservation(7)
	mustReserve(t, e, res)
	mustReserve(t, e, other)
	f := with(func(f *file.File) { f.ID, f.Size = res.ID, 300 })
	mustCreate(t, e, f)
	wantUsage(t, e, 307, 7)

	promise := with(func(f *file.File) { f.State, f.Size = file.Temp, 0 })
	mustCreate(t, e, promise)
	mustReserve(t, e, meta.Reservation{Tenant: acme, ID: promise.ID, Bytes: 100, Until: start.Add(time.Hour)})
	mustUpdate(t, e, promise, func(f *file.File) { f.Description = "half of it" })
	wantUsage(t, e, 407, 107)
	mustUpdate(t, e, promise, func(f *file.File) { f.Size = 100 })
	wantUsage(t, e, 407, 7)
	mustUpdate(t, e, promise, func(f *file.File) { f.State = file.Pending })
	wantUsage(t, e, 407, 7)

	refused := with(func(r *file.File) { r.ID, r.Path = other.ID, f.Path })
	wantKind(t, e.Create(t.Context(), refused), file.Conflict, meta.ConflictPath)
	wantUsage(t, e, 407, 7)
}

func release(t *testing.T, e env) {
	res, other := reservation(10), reservation(20)
	mustReserve(t, e, res)
	mustReserve(t, e, other)
	for range 2 {
		if err := e.Release(t.Context(), acme, res.ID); err != nil {
			t.Fatal(err)
		}
		wantUsage(t, e, 20, 20)
	}
	won := atOnce(t, 8, "", func(ctx context.Context, _ int) error { return e.Release(ctx, acme, other.ID) })
	if won != 8 {
		t.Errorf("%d of 8 releases succeeded", won)
	}
	wantUsage(t, e, 0, 0)
	if err := e.Release(t.Context(), "nobody", res.ID); err != nil {
		t.Errorf("Release without an account: %v", err)
	}
}

// usage: the account follows a file through its life.
func usage(t *testing.T, e env) {
	wantUsage(t, e, 0, 0)
	other := newFile()
	mustCreate(t, e, other)
	for _, life := range [][]struct {
		state file.State
		used  int64
	}{
		{{file.Temp, 40}, {file.Pending, 40}, {file.Ready, 40}, {file.Deleting, 0}, {file.Gone, 0}},
		{{file.Pending, 40}, {file.Rejected, 0}, {file.Deleting, 0}},
		{{file.Pending, 40}, {file.Failed, 40}, {file.Pending, 40}, {file.Ready, 40}, {file.Deleting, 0}},
	} {
		f := with(func(f *file.File) { f.Size, f.State = 40, life[0].state })
		mustCreate(t, e, f)
		wantUsage(t, e, other.Size+life[0].used, 0)
		for _, step := range life[1:] {
			mustUpdate(t, e, f, func(f *file.File) { f.State = step.state })
			wantUsage(t, e, other.Size+step.used, 0)
		}
	}
	grown := with(func(f *file.File) { f.Size = 1 })
	mustCreate(t, e, grown)
	mustUpdate(t, e, grown, func(f *file.File) { f.Size = 51 })
	wantUsage(t, e, other.Size+51, 0)
	stale := grown.Clone()
	mustUpdate(t, e, grown, func(f *file.File) { f.Size = 50 })
	stale.State = file.Deleting
	wantKind(t, e.Update(t.Context(), stale), file.Conflict, meta.ConflictRev)
	wantUsage(t, e, other.Size+50, 0)
}

func recount(t *testing.T, e env) {
	mustRecount(t, e, start, 0) // nobody's account
	mustCreate(t, e, newFile(), newFile(), with(func(f *file.File) { f.State = file.Deleting }), with(func(f *file.File) { f.Tenant = "globex" }))
	mustRecount(t, e, start, 0)
	for _, drift := range []int64{33, -50} {
		e.Drift(t, e.Repo, acme, drift)
		wantUsage(t, e, 200+drift, 0)
		mustRecount(t, e, start, drift)
		wantUsage(t, e, 200, 0)
	}
}

// recountHeld: what is reserved counts once, until it lapses.
func recountHeld(t *testing.T, e env) {
	short, long := reservation(5), reservation(70)
	long.Until = long.Until.Add(time.Hour)
	mustReserve(t, e, short)
	mustReserve(t, e, long)
	mustCreate(t, e, newFile())
	mustRecount(t, e, short.Until, 0) // until is the last moment
	wantUsage(t, e, 175, 75)
	mustRecount(t, e, short.Until.Add(time.Second), 5)
	wantUsage(t, e, 170, 70)
	e.Drift(t, e.Repo, acme, 1000)
	mustRecount(t, e, start, 1000)
	wantUsage(t, e, 170, 70)
	mustCreate(t, e, with(func(f *file.File) { f.ID, f.Size = long.ID, 60 })) // the surviving reservation still ends
	wantUsage(t, e, 160, 0)
	mustRecount(t, e, start.Add(24*time.Hour), 0)
}
