package notifier

import (
	"context"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/meta"
)

// lease is that of an attempt in these tests.
const lease = 30 * time.Second

// beginNext takes up the one delivery of a webhook as soon as it is due; nil when it has ended.
func (w *world) beginNext(hook *meta.Webhook) *core.Attempt {
	w.t.Helper()
	d := w.only(hook)
	if d.State != meta.DeliveryPending {
		return nil
	}
	w.advance(max(0, d.NextAt.Sub(w.clock())))
	a, err := w.hooks.Begin(w.t.Context(), hook, d, lease)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// A notifier that dies for a while, in each attempt, takes none of a receiver's attempts but the one that it is at.
func TestACrashLoopUsesUpNoAttempts(t *testing.T) {
	w := newWorld(t)
	hook, _ := w.hook("http://127.0.0.1:1/")
	w.tell(event.Stored)
	for w.clock().Sub(start) < 20*time.Minute {
		if w.beginNext(hook) == nil {
			t.Fatalf("there is nothing to begin: %+v", w.only(hook))
		}
	}
	if d := w.only(hook); d.Attempts != 1 {
		t.Errorf("%d attempts count after crashes of %s", d.Attempts, w.clock().Sub(start))
	}
}

// A delivery that nobody lives to end, or is let to end, is given up: not before a receiver that fails would be, and not after thousands of tries.
func TestAttemptsThatNeverEnd(t *testing.T) {
	for name, after := range map[string]func(*testing.T, *world, *core.Attempt){
		"its makers die": func(*testing.T, *world, *core.Attempt) {},
		"its makers are told to end": func(t *testing.T, w *world, a *core.Attempt) {
			w.advance(2 * time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			err := a.Run(ctx, time.Minute, func(context.Context, core.Sending) core.Sent {
				cancel()
				return core.Sent{Text: "broken off"}
			})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			hook, _ := w.hook("http://127.0.0.1:1/")
			w.tell(event.Stored)
			begun := 0
			for a := w.beginNext(hook); a != nil; a = w.beginNext(hook) {
				if begun++; begun > 2000 {
					t.Fatal("there is no end of it")
				}
				after(t, w, a)
			}
			d, took := w.only(hook), w.clock().Sub(start)
			if d.State != meta.DeliveryFailed || d.Attempts != 10 || d.LastError != "no attempt came to its end" {
				t.Errorf("%+v", d)
			}
			if took < 23*time.Hour || took > 72*time.Hour {
				t.Errorf("it took %s", took)
			}
			t.Logf("given up after %s and %d beginnings", took, begun)
		})
	}
}

// A notifier that was away for long after it has died in the last attempt makes that once more.
func TestTheLastAttemptIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 500)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	for w.only(hook).Attempts < 9 {
		w.advance(max(0, w.only(hook).NextAt.Sub(w.clock())))
		w.step()
	}
	if w.beginNext(hook) == nil {
		t.Fatal("there is no tenth attempt")
	}
	w.advance(24 * time.Hour)
	r.answer(200)
	w.step()
	if d := w.only(hook); d.State != meta.DeliveryDelivered || d.Attempts != 10 {
		t.Errorf("%+v", d)
	}
}

// A receiver that takes a delivery and never answers gets its ten attempts, each of which counts once.
func TestAReceiverThatHangs(t *testing.T) {
	w := newWorld(t)
	hook, _ := w.hook("http://127.0.0.1:1/")
	w.tell(event.Stored)
	hangs := func(ctx context.Context, _ core.Sending) core.Sent {
		<-ctx.Done()
		return core.Sent{Text: "the receiver took too long"}
	}
	made := 0
	for a := w.beginNext(hook); a != nil; a = w.beginNext(hook) {
		made++
		if err := a.Run(t.Context(), time.Millisecond, hangs); err != nil {
			t.Fatal(err)
		}
	}
	if d := w.only(hook); made != 10 || d.State != meta.DeliveryFailed || d.Attempts != 10 || d.LastError != "the receiver took too long" {
		t.Errorf("%d attempts, %+v", made, d)
	}
	if took := w.clock().Sub(start); took < 20*time.Hour || took > 26*time.Hour {
		t.Errorf("it took %s", took)
	}
}
