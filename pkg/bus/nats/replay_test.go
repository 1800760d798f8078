package nats_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

// TestReplayWhileStored: a replay ends while messages that it wants, and others, are stored.
func TestReplayWhileStored(t *testing.T) {
	s := newServer(t)
	b, writer := s.open(t), s.open(t)
	for round := range 40 {
		wanted, other := fmt.Sprintf("inlet.v1.wanted.%d", round%3), fmt.Sprintf("inlet.v1.other.%d", round%3)
		begun := time.Now()
		publish(t, writer, wanted, fmt.Sprintf("first-%d", round))
		var busy sync.WaitGroup
		for n := range 4 {
			busy.Go(func() {
				for i := range 5 {
					id := fmt.Sprintf("%d-%d-%d", round, n, i)
					if err := writer.Publish(t.Context(), bus.Message{ID: "w" + id, Subject: wanted}); err != nil {
						t.Error(err)
					}
					if err := writer.Publish(t.Context(), bus.Message{ID: "o" + id, Subject: other}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for n := range 8 {
			busy.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				got := 0
				err := b.Replay(ctx, bus.Start{Since: begun}, []string{wanted, "inlet.v1.none.x"}, func(bus.Kept) error { got++; return nil })
				if err != nil || got == 0 {
					t.Errorf("round %d, replay %d: %d messages, %v", round, n, got, err)
				}
			})
		}
		busy.Wait()
		if t.Failed() {
			return
		}
	}
}

// TestReplayMissed: a replay whose consumer falls silent in front of messages that the stream has fails, rather than passing for whole.
func TestReplayMissed(t *testing.T) {
	const stored = 600 // more than a reader has asked for when the first comes
	s := newServer(t)
	b, js := s.open(t), s.raw(t)
	for i := range stored {
		publish(t, b, "inlet.v1.wanted.x", fmt.Sprint(i))
	}
	got := 0
	err := b.Replay(t.Context(), bus.Start{}, []string{"inlet.v1.wanted.x"}, func(bus.Kept) error {
		if got++; got == 1 {
			return pauseConsumers(t.Context(), js)
		}
		return nil
	})
	if !file.Is(err, file.Unavailable) || got == stored {
		t.Errorf("%d of %d messages, %v", got, stored, err)
	}
}

// pauseConsumers has the server deliver nothing any more to the consumers of the stream of events.
func pauseConsumers(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.Stream(ctx, "INLET")
	if err != nil {
		return err
	}
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		if _, err := stream.PauseConsumer(ctx, name, time.Now().Add(time.Hour)); err != nil {
			return err
		}
	}
	return names.Err()
}
