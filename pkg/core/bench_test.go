package core_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

const tenant file.Tenant = "acme"

// clock is a time that moves only when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// bench is a Core on a real disk store and a real database, with a publisher that keeps what it is given.
type bench struct {
	*core.Core
	t     *testing.T
	blobs *disk.Store
	repo  faultyRepo
	bus   *recorder
	clock *clock
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	store, err := disk.Open(disk.Config{Dir: dir + "/blobs", Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir + "/meta.db", Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		t: t, blobs: store, bus: newRecorder(), repo: faultyRepo{Repo: repo, faults: &faults{}},
		clock: &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	}
	b.Core = core.New(core.Config{Blobs: store, Meta: b.repo, Bus: b.bus, Now: b.clock.now, Name: "test"})
	t.Cleanup(func() {
		b.Core.Close(context.Background())
		if err := repo.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// faults makes the next calls of a repository fail after they were carried out, as a lost answer does.
type faults struct {
	mu         sync.Mutex
	loseCreate int
	loseUpdate int
	failCreate int // fail before anything is written
	overtaken  int // writes whose answer is lost, and that the store does not know again, as another has changed the record since
}

func take(mu *sync.Mutex, n *int) bool {
	mu.Lock()
	defer mu.Unlock()
	if *n == 0 {
		return false
	}
	*n--
	return true
}

var errLost = &file.Error{Kind: file.Unavailable, Op: "test", Err: errors.New("the answer was lost")}

type faultyRepo struct {
	meta.Repo
	*faults
}

func (r faultyRepo) Create(ctx context.Context, f *file.File) error {
	if f.State != file.Gone && take(&r.mu, &r.failCreate) {
		return errLost
	}
	err := r.Repo.Create(ctx, f)
	if err == nil && f.State != file.Gone && take(&r.mu, &r.loseCreate) {
		return errLost
	}
	if err == nil && take(&r.mu, &r.overtaken) {
		return r.overtake(ctx, f, meta.ConflictID)
	}
	return err
}

func (r faultyRepo) Update(ctx context.Context, f *file.File) error {
	// Taken before the write: a call whose change a test has seen already must not take, at its end, what the test asks for next.
	lose, overtake := take(&r.mu, &r.loseUpdate), take(&r.mu, &r.overtaken)
	err := r.Repo.Update(ctx, f)
	switch {
	case err != nil:
		r.giveBack(lose, overtake)
		return err
	case lose:
		return errLost
	case overtake:
		return r.overtake(ctx, f, meta.ConflictRev)
	}
	return nil
}

// giveBack has another update lose what one that was refused had been meant to.
func (r faultyRepo) giveBack(lose, overtake bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lose {
		r.loseUpdate++
	}
	if overtake {
		r.overtaken++
	}
}

// overtake changes a record that was written a moment ago, and returns what its writer gets to hear when it tries again.
func (r faultyRepo) overtake(ctx context.Context, f *file.File, code string) error {
	other, err := r.Repo.Get(ctx, f.Tenant, file.ByID(f.ID))
	if err != nil {
		return err
	}
	other.Description = "of another"
	if err := r.Repo.Update(ctx, other); err != nil {
		return err
	}
	f.Rev = other.Rev - 2
	return meta.Taken(code)
}

// overtakeNext has the next write overtaken.
func (b *bench) overtakeNext() {
	b.repo.mu.Lock()
	defer b.repo.mu.Unlock()
	b.repo.overtaken = 1
}

// whole fails the test unless the store has the bytes of all that a record names, and nothing else.
func (b *bench) whole(f *file.File) {
	b.t.Helper()
	got := b.get(f)
	if named := slices.Sorted(slices.Values(got.BlobKeys())); got.Description != "of another" || len(named) == 0 || !slices.Equal(named, b.blobKeys()) {
		b.t.Errorf("record %+v names %q, there are %q", got, named, b.blobKeys())
	}
}

// recorder is a publisher that keeps its messages, once per id, and can be out.
type recorder struct {
	mu    sync.Mutex
	out   bool
	byID  map[string]event.Event
	order []event.Event
	more  chan struct{}
}

func newRecorder() *recorder {
	return &recorder{byID: map[string]event.Event{}, more: make(chan struct{}, 1)}
}

func (r *recorder) Publish(_ context.Context, m bus.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out {
		return &file.Error{Kind: file.Unavailable, Op: "test.publish"}
	}
	e, err := event.Decode(m.Data)
	if err != nil {
		return err
	}
	if _, twice := r.byID[m.ID]; !twice {
		r.byID[m.ID] = e
		r.order = append(r.order, e)
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

func (r *recorder) facts(id file.ID) []event.Fact {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event.Fact
	for _, e := range r.order {
		if e.Data.File.ID == id {
			out = append(out, e.Fact())
		}
	}
	return out
}

func (r *recorder) setOut(out bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out = out
}

// waitFacts waits until exactly these facts about a file were published, in this order.
func (b *bench) waitFacts(id file.ID, want ...event.Fact) {
	b.t.Helper()
	deadline := time.After(10 * time.Second)
	for !slices.Equal(b.bus.facts(id), want) {
		select {
		case <-b.bus.more:
		case <-deadline:
			b.t.Fatalf("facts %v, want %v", b.bus.facts(id), want)
		}
	}
}

func text(body string) core.Upload {
	return core.Upload{Tenant: tenant, By: "u1", Via: "native", Class: file.ClassGeneric, OriginalName: "note.txt", Body: strings.NewReader(body)}
}

func (b *bench) upload(u core.Upload) *file.File {
	b.t.Helper()
	s, err := b.Upload(b.t.Context(), u)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.File
}

func (b *bench) get(f *file.File) *file.File {
	b.t.Helper()
	got, err := b.repo.Get(b.t.Context(), f.Tenant, file.ByID(f.ID))
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

func (b *bench) verify(f *file.File, v content.Verdict) {
	b.t.Helper()
	if err := b.Verify(b.t.Context(), hint(f), judge(v)); err != nil {
		b.t.Fatal(err)
	}
}

func hint(f *file.File) core.Hint { return core.Hint{Tenant: f.Tenant, ID: f.ID} }

func judge(v content.Verdict) core.Inspect {
	return func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) { return v, nil }
}

// blobKeys lists what the store holds.
func (b *bench) blobKeys() []string {
	b.t.Helper()
	keys := map[string]bool{}
	for k := range b.allBlobs() {
		keys[k] = true
	}
	return slices.Sorted(maps.Keys(keys))
}

func (b *bench) used() int64 {
	b.t.Helper()
	a, err := b.Usage(b.t.Context(), tenant)
	if err != nil {
		b.t.Fatal(err)
	}
	return a.Used
}

// nothingLeft fails unless a refused upload left no trace.
func (b *bench) nothingLeft() {
	b.t.Helper()
	if keys := b.blobKeys(); len(keys) != 0 {
		b.t.Errorf("blobs are left: %q", keys)
	}
	if n := b.used(); n != 0 {
		b.t.Errorf("%d bytes are charged", n)
	}
	files, err := b.repo.Find(b.t.Context(), meta.Query{Tenant: tenant, States: []file.State{file.Temp, file.Pending, file.Ready, file.Rejected, file.Failed}, Limit: 10})
	if err != nil || len(files) != 0 {
		b.t.Errorf("records are left: %v, %v", files, err)
	}
}

// failingReader gives some bytes and then an error.
type failingReader struct {
	data io.Reader
	err  error
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.data.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

func repeated(n int) io.Reader {
	return io.LimitReader(&pattern{}, int64(n))
}

type pattern struct{ n byte }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a' + p.n%26
		p.n++
	}
	return len(b), nil
}

var putOptions = blob.PutOptions{Size: 1}

func (b *bench) allBlobs() map[string]blob.Info {
	b.t.Helper()
	all := map[string]blob.Info{}
	if err := b.blobs.List(b.t.Context(), "", func(i blob.Info) error { all[i.Key] = i; return nil }); err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) put(key string) {
	b.t.Helper()
	if _, err := b.blobs.Put(b.t.Context(), key, bytes.NewReader([]byte("x")), putOptions); err != nil {
		b.t.Fatal(err)
	}
}
