package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inlethq/inlet/pkg/lifecycle"
)

// journal records in which order parts stop.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) part(name string, running chan<- struct{}) lifecycle.Part {
	return lifecycle.Part{
		Name: name,
		Run: func(ctx context.Context) error {
			running <- struct{}{}
			<-ctx.Done()
			j.add("stop " + name)
			return nil
		},
		Close: func(context.Context) error { j.add("close " + name); return nil },
	}
}

func TestStopsInReverseOrder(t *testing.T) {
	var j journal
	running := make(chan struct{}, 2)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-running; <-running; cancel() }()
	if err := lifecycle.Run(ctx, slog.New(slog.DiscardHandler), j.part("store", running), j.part("server", running)); err != nil {
		t.Fatal(err)
	}
	want := []string{"stop server", "close server", "stop store", "close store"}
	if !slices.Equal(j.lines, want) {
		t.Errorf("order %q, want %q", j.lines, want)
	}
}

func TestOneFailureStopsAll(t *testing.T) {
	var j journal
	running := make(chan struct{}, 1)
	broken := errors.New("port in use")
	err := lifecycle.Run(t.Context(), slog.New(slog.DiscardHandler), j.part("store", running), lifecycle.Part{
		Name: "server",
		Run:  func(context.Context) error { <-running; return broken },
	})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "server: ") {
		t.Errorf("got %v, want the failure of the server", err)
	}
	if want := []string{"stop store", "close store"}; !slices.Equal(j.lines, want) {
		t.Errorf("order %q, want %q", j.lines, want)
	}
}

func TestPartThatEndsByItselfIsAFailure(t *testing.T) {
	err := lifecycle.Run(t.Context(), slog.New(slog.DiscardHandler), lifecycle.Part{Name: "server", Run: func(context.Context) error { return nil }})
	if err == nil {
		t.Error("a part that ends unasked must stop the program")
	}
}
