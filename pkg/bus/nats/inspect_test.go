package nats_test

import (
	"context"
	"testing"

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
	want := []bus.Backlog{{Name: "slow", Held: 1}, {Name: "absent", Missing: true}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, %v; want %+v", got, err, want)
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
