package mongo

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// server is a database that is there, refuses, or hangs.
type server struct{ mode atomic.Int32 }

const (
	there int32 = iota
	refusing
	hanging
)

var errRefused = errors.New("refused")

func (s *server) command(ctx context.Context) error {
	switch s.mode.Load() {
	case refusing:
		return errRefused
	case hanging:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// watched runs a test in a bubble of time, with a server that is there and a watch on it.
func watched(t *testing.T, test func(*testing.T, *server, *watch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var s server
		w := startWatch(DefaultPatience, s.command)
		defer w.close()
		test(t, &s, w)
	})
}

// within checks how long a command takes, and what comes of it.
func within(t *testing.T, s *server, w *watch, limit time.Duration, want file.Kind) {
	t.Helper()
	begin := time.Now()
	err := translate(t.Context(), "test", w.attend(t.Context(), s.command))
	if took := time.Since(begin); file.KindOf(err) != want || took > limit {
		t.Errorf("after %s: %v, want %q within %s", took, err, want, limit)
	}
}

const promise = 2 * time.Second

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	if err := pause(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func TestWhatHangsEnds(t *testing.T) {
	for _, offset := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, 249 * time.Millisecond} {
		watched(t, func(t *testing.T, s *server, w *watch) {
			wait(t, time.Hour+offset)
			within(t, s, w, 0, "")
			s.mode.Store(hanging)
			within(t, s, w, promise-100*time.Millisecond, file.Unavailable)
			within(t, s, w, 0, file.Unavailable) // and from now on at once
			wait(t, time.Minute)
			within(t, s, w, 0, file.Unavailable)
			s.mode.Store(there)
			wait(t, promise)
			within(t, s, w, 0, "")
		})
	}
}

func TestRefusalsAreKnownAfterAWhile(t *testing.T) {
	watched(t, func(t *testing.T, s *server, w *watch) {
		s.mode.Store(refusing)
		within(t, s, w, 0, file.Unavailable) // by the server itself
		wait(t, promise)
		if err := w.attend(t.Context(), s.command); !errors.Is(err, errOut) {
			t.Errorf("refused for long: %v", err)
		}
		s.mode.Store(there)
		wait(t, time.Second)
		within(t, s, w, 0, "")
	})
}

// A moment without an answer, as between two primaries, is no outage.
func TestAMomentIsNoOutage(t *testing.T) {
	watched(t, func(t *testing.T, s *server, w *watch) {
		for range 10 {
			s.mode.Store(refusing)
			wait(t, time.Second)
			s.mode.Store(there)
			within(t, s, w, 0, "")
			wait(t, 200*time.Millisecond)
		}
	})
}

// Of a database that is busy the questions may go unanswered: the answers to others show that it is there.
func TestBusyIsNotOut(t *testing.T) {
	watched(t, func(t *testing.T, s *server, w *watch) {
		s.mode.Store(hanging)
		for range 100 {
			wait(t, 100*time.Millisecond)
			if err := w.attend(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, promise)
		within(t, s, w, 0, file.Unavailable)
	})
}

func TestACallerWhoLeavesIsNoOutage(t *testing.T) {
	watched(t, func(t *testing.T, s *server, w *watch) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		err := w.attend(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err = translate(ctx, "test", err); !file.Is(err, file.Cancelled) {
			t.Errorf("the caller has left: %v", err)
		}
		within(t, s, w, 0, "")
	})
}

func TestUntilAnswered(t *testing.T) {
	lost := errors.New("connection reset")
	for _, c := range []struct {
		name  string
		tries []error // the last one stays
		want  error
		sent  int
	}{
		{"answered", []error{nil}, nil, 1},
		{"answered at last", []error{lost, lost, nil}, nil, 3},
		{"refused for good", []error{lost, file.Errorf(file.Conflict, "test", "no")}, nil, 2},
		{"the database is out", []error{lost, errOut, errOut}, errOut, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			err := untilAnswered(t.Context(), func(after bool) error {
				if after != (sent > 0) {
					t.Errorf("%s: try %d is told %t", c.name, sent, after)
				}
				sent++
				err := c.tries[min(sent, len(c.tries))-1]
				if errors.Is(err, errOut) {
					return file.Wrap(file.Unavailable, "mongo.watch", err)
				}
				return err
			})
			if c.want != nil && !errors.Is(err, c.want) || sent != c.sent {
				t.Errorf("%s: %v after %d tries, want %v after %d", c.name, err, sent, c.want, c.sent)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := untilAnswered(t.Context(), func(bool) error { return lost }); !errors.Is(err, lost) || time.Since(begin) > answerWindow+answerPause {
			t.Errorf("never answered: %v after %s", err, time.Since(begin))
		}
	})
}
