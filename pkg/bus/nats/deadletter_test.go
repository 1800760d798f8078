package nats_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
)

const patience = 20 * time.Second

// consume runs w until the test ends.
func consume(t *testing.T, b bus.Bus, w bus.Work) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, w) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Consume: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// next returns the first message that a stream has or gets.
func next(t *testing.T, js jetstream.JetStream, stream string) jetstream.Msg {
	t.Helper()
	c, err := js.OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	return m
}

func TestDeadLetter(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	consume(t, b, bus.Work{
		Name:     "doomed",
		Subjects: []string{"inlet.v1.>"},
		Backoff:  []time.Duration{time.Millisecond},
		Handle:   func(context.Context, bus.Delivery) error { return errors.New("broken\nin two lines") },
	})
	err := b.Publish(t.Context(), bus.Message{ID: "id1", Subject: "inlet.v1.a.b", Header: map[string]string{"traceparent": "tp"}, Data: []byte("payload")})
	if err != nil {
		t.Fatal(err)
	}
	js := s.raw(t)
	m := next(t, js, "INLET_DEAD")
	if m.Subject() != "inlet.dead.v1.doomed" || string(m.Data()) != "payload" {
		t.Errorf("got %s %q", m.Subject(), m.Data())
	}
	for name, want := range map[string]string{
		"Inlet-Reason": "broken in two lines", "Inlet-Attempts": "2", "Inlet-Subject": "inlet.v1.a.b", "traceparent": "tp", "Nats-Msg-Id": "doomed:1:id1",
	} {
		if got := m.Headers().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if at, err := time.Parse(time.RFC3339, m.Headers().Get("Inlet-Time")); err != nil || time.Since(at) > time.Minute {
		t.Errorf("Inlet-Time: %q (%v)", m.Headers().Get("Inlet-Time"), err)
	}
	if notice := next(t, js, "INLET_NOTICES"); !strings.Contains(notice.Subject(), "MSG_TERMINATED.INLET.doomed") {
		t.Errorf("the server's notice is %s", notice.Subject())
	}
}

// TestNet has a worker that never manages to give a message up: the server does at last, and says so.
func TestNet(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	failed := errors.New("always")
	consume(t, b, bus.Work{
		Name:     "hopeless",
		Subjects: []string{"inlet.v1.>"},
		Backoff:  []time.Duration{time.Millisecond},
		Handle:   func(context.Context, bus.Delivery) error { return failed },
		Dead:     func(context.Context, bus.Delivery, error) error { return failed },
	})
	if err := b.Publish(t.Context(), bus.Message{ID: "id1", Subject: "inlet.v1.a.b"}); err != nil {
		t.Fatal(err)
	}
	if m := next(t, s.raw(t), "INLET_NOTICES"); !strings.Contains(m.Subject(), "MAX_DELIVERIES.INLET.hopeless") {
		t.Errorf("the server's notice is %s", m.Subject())
	}
}
