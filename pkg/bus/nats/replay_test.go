package nats_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
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
