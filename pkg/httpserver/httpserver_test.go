package httpserver_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/httpserver"
)

func start(t *testing.T, h http.Handler) (url string, stop func() error) {
	t.Helper()
	s, err := httpserver.Listen("127.0.0.1:0", "INLET_ADDR", h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	return "http://" + s.Addr().String(), func() error { cancel(); return <-stopped }
}

func TestRunningRequestsFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	url, stop := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "done")
	}))
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		answer <- string(body)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request running: %v", err)
	default:
	}
	close(leave)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "done" {
		t.Errorf("the running request got %q", got)
	}
}

func TestPortInUseNamesTheSetting(t *testing.T) {
	s, err := httpserver.Listen("127.0.0.1:0", "INLET_ADDR", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Run(ctx)
	}()
	_, err = httpserver.Listen(s.Addr().String(), "INLET_ADDR", nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "INLET_ADDR="+s.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
