package bustest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
)

func testRetry(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	w := f.work(func(_ context.Context, d bus.Delivery) error {
		got.add(d)
		if d.Attempt < 3 {
			return errTest
		}
		return nil
	})
	w.Backoff = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Minute}
	start(t, f, w)
	f.publish(t, "x")
	list := got.await(t, 3)
	for i, d := range list {
		if d.Attempt != i+1 || d.Last {
			t.Errorf("delivery %d: attempt %d, last %v", i+1, d.Attempt, d.Last)
		}
	}
	for i, delay := range w.Backoff[:2] {
		if took := got.at[i+1].Sub(got.at[i]); took < delay*3/4 || took > delay*5/4+time.Second {
			t.Errorf("attempt %d came after %s, want %s or so", i+2, took, delay)
		}
	}
	never(t, 200*time.Millisecond, "a success comes again", func() bool { return len(got.all()) > 3 })
}

// testDelayed shows that messages that wait for their next attempt do not keep others from being worked on.
func testDelayed(t *testing.T, s Suite) {
	f := open(t, s)
	var bad, good record
	w := f.work(func(_ context.Context, d bus.Delivery) error {
		if string(d.Data) == "good" {
			good.add(d)
			return nil
		}
		bad.add(d)
		return errTest
	})
	w.Backoff = []time.Duration{time.Hour}
	start(t, f, w)
	f.publish(t, ids(50)...)
	f.publish(t, "good")
	good.await(t, 1)
	if n := len(bad.await(t, 50)); n != 50 {
		t.Errorf("%d deliveries of what failed, want 50", n)
	}
}

// deaths notes what Work.Dead is told.
type deaths struct {
	record
	cause chan error
}

func newDeaths() *deaths { return &deaths{cause: make(chan error, 100)} }

func (d *deaths) tell(_ context.Context, x bus.Delivery, cause error) error {
	d.add(x)
	d.cause <- cause
	return nil
}

func testPermanent(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	dead := newDeaths()
	w := f.work(func(_ context.Context, d bus.Delivery) error {
		got.add(d)
		return bus.Permanent(errTest)
	})
	w.Dead = dead.tell
	w.AckWait = 200 * time.Millisecond
	start(t, f, w)
	f.publish(t, "x")
	if cause := await(t, "Dead is told", dead.cause); !errors.Is(cause, errTest) {
		t.Errorf("Dead was told %v", cause)
	}
	never(t, 3*w.AckWait, "it comes again", func() bool { return len(got.all()) > 1 || len(dead.all()) > 1 })
}

func testLastAttempt(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	dead := newDeaths()
	w := f.work(func(_ context.Context, d bus.Delivery) error {
		got.add(d)
		return errTest
	})
	w.Dead = dead.tell
	start(t, f, w)
	f.publish(t, "x")
	if cause := await(t, "Dead is told", dead.cause); cause == nil {
		t.Error("Dead was told no cause")
	}
	list := got.all()
	if len(list) != 3 {
		t.Fatalf("%d attempts, want one more than there are delays", len(list))
	}
	for i, d := range list {
		if d.Attempt != i+1 || d.Last != (i == 2) {
			t.Errorf("delivery %d: attempt %d, last %v", i+1, d.Attempt, d.Last)
		}
	}
	never(t, 200*time.Millisecond, "it comes again", func() bool { return len(got.all()) > 3 || len(dead.all()) > 1 })
}

func testDeadFails(t *testing.T, s Suite) {
	f := open(t, s)
	dead := newDeaths()
	w := f.work(func(context.Context, bus.Delivery) error { return bus.Permanent(errTest) })
	w.Dead = func(ctx context.Context, d bus.Delivery, cause error) error {
		_ = dead.tell(ctx, d, cause)
		if d.Attempt == 1 {
			return errTest
		}
		return nil
	}
	start(t, f, w)
	f.publish(t, "x")
	dead.await(t, 2)
	never(t, 200*time.Millisecond, "it comes again", func() bool { return len(dead.all()) > 2 })
}

func testPanic(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	dead := newDeaths()
	w := f.work(func(_ context.Context, d bus.Delivery) error {
		got.add(d)
		if string(d.Data) == "always" || d.Attempt == 1 {
			panic("as the test wants it")
		}
		return nil
	})
	w.Dead = dead.tell
	start(t, f, w)
	f.publish(t, "once", "always")
	got.await(t, 5)
	if cause := await(t, "Dead is told", dead.cause); cause == nil {
		t.Error("Dead was told no cause")
	}
	if n := got.times(); n["once"] != 2 || n["always"] != 3 {
		t.Errorf("came: %v, want once 2 times, always 3 times", n)
	}
}

// testHeartbeat has handlers that last longer than AckWait, and messages that wait for them.
func testHeartbeat(t *testing.T, s Suite) {
	f := open(t, s)
	var begun, ended record
	w := f.work(func(ctx context.Context, d bus.Delivery) error {
		begun.add(d)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			t.Errorf("the context of a healthy handler ended: %v", context.Cause(ctx))
		}
		return ended.handle(ctx, d)
	})
	w.AckWait = 400 * time.Millisecond
	start(t, f, w)
	f.publish(t, "a", "b", "c")
	ended.await(t, 3)
	never(t, 2*w.AckWait, "one comes again", func() bool { return len(begun.all()) > 3 })
	for _, d := range begun.all() {
		if d.Attempt != 1 {
			t.Errorf("%s: attempt %d, want 1", d.Data, d.Attempt)
		}
	}
}
