// Package metatest is the conformance suite of meta.Repo: what every driver has to hold, and how fast it is.
//
// It knows the contract and nothing of a driver. A driver's own promises (files, locks, wire commands) are tested beside the driver.
package metatest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Suite says how to test a driver.
type Suite struct {
	// Open returns an empty repository that no other test uses. The suite closes it.
	Open func(t testing.TB) meta.Repo
	// Drift makes the tenant's usage wrong by this many bytes, behind the repository's back.
	Drift func(t testing.TB, r meta.Repo, tenant file.Tenant, bytes int64)
	// Writes is how many writes a test of load makes; 2000 when 0.
	Writes int
	// BluntUpdates is set where the database refuses an update that breaks a unique index without telling that this is why.
	BluntUpdates bool
}

// Run runs every test of the suite.
func Run(t *testing.T, s Suite) {
	if s.Writes == 0 {
		s.Writes = 2000
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, env)
	}{
		{"RoundTrip", roundTrip},
		{"RoundTripLargest", roundTripLargest},
		{"RoundTripEmpty", roundTripEmpty},
		{"HostileText", hostileText},
		{"Invalid", invalidRecords},
		{"Unique", unique},
		{"UniqueUpdate", uniqueUpdate},
		{"PathIsFreeAgain", pathIsFreeAgain},
		{"Tenants", tenants},
		{"Update", update},
		{"CompareAndSet", compareAndSet},
		{"Purge", purge},
		{"GetMany", getMany},
		{"FindBy", findBy},
		{"FindLinks", findLinks},
		{"FindVersions", findVersions},
		{"FindNames", findNames},
		{"FindTypes", findTypes},
		{"FindLikeAFilter", findLikeAFilter},
		{"FindPages", findPages},
		{"FindStable", findStable},
		{"Due", due},
		{"DueSettles", dueSettles},
		{"Scan", scan},
		{"ReserveExactly", reserveExactly},
		{"Total", total},
		{"ReserveExtend", reserveExtend},
		{"ReservationEnds", reservationEnds},
		{"Release", release},
		{"Usage", usage},
		{"Recount", recount},
		{"RecountHeld", recountHeld},
		{"Walks", walks},
		{"Webhooks", webhooks},
		{"WebhookLists", webhookLists},
		{"Deliveries", deliveries},
		{"DeliveryQueues", deliveryQueues},
		{"Clock", runsClock},
		{"Load", load},
		{"Cancelled", cancelled},
		{"MissingTenant", missingTenant},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.Open(t)
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.test(t, env{Suite: s, Repo: r})
		})
	}
}

// env is what a test of the suite works with.
type env struct {
	Suite
	meta.Repo
}

const acme = file.Tenant("acme")

// start is when the story of every test begins.
var start = time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)

var count atomic.Int64

// newFile returns a small file with an id and a number of its own, the number in the order of calls.
func newFile() *file.File {
	n := count.Add(1)
	return &file.File{
		ID: file.ID(fmt.Sprintf("01J%023d", n)), Number: n, Tenant: acme, Class: file.ClassGeneric,
		Parent: file.Parent{Kind: "user", ID: "u1"}, Path: fmt.Sprintf("uploads/users/u1/files/%d/a.txt", n), Name: "a.txt",
		Size: 100, State: file.Ready, Created: file.Actor{ID: "u1", At: start.Add(time.Duration(n) * time.Millisecond)},
	}
}

// newID returns an id that no file has.
func newID() file.ID { return newFile().ID }

// with returns a new file after these changes.
func with(changes ...func(*file.File)) *file.File {
	f := newFile()
	for _, change := range changes {
		change(f)
	}
	return f
}

// mustCreate creates the files.
func mustCreate(t testing.TB, r meta.Repo, files ...*file.File) {
	t.Helper()
	for _, f := range files {
		if err := r.Create(t.Context(), f); err != nil {
			t.Fatalf("Create %s: %v", f.ID, err)
		}
	}
}

// mustUpdate changes f and stores it.
func mustUpdate(t testing.TB, r meta.Repo, f *file.File, change func(*file.File)) {
	t.Helper()
	change(f)
	if err := r.Update(t.Context(), f); err != nil {
		t.Fatalf("Update %s: %v", f.ID, err)
	}
}

// mustGet reads f again by its id.
func mustGet(t testing.TB, r meta.Repo, f *file.File) *file.File {
	t.Helper()
	got, err := r.Get(t.Context(), f.Tenant, file.ByID(f.ID))
	if err != nil {
		t.Fatalf("Get %s: %v", f.ID, err)
	}
	return got
}

// wantUsage checks the tenant's account.
func wantUsage(t testing.TB, r meta.Repo, used, held int64) {
	t.Helper()
	a, err := r.Account(t.Context(), acme)
	if err != nil {
		t.Fatalf("Account: %v", err)
	}
	if want := (meta.Account{Tenant: acme, Used: used, Held: held}); a != want {
		t.Fatalf("Account = %+v, want %+v", a, want)
	}
}

// wantKind checks an error's kind, and its code when one is given.
func wantKind(t testing.TB, err error, kind file.Kind, code ...string) {
	t.Helper()
	if file.KindOf(err) != kind {
		t.Fatalf("error = %v, want kind %q", err, kind)
	}
	var e *file.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *file.Error", err)
	}
	if got, want := file.CodeOf(err), strings.Join(code, ""); got != want {
		t.Fatalf("error = %v, its code %q, want %q", err, got, want)
	}
}

// wantFile checks that two files are alike in every field.
func wantFile(t testing.TB, got, want *file.File) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// wantIDs checks which files came, and in what order.
func wantIDs(t testing.TB, got []*file.File, want ...*file.File) {
	t.Helper()
	if g, w := ids(got), ids(want); !reflect.DeepEqual(g, w) {
		t.Fatalf("got  %v\nwant %v", g, w)
	}
}

func ids(files []*file.File) []file.ID {
	list := make([]file.ID, len(files))
	for i, f := range files {
		list[i] = f.ID
	}
	return list
}

// atOnce runs n calls of fn at the same time and returns how many gave nil. An error of another kind than expected fails the test.
func atOnce(t testing.TB, n int, expected file.Kind, fn func(ctx context.Context, i int) error) int {
	t.Helper()
	var wg sync.WaitGroup
	var won atomic.Int64
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			err := fn(t.Context(), i)
			switch {
			case err == nil:
				won.Add(1)
			case !file.Is(err, expected):
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	return int(won.Load())
}
