package nats

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

type dial func() (net.Conn, error)

func (d dial) InProcessConn() (net.Conn, error) { return d() }

// TestDrain has a handler that does not finish: its context ends after the grace, and its message is not given up for it.
func TestDrain(t *testing.T) {
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	b, err := Open(t.Context(), Config{Server: dial(s.InProcessConn), User: embedded.User})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.drain = 200 * time.Millisecond

	ctx, stop := context.WithCancel(t.Context())
	running := make(chan struct{})
	done := make(chan error, 1)
	w := bus.Work{
		Name: "slow", Subjects: []string{"inlet.v1.>"}, Backoff: []time.Duration{},
		Handle: func(ctx context.Context, _ bus.Delivery) error {
			close(running)
			<-ctx.Done()
			return ctx.Err()
		},
		Dead: func(context.Context, bus.Delivery, error) error {
			t.Error("given up, though only the worker was stopped")
			return nil
		},
	}
	go func() { done <- b.Consume(ctx, w) }()
	if err := b.Publish(t.Context(), bus.Message{ID: "x", Subject: "inlet.v1.a.b"}); err != nil {
		t.Fatal(err)
	}
	<-running
	began := time.Now()
	stop()
	if err := <-done; err != nil {
		t.Errorf("Consume: %v", err)
	}
	if took := time.Since(began); took < b.drain || took > 10*time.Second {
		t.Errorf("stopped after %s, want the grace of %s", took, b.drain)
	}
}

// TestCloseWithoutAServer: what is not connected has nothing to send, so a program whose bus is out ends at once.
func TestCloseWithoutAServer(t *testing.T) {
	s, err := embedded.Start(embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), Config{Server: dial(s.InProcessConn), User: embedded.User})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() {
		done <- b.Consume(ctx, bus.Work{Name: "idle", Subjects: []string{"inlet.v1.>"}, Handle: func(context.Context, bus.Delivery) error { return nil }})
	}()
	go func() {
		done <- b.Respond(ctx, bus.RequestPrefix+"x", "idle", 1, func(context.Context, []byte) ([]byte, error) { return nil, nil })
	}()
	lost := b.disconnected.next()
	s.Shutdown()
	<-lost
	began := time.Now()
	stop()
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took >= callTimeout {
		t.Errorf("it ended after %s", took)
	}
}
