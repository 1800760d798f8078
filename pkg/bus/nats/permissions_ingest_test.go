package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
)

// TestShippedIngest works as ingest of the shipped configuration: it reads events again, looks at the queues and removes letters, and the
// consumers of the workers are out of its reach.
func TestShippedIngest(t *testing.T) {
	s := shipped(t)
	ingest, worker := openAs(t, s, "ingest"), openAs(t, s, "verifier")
	consume(t, worker, bus.Work{
		Name: "verifier", Subjects: []string{"inlet.v1.>"},
		Handle: func(context.Context, bus.Delivery) error { return bus.Permanent(errors.New("broken")) },
	})
	publish(t, ingest, "inlet.v1.a.b", "one")
	for _, subjects := range [][]string{{"inlet.v1.>"}, {"inlet.v1.a.*", "inlet.v1.c.*"}} {
		for _, from := range []bus.Start{{}, {Since: time.Now().Add(-time.Hour)}} {
			n := 0
			err := ingest.Replay(t.Context(), from, subjects, func(bus.Kept) error { n++; return nil })
			if err != nil || n != 1 {
				t.Errorf("%v again, from %+v: %d messages, %v", subjects, from, n, err)
			}
		}
	}
	done := errors.New("done")
	if err := ingest.Follow(t.Context(), bus.Start{}, []string{"inlet.v1.>"}, func(bus.Kept) error { return done }); !errors.Is(err, done) {
		t.Errorf("following: %v", err)
	}
	left := letters(t, ingest, 1)
	if queues, err := ingest.Inspect(t.Context()); err != nil || len(queues) != 1 || queues[0].Name != "verifier" {
		t.Errorf("the queues are %+v, %v", queues, err)
	}
	if n, err := ingest.CountDeadLetters(t.Context()); n != 1 || err != nil {
		t.Errorf("%d letters, %v", n, err)
	}
	if l, err := ingest.DeadLetter(t.Context(), left[0].Sequence); err != nil || l.ID != "one" {
		t.Errorf("the letter is %+v, %v", l, err)
	}
	if err := ingest.DiscardDeadLetter(t.Context(), left[0].Sequence); err != nil {
		t.Errorf("removing the letter: %v", err)
	}
	for _, subject := range []string{
		"$JS.API.STREAM.PURGE.INLET", "$JS.API.STREAM.DELETE.INLET", "$JS.API.STREAM.MSG.DELETE.INLET", "$JS.API.STREAM.PURGE.INLET_DEAD",
		"$JS.API.CONSUMER.CREATE.INLET.verifier", "$JS.API.CONSUMER.CREATE.INLET.verifier.inlet.v1.none", "$JS.API.CONSUMER.DELETE.INLET.verifier",
		"$JS.API.CONSUMER.MSG.NEXT.INLET.verifier", "$JS.ACK.INLET.verifier.1.1.1.1.0", "$JS.API.CONSUMER.CREATE.INLET_DEAD.mine",
		"$JS.API.CONSUMER.DURABLE.CREATE.INLET.verifier", "inlet.dead.v1.verifier",
	} {
		if !publishRefused(t, s, "ingest", subject) {
			t.Errorf("%s is not refused", subject)
		}
	}
}
