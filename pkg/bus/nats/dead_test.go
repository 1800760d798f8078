package nats_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

// letters reads the dead letters until there are n.
func letters(t *testing.T, b bus.Bus, n int) []bus.DeadLetter {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var all []bus.DeadLetter
		err := b.(bus.DeadLetters).DeadLetters(ctx, 0, func(l bus.DeadLetter) error {
			all = append(all, l)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) >= n {
			return all
		}
		<-tick.C
	}
}

func TestDeadLettersAreReadAndDiscarded(t *testing.T) {
	b := newServer(t).open(t)
	if got := letters(t, b, 0); len(got) != 0 {
		t.Errorf("at the start there are %+v", got)
	}
	consume(t, b, bus.Work{
		Name:     "doomed",
		Subjects: []string{"inlet.v1.>"},
		Handle:   func(context.Context, bus.Delivery) error { return bus.Permanent(errors.New("broken")) },
	})
	for _, id := range []string{"id1", "id2:with:colons"} {
		err := b.Publish(t.Context(), bus.Message{ID: id, Subject: "inlet.v1.a.b", Header: map[string]string{"traceparent": "tp"}, Data: []byte("payload " + id)})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := letters(t, b, 2)
	for _, l := range all {
		if l.Work != "doomed" || l.Reason != "broken" || l.Attempts != 1 || l.Subject != "inlet.v1.a.b" || time.Since(l.At) > time.Minute {
			t.Errorf("%+v", l)
		}
		if string(l.Data) != "payload "+l.ID || len(l.Header) != 1 || l.Header["traceparent"] != "tp" || !strings.HasPrefix(l.ID, "id") {
			t.Errorf("the message: %+v", l.Message)
		}
	}
	dead := b.(bus.DeadLetters)
	for range 2 { // the second finds nothing to do
		if err := dead.DiscardDeadLetter(t.Context(), all[0].Sequence); err != nil {
			t.Fatal(err)
		}
	}
	if left := letters(t, b, 1); len(left) != 1 || left[0].Sequence != all[1].Sequence {
		t.Errorf("left are %+v", left)
	}
	stop := errors.New("enough")
	if err := dead.DeadLetters(t.Context(), 0, func(bus.DeadLetter) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback came back as %v", err)
	}
}

func TestDeadLettersWithoutAServer(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	defer b.Close()
	s.stop(t)
	dead := b.(bus.DeadLetters)
	if err := dead.DeadLetters(t.Context(), 0, nil); !file.Is(err, file.Unavailable) {
		t.Errorf("reading gave %v", err)
	}
	if err := dead.DiscardDeadLetter(t.Context(), 1); !file.Is(err, file.Unavailable) {
		t.Errorf("discarding gave %v", err)
	}
}
