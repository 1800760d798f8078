package nats_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

func TestInspect(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	busy, release := make(chan struct{}), make(chan struct{})
	consume(t, b, bus.Work{Name: "slow", Subjects: []string{"inlet.v1.>"}, Handle: func(context.Context, bus.Delivery) error {
		busy <- struct{}{}
		<-release
		return nil
	}})
	t.Cleanup(func() { close(release) }) // before consume waits for the handler
	if err := b.Publish(t.Context(), bus.Message{ID: "id1", Subject: "inlet.v1.a.b"}); err != nil {
		t.Fatal(err)
	}
	<-busy
	got, err := b.(bus.Inspector).Inspect(t.Context(), "slow", "absent")
	want := []bus.Backlog{{Name: "slow", Held: 1, Asking: 1}, {Name: "absent", Missing: true}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestInspectAll(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	for _, name := range []string{"verifier", "notifier"} {
		_, err := s.raw(t).CreateConsumer(t.Context(), "INLET", jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, "inlet.v1.a.b", "id1")
	// Whoever reads is in nobody's way, and in no list.
	err := b.Replay(t.Context(), bus.Start{}, []string{"inlet.v1.>"}, func(bus.Kept) error {
		got, err := b.Inspect(t.Context())
		if want := []bus.Backlog{{Name: "notifier", Waiting: 1}, {Name: "verifier", Waiting: 1}}; !slices.Equal(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestInspectWithoutAServer(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	defer b.Close()
	s.stop(t)
	if _, err := b.(bus.Inspector).Inspect(t.Context(), "slow"); !file.Is(err, file.Unavailable) {
		t.Errorf("%v", err)
	}
}
