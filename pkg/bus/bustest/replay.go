package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

// replay reads what is kept on the case's subject, by the messages' data.
func (f fixture) replay(t testing.TB, from bus.Start) (data []string, last bus.Kept) {
	t.Helper()
	err := f.Replay(t.Context(), from, []string{f.subject}, func(k bus.Kept) error {
		if last.Place.Store != "" && (k.Place.Store != last.Place.Store || k.Place.Sequence <= last.Place.Sequence) {
			t.Errorf("%q stands at %+v, after %+v", k.Data, k.Place, last.Place)
		}
		last = k
		data = append(data, string(k.Data))
		return nil
	})
	if err != nil {
		t.Errorf("Replay: %v", err)
	}
	return data, last
}

func wantData(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// testReplay reads all, what came after a place, and what came since a time.
func testReplay(t *testing.T, s Suite) {
	f := open(t, s)
	got, _ := f.replay(t, bus.Start{})
	wantData(t, "before anything", got)
	f.publish(t, "a", "b")
	got, b := f.replay(t, bus.Start{})
	wantData(t, "all", got, "a", "b")
	if b.ID != f.name+"-b" || b.Subject != f.subject || time.Since(b.At).Abs() > time.Minute {
		t.Errorf("%+v", b)
	}
	end, err := f.End(t.Context())
	if err != nil || end.Store != b.Place.Store || end.Sequence < b.Place.Sequence {
		t.Errorf("End: %+v, %v; the last message stands at %+v", end, err, b.Place)
	}
	got, _ = f.replay(t, bus.Start{After: end})
	wantData(t, "after the end", got)
	f.publish(t, "c", "d")
	got, d := f.replay(t, bus.Start{After: b.Place})
	wantData(t, "after b", got, "c", "d")
	got, _ = f.replay(t, bus.Start{After: b.Place, Since: b.At.Add(-time.Hour)})
	wantData(t, "after b, whatever the time", got, "c", "d")
	got, _ = f.replay(t, bus.Start{Since: d.At})
	wantData(t, "since d", got, "d")
	got, _ = f.replay(t, bus.Start{Since: d.At.Add(time.Hour)})
	wantData(t, "since later", got)
	got, _ = f.replay(t, bus.Start{Since: b.At.Add(-time.Hour)})
	wantData(t, "since earlier", got, "a", "b", "c", "d")
	beyond := bus.Place{Store: end.Store, Sequence: end.Sequence + 1_000_000}
	if err := f.Replay(t.Context(), bus.Start{After: beyond}, []string{f.subject}, nil); !file.Is(err, file.NotFound) {
		t.Errorf("after what was never stored: %v, want NotFound", err)
	}
}

// testReplaySubjects reads two of three subjects, in the order of the bus: all, and since a time before which one of the two had come already.
func testReplaySubjects(t *testing.T, s Suite) {
	f := open(t, s)
	subjects := []string{f.subject + ".x", f.subject + ".y.>", f.subject + ".z"}
	published := []string{f.subject + ".x", f.subject + ".z", f.subject + ".x", f.subject + ".y.1", f.subject + ".y.2.3", f.subject + ".z"}
	for i, subject := range published {
		m := bus.Message{ID: f.name + strconv.Itoa(i), Subject: subject, Data: []byte(strconv.Itoa(i))}
		eventually(t, "the bus takes it", func() bool { return f.Publish(t.Context(), m) == nil })
	}
	read := func(from bus.Start) (kept []bus.Kept, data []string) {
		err := f.Replay(t.Context(), from, subjects[:2], func(k bus.Kept) error {
			kept, data = append(kept, k), append(data, string(k.Data))
			return nil
		})
		if err != nil {
			t.Errorf("Replay: %v", err)
		}
		return kept, data
	}
	kept, got := read(bus.Start{})
	wantData(t, "x and y", got, "0", "2", "3", "4")
	_, got = read(bus.Start{Since: kept[1].At})
	wantData(t, "x and y since the second x", got, "2", "3", "4")
}

// testReplayMany reads more than one request brings, while more is published.
func testReplayMany(t *testing.T, s Suite) {
	const n = 2000
	f := open(t, s)
	var publishers sync.WaitGroup
	for p := range 8 {
		publishers.Go(func() {
			for i := p; i < n; i += 8 {
				f.publish(t, strconv.Itoa(i))
			}
		})
	}
	publishers.Wait()
	more, stop := context.WithCancel(t.Context())
	publishers.Go(func() {
		for i := 0; more.Err() == nil; i++ {
			_ = f.Publish(more, f.message("more"+strconv.Itoa(i)))
		}
	})
	got, _ := f.replay(t, bus.Start{})
	stop()
	publishers.Wait()
	seen := map[string]int{}
	for _, d := range got {
		seen[d]++
	}
	for i := range n {
		if d := strconv.Itoa(i); seen[d] != 1 {
			t.Fatalf("%s came %d times", d, seen[d])
		}
	}
}

// testFollow goes on with what comes, until fn or the context ends it.
func testFollow(t *testing.T, s Suite) {
	f := open(t, s)
	f.publish(t, "a")
	came := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- f.Follow(ctx, bus.Start{}, []string{f.subject}, func(k bus.Kept) error {
			came <- string(k.Data)
			return nil
		})
	}()
	for _, want := range []string{"a", "b", "c"} {
		if want != "a" {
			f.publish(t, want)
		}
		if got := await(t, want, came); got != want {
			t.Errorf("%q came, want %q", got, want)
		}
	}
	cancel()
	if err := await(t, "Follow returns", done); !file.Is(err, file.Cancelled) {
		t.Errorf("Follow: %v, want Cancelled", err)
	}
	err := f.Follow(t.Context(), bus.Start{}, []string{f.subject}, func(bus.Kept) error { return errTest })
	if !errors.Is(err, errTest) {
		t.Errorf("Follow: %v, want the error of fn", err)
	}
}

// follower reads on whenever it is thrown out, as long as nothing is lost.
type follower struct {
	record
	mu   sync.Mutex
	last bus.Place
}

func (w *follower) follow(ctx context.Context, f fixture) error {
	for ctx.Err() == nil {
		err := f.Follow(ctx, bus.Start{After: w.last}, []string{f.subject}, func(k bus.Kept) error {
			w.mu.Lock()
			w.last = k.Place
			w.mu.Unlock()
			w.add(bus.Delivery{Message: k.Message})
			return nil
		})
		if !file.Is(err, file.Unavailable) {
			return err
		}
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return nil
}

// testFollowRestart stops and starts the peer under a reader: it learns of that at once, and reads on without loss or doubles.
func testFollowRestart(t *testing.T, s Suite) {
	needStop(t, s)
	f := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var w follower
	done := make(chan error, 1)
	go func() { done <- w.follow(ctx, f) }()
	var want []string
	for round := range 3 {
		for i := range 50 {
			id := fmt.Sprintf("%d/%d", round, i)
			want = append(want, id)
			f.publish(t, id)
		}
		if round == 2 {
			break
		}
		s.Stop(t)
		began := time.Now()
		err := f.Follow(t.Context(), bus.Start{}, []string{f.subject}, func(bus.Kept) error { return nil })
		if took := time.Since(began); !file.Is(err, file.Unavailable) || took > 4*time.Second {
			t.Errorf("Follow without a peer: %v after %s", err, took)
		}
		s.Start(t)
	}
	w.await(t, len(want))
	cancel()
	if err := await(t, "Follow returns", done); err != nil && !file.Is(err, file.Cancelled) {
		t.Error(err)
	}
	var got []string
	for _, d := range w.all() {
		got = append(got, string(d.Data))
	}
	wantData(t, "over two restarts", got, want...)
}

// testReplayWiped takes all that was stored away: a place in it is known to be lost, and what comes afterwards is read.
func testReplayWiped(t *testing.T, s Suite) {
	if s.Wipe == nil {
		t.Skip("the peer cannot be wiped")
	}
	f := open(t, s)
	f.publish(t, "a")
	_, a := f.replay(t, bus.Start{})
	following := make(chan error, 1)
	came := make(chan string, 1)
	go func() {
		following <- f.Follow(t.Context(), bus.Start{}, []string{f.subject}, func(k bus.Kept) error {
			came <- string(k.Data)
			return nil
		})
	}()
	await(t, "a is followed", came)
	s.Wipe(t)
	if err := await(t, "Follow returns", following); !file.Is(err, file.Unavailable) && !file.Is(err, file.NotFound) {
		t.Errorf("Follow: %v, want Unavailable or NotFound", err)
	}
	eventually(t, "the place is known to be lost", func() bool {
		return file.Is(f.Replay(t.Context(), bus.Start{After: a.Place}, []string{f.subject}, func(bus.Kept) error { return nil }), file.NotFound)
	})
	f.publish(t, "b")
	got, _ := f.replay(t, bus.Start{})
	wantData(t, "of the new store", got, "b")
}
