package sqlite

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// holdWriter keeps the writer busy until the returned function is called, so that what is written meanwhile becomes one batch.
func holdWriter(t *testing.T, s *Store) (release func()) {
	t.Helper()
	busy, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.writer.do(context.Background(), "test", func(*batch) error {
			close(busy)
			<-gate
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-busy
	return func() {
		close(gate)
		wg.Wait()
	}
}

// await polls until a condition holds.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it did not happen within 10 s")
		}
	}
}

// together writes while the writer is held, so that all are one batch, in this order, and returns their outcomes.
func together(t *testing.T, s *Store, writes ...func(context.Context) error) []error {
	t.Helper()
	release := holdWriter(t, s)
	outcomes := make([]error, len(writes))
	var wg sync.WaitGroup
	for i, write := range writes {
		wg.Go(func() { outcomes[i] = write(context.Background()) })
		await(t, func() bool { return len(s.writer.queue) == i+1 })
	}
	release()
	wg.Wait()
	return outcomes
}

func create(s *Store, f *file.File) func(context.Context) error {
	return func(ctx context.Context) error { return s.Create(ctx, f) }
}

// TestBatch: writes that wait are one transaction, and one that is refused does no harm to the others.
func TestBatch(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	samePath := record(2)
	samePath.Path = record(1).Path
	var seen []int
	count := func(context.Context) error {
		return s.writer.do(t.Context(), "test", func(b *batch) error {
			var n int
			b.queryRow("SELECT count(*) FROM files", nil, &n)
			seen = append(seen, n)
			if _, err := s.Get(t.Context(), acme, file.ByNumber(1)); !file.Is(err, file.NotFound) {
				t.Errorf("a reader sees what is not committed: %v", err)
			}
			return nil
		})
	}
	outcomes := together(t, s, create(s, record(1)), create(s, samePath), create(s, record(3)), count)
	if outcomes[0] != nil || file.CodeOf(outcomes[1]) != meta.ConflictPath || outcomes[2] != nil || outcomes[3] != nil {
		t.Errorf("outcomes: %v", outcomes)
	}
	if len(seen) != 1 || seen[0] != 2 {
		t.Errorf("the last write of the batch saw %v files", seen)
	}
	wantAccount(t, s, 20, 0)
}

// TestFull: a full disk refuses a whole batch as NoSpace, leaves records and accounts as they were, and is forgotten when there is room.
func TestFull(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	old := record(1)
	if err := s.Create(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	reserve(t, s, 2, 500)
	maxPages(t, s, "1") // no less than there are
	large := record(4)
	large.Description = string(make([]byte, 100_000))
	outcomes := together(t, s,
		func(ctx context.Context) error {
			gone := old.Clone()
			gone.State = file.Deleting
			return s.Update(ctx, gone)
		},
		create(s, record(2)), // it has the reservation
		create(s, large), create(s, record(3)))
	for i, err := range outcomes {
		if !file.Is(err, file.NoSpace) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	wantAccount(t, s, 510, 500)
	maxPages(t, s, "1000000")
	if err := s.Create(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), old); err != nil {
		t.Errorf("the record was left changed: %v", err)
	}
	wantAccount(t, s, 520, 500)
	if err := s.Create(t.Context(), record(2)); err != nil {
		t.Fatal(err)
	}
	wantAccount(t, s, 30, 0)
	if off, err := s.Recount(t.Context(), acme, start.Add(24*time.Hour)); off != 0 || err != nil {
		t.Errorf("Recount = %d, %v", off, err)
	}
}

// maxPages bounds the size of the database file.
func maxPages(t *testing.T, s *Store, n string) {
	t.Helper()
	release := holdWriter(t, s)
	release()
	if _, err := s.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = "+n); err != nil {
		t.Fatal(err)
	}
}

// TestCancelWhileWaiting: the caller is let go at once; the write happens all the same.
func TestCancelWhileWaiting(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	release := holdWriter(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	f, done := record(1), make(chan error)
	go func() { done <- s.Create(ctx, f) }()
	await(t, func() bool { return len(s.writer.queue) == 1 })
	cancel()
	if err := <-done; !file.Is(err, file.Cancelled) || f.Rev != 0 {
		t.Errorf("Create: %v, revision %d", err, f.Rev)
	}
	release()
	await(t, func() bool {
		_, err := s.Get(t.Context(), acme, file.ByID(f.ID))
		return err == nil
	})
}

// TestCloseDrains: what was accepted before Close is committed by it.
func TestCloseDrains(t *testing.T) {
	path := temp(t)
	s := open(t, Config{Path: path})
	release := holdWriter(t, s)
	outcome, closed := make(chan error, 1), make(chan error, 1)
	go func() { outcome <- s.Create(context.Background(), record(1)) }()
	await(t, func() bool { return len(s.writer.queue) == 1 })
	go func() { closed <- s.Close() }()
	await(t, s.closed.Load)
	release()
	if err := errors.Join(<-outcome, <-closed); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	if _, err := s.Get(t.Context(), acme, file.ByNumber(1)); err != nil {
		t.Error(err)
	}
}

// TestUnsavedReservation: one that ends before anybody commits leaves no trace in the file.
func TestUnsavedReservation(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	reserve(t, s, 1, 10)
	reserve(t, s, 2, 10)
	if err := s.Release(t.Context(), acme, record(2).ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), record(1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		reserve(t, s, 3, 10) // and this one is saved by the next
		var rows int
		if err := s.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM reservations").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d reservations in the file, %v", rows, err)
		}
	}
	wantAccount(t, s, 30, 20)
}
