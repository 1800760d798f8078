package nats_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/file"
)

const rpc = bus.RequestPrefix + "test"

func openBus(t *testing.T, s *server) bus.Bus {
	t.Helper()
	b := s.open(t)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// respond answers until stop is called, which returns when it has ended.
func respond(t *testing.T, b bus.Responder, fn func(context.Context, []byte) ([]byte, error)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Respond(ctx, rpc, "workers", 1, fn) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Respond: %v", err)
		}
	}
}

// blocked is a function that says when it begins and goes on when it may.
func blocked() (fn func(context.Context, []byte) ([]byte, error), begun chan string, finish chan struct{}) {
	begun, finish = make(chan string, 2000), make(chan struct{})
	return func(_ context.Context, data []byte) ([]byte, error) {
		begun <- string(data)
		<-finish
		return data, nil
	}, begun, finish
}

// callers sends n requests by a connection of its own, and returns where the answers come. All have reached the server when it returns.
func callers(t *testing.T, conn *natsgo.Conn, n int, header natsgo.Header) <-chan *natsgo.Msg {
	t.Helper()
	inbox := conn.NewInbox()
	answers := make(chan *natsgo.Msg, 2*n)
	if _, err := conn.ChanSubscribe(inbox, answers); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := conn.PublishMsg(&natsgo.Msg{Subject: rpc, Reply: inbox, Header: header, Data: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return answers
}

func receive[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("did not happen: %s", what)
	}
	return v
}

// heard waits until somebody serves rpc.
func heard(t *testing.T, conn *natsgo.Conn) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		_, err := conn.RequestMsg(&natsgo.Msg{Subject: rpc, Header: natsgo.Header{"Inlet-Timeout": {"-1"}}}, patience) // dropped by its responder
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("nobody serves: %v", err)
		}
	}
}

// TestRespondDrains stops a responder that has requests in hand which it has not begun.
func TestRespondDrains(t *testing.T) {
	s := newServer(t)
	b, conn := openBus(t, s), s.conn(t)
	fn, begun, finish := blocked()
	stop := respond(t, b, fn)
	heard(t, conn)
	const total = 10
	answers := callers(t, conn, total, nil)
	receive(t, "one begins", begun)
	go close(finish)
	stop()
	for range total {
		if m := receive(t, "an answer", answers); m.Header.Get("Inlet-Error") != "" {
			t.Errorf("%v: %s", m.Header, m.Data)
		}
	}
}

// TestRespondIsBusy asks, in one burst, for far more than a responder lets wait: what is too much is refused at once, and nothing is left without an answer.
func TestRespondIsBusy(t *testing.T) {
	s := newServer(t)
	b, conn := openBus(t, s), s.conn(t)
	fn, begun, finish := blocked()
	stop := respond(t, b, fn)
	heard(t, conn)
	callers(t, conn, 1, nil)
	receive(t, "one begins", begun)
	const waiting, more = 256, 3000
	answers := callers(t, conn, waiting+more, nil)
	for range more {
		if m := receive(t, "a refusal", answers); m.Header.Get("Inlet-Error") != string(file.Unavailable) {
			t.Errorf("%v: %s", m.Header, m.Data)
		}
	}
	if _, err := b.Request(t.Context(), rpc, nil); !file.Is(err, file.Unavailable) {
		t.Errorf("one more: %v, want Unavailable", err)
	}
	close(finish)
	for range waiting {
		if m := receive(t, "an answer", answers); m.Header.Get("Inlet-Error") != "" {
			t.Errorf("%v: %s", m.Header, m.Data)
		}
	}
	stop()
}

// TestRespondDropsTheLate has requests that nobody waits for any more by the time of their turn, or ever.
func TestRespondDropsTheLate(t *testing.T) {
	s := newServer(t)
	b, conn := openBus(t, s), s.conn(t)
	fn, begun, finish := blocked()
	stop := respond(t, b, fn)
	heard(t, conn)
	callers(t, conn, 1, natsgo.Header{"Inlet-Timeout": {"not a number"}}) // waits as long as any
	receive(t, "one begins", begun)
	late := callers(t, conn, 3, natsgo.Header{"Inlet-Timeout": {"1"}})
	if err := conn.Publish(rpc, []byte("no reply")); err != nil {
		t.Fatal(err)
	}
	last := callers(t, conn, 1, nil)
	time.AfterFunc(time.Second, func() { close(finish) }) // the late ones have been taken, and have run out, by then
	for range 3 {
		if m := receive(t, "an answer", late); m.Header.Get("Inlet-Error") != string(file.Unavailable) {
			t.Errorf("%v: %s", m.Header, m.Data)
		}
	}
	receive(t, "the last answer", last)
	if n := len(begun); n != 1 {
		t.Errorf("%d were begun after the first, want the last alone", n)
	}
	stop()
}

// TestResponderDies has a responder that takes a request and is never heard of again. The next one gets the next request.
func TestResponderDies(t *testing.T) {
	s := newServer(t)
	b, dead := openBus(t, s), s.conn(t)
	if _, err := dead.QueueSubscribe(rpc, "workers", func(*natsgo.Msg) { dead.Close() }); err != nil {
		t.Fatal(err)
	}
	if err := dead.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.Request(ctx, rpc, nil); !file.Is(err, file.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
	stop := respond(t, b, func(context.Context, []byte) ([]byte, error) { return []byte("alive"), nil })
	defer stop()
	heard(t, s.conn(t))
	if got, err := b.Request(t.Context(), rpc, nil); err != nil || string(got) != "alive" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRequestClosed closes the bus under a responder, and then asks.
func TestRequestClosed(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	done := make(chan error, 1)
	go func() {
		done <- b.Respond(context.Background(), rpc, "workers", 1, func(context.Context, []byte) ([]byte, error) { return nil, nil })
	}()
	heard(t, s.conn(t))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, "Respond returns", done); !file.Is(err, file.Unavailable) {
		t.Errorf("Respond: %v, want Unavailable", err)
	}
	if _, err := b.Request(t.Context(), rpc, nil); !file.Is(err, file.Unavailable) {
		t.Errorf("Request: %v, want Unavailable", err)
	}
	if err := b.Respond(t.Context(), rpc, "workers", 1, func(context.Context, []byte) ([]byte, error) { return nil, nil }); !file.Is(err, file.Unavailable) {
		t.Errorf("Respond: %v, want Unavailable", err)
	}
}

// TestRequestAbsent asks before any server was there.
func TestRequestAbsent(t *testing.T) {
	b, err := nats.Open(t.Context(), nats.Config{URL: "nats://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	began := time.Now()
	if _, err := b.Request(t.Context(), rpc, nil); !file.Is(err, file.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s to say so", took)
	}
}
