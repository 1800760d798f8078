package clock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// world is a host and a reference, each with a clock of its own, and the mark. Its host's clock carries no monotonic reading: it is one that only passes.
type world struct {
	mu        sync.Mutex
	passed    time.Duration
	reference time.Time     // when passed was 0
	ask, tell time.Duration // what a question takes, and an answer
	mark      time.Time
	out, full error // of reading, and of keeping the mark
}

func (w *world) host() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return epoch.Add(w.passed)
}

func (w *world) Read(context.Context) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed += w.ask
	at := w.now()
	w.passed += w.tell
	return at, w.out
}

func (w *world) Mark(context.Context) (time.Time, error) { return w.mark, w.out }

func (w *world) SetMark(_ context.Context, at time.Time) error {
	if w.full == nil {
		w.mark = at
	}
	return w.full
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed += d
}

func (w *world) step(d time.Duration) { w.reference = w.reference.Add(d) }

// now is the reference's time.
func (w *world) now() time.Time { return w.reference.Add(w.passed) }

func (w *world) begin(t *testing.T, patience time.Duration) *Clock {
	t.Helper()
	c, err := begin(t.Context(), w, Options{Host: w.host, Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// renewFor lets time pass, with a reading at the end of every interval.
func (w *world) renewFor(t *testing.T, c *Clock, d time.Duration) {
	t.Helper()
	for range d / renewEvery {
		before := c.Now()
		w.pass(renewEvery)
		if err := c.renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := c.Now(); now.Before(before) {
			t.Fatalf("%s came after %s", now, before)
		}
	}
}

func wantTime(t *testing.T, c *Clock, want time.Time) {
	t.Helper()
	if got := c.Now(); got.Sub(want).Abs() > resolution {
		t.Errorf("it is %s, want %s: %s off", got, want, got.Sub(want))
	}
}

func TestCountsOnBetweenReadings(t *testing.T) {
	w := &world{reference: epoch.Add(42 * time.Hour)}
	c := w.begin(t, 0)
	wantTime(t, c, w.now())
	w.pass(3 * time.Second)
	wantTime(t, c, w.now())
	w.out = errors.New("no answer")
	if err := c.renew(t.Context()); !errors.Is(err, w.out) {
		t.Errorf("renew = %v", err)
	}
	w.pass(time.Hour)
	wantTime(t, c, w.now())
}

// The reference's time at the arrival of its answer lies somewhere in the round trip. A Clock that is within it is right already.
func TestKeepsWithinTheRoundTrip(t *testing.T) {
	w := &world{reference: epoch, ask: 2 * time.Second, tell: time.Second}
	c := w.begin(t, 0)
	wantTime(t, c, w.now().Add(-time.Second))
	for _, x := range []struct {
		name      string
		ask, tell time.Duration
		lag       time.Duration // wanted
	}{
		{"a quicker answer brings it closer", time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond},
		{"a slow one takes nothing back", 0, 3 * time.Second, 2 * time.Millisecond},
		{"nor does a slow question", 3 * time.Second, 0, 0},
		{"nothing is quicker than at once", 0, 0, 0},
	} {
		w.ask, w.tell = x.ask, x.tell
		w.renewFor(t, c, renewEvery)
		if lag := w.now().Sub(c.Now()); lag != x.lag {
			t.Errorf("%s: %s behind, want %s", x.name, lag, x.lag)
		}
	}
}

func TestFollowsADatabaseForward(t *testing.T) {
	w := &world{reference: epoch}
	c := w.begin(t, 0)
	w.step(time.Hour)
	w.renewFor(t, c, renewEvery)
	wantTime(t, c, w.now())
}

func TestSlowsDownWhenTheReferenceIsSetBack(t *testing.T) {
	w := &world{reference: epoch}
	c := w.begin(t, 0)
	before := c.Now()
	w.step(-time.Hour)
	w.renewFor(t, c, time.Hour)
	if got, want := c.Now().Sub(before), 54*time.Minute; (got - want).Abs() > time.Second {
		t.Errorf("%s have passed in an hour, want %s", got, want)
	}
	w.renewFor(t, c, 9*time.Hour+time.Minute)
	wantTime(t, c, w.now())
}

func TestPatience(t *testing.T) {
	const patience = time.Minute
	t.Run("a step that is taken back is none", func(t *testing.T) {
		w := &world{reference: epoch}
		c := w.begin(t, patience)
		for range 5 {
			w.step(time.Hour)
			w.renewFor(t, c, patience-renewEvery)
			wantTime(t, c, w.now().Add(-time.Hour))
			w.step(-time.Hour)
			w.renewFor(t, c, renewEvery)
			wantTime(t, c, w.now())
		}
	})
	t.Run("a step that stays is followed", func(t *testing.T) {
		w := &world{reference: epoch}
		c := w.begin(t, patience)
		w.step(time.Hour)
		w.renewFor(t, c, patience+renewEvery)
		wantTime(t, c, w.now())
	})
	t.Run("a second step starts it anew", func(t *testing.T) {
		w := &world{reference: epoch}
		c := w.begin(t, patience)
		w.step(time.Hour)
		w.renewFor(t, c, patience-renewEvery)
		w.step(time.Hour)
		w.renewFor(t, c, patience-renewEvery)
		wantTime(t, c, w.now().Add(-2*time.Hour))
	})
	t.Run("a small one is followed at once", func(t *testing.T) {
		w := &world{reference: epoch}
		c := w.begin(t, patience)
		w.step(resolution)
		w.renewFor(t, c, renewEvery)
		wantTime(t, c, w.now())
	})
	t.Run("the first reading is believed", func(t *testing.T) {
		w := &world{reference: epoch.Add(time.Hour), mark: epoch}
		wantTime(t, w.begin(t, patience), w.now())
	})
}

func TestMark(t *testing.T) {
	t.Run("a restart does not go back", func(t *testing.T) {
		w := &world{reference: epoch}
		before := w.begin(t, 0).Now()
		w.step(-time.Hour)
		c := w.begin(t, 0)
		wantTime(t, c, before)
		w.renewFor(t, c, 10*time.Hour+time.Minute)
		wantTime(t, c, w.now())
	})
	t.Run("one that cannot be true is dropped", func(t *testing.T) {
		w := &world{reference: epoch, mark: epoch.Add(credible + time.Second)}
		wantTime(t, w.begin(t, 0), epoch)
		if !w.mark.Equal(epoch) {
			t.Errorf("the mark is %s", w.mark)
		}
	})
	t.Run("one that cannot be kept does not stop the start", func(t *testing.T) {
		w := &world{reference: epoch, full: errors.New("no space")}
		wantTime(t, w.begin(t, 0), epoch)
	})
	t.Run("two processes agree after a step back", func(t *testing.T) {
		w := &world{reference: epoch}
		old := w.begin(t, 0)
		w.step(-time.Hour)
		w.renewFor(t, old, 5*time.Minute)
		fresh := w.begin(t, 0)
		if apart := old.Now().Sub(fresh.Now()).Abs(); apart > time.Millisecond {
			t.Errorf("they are %s apart", apart)
		}
	})
}

func TestStart(t *testing.T) {
	w := &world{reference: epoch, out: errors.New("no answer")}
	if c, err := Start(t.Context(), w, Options{}); c != nil || !errors.Is(err, w.out) {
		t.Errorf("Start = %v, %v", c, err)
	}
	w.out = nil
	c, err := Start(t.Context(), w, Options{Host: w.host})
	if err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	for range 2 {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if want := epoch.Add(time.Second); !w.mark.Equal(want) {
		t.Errorf("Close left the mark %s, want %s", w.mark, want)
	}
}

// However readings and steps fall, nobody ever sees the time go back.
func TestNeverGoesBack(t *testing.T) {
	w := &world{reference: epoch}
	c := w.begin(t, 0)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for last := c.Now(); ctx.Err() == nil; {
				now := c.Now()
				if now.Before(last) {
					t.Errorf("%s came after %s", now, last)
					return
				}
				last = now
			}
		})
	}
	for i := range 2000 {
		w.pass(time.Duration(i%7) * time.Millisecond)
		c.correct(c.elapsed(), epoch.Add(time.Duration(i%13-6)*time.Hour), time.Time{})
	}
	stop()
	readers.Wait()
}

func BenchmarkNow(b *testing.B) {
	w := &world{reference: epoch}
	c, err := begin(b.Context(), w, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Now()
		}
	})
}
