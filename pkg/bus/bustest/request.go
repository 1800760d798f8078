package bustest

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

// answer is what a responder does.
type answer = func(context.Context, []byte) ([]byte, error)

func echo(_ context.Context, data []byte) ([]byte, error) {
	return append([]byte("re: "), data...), nil
}

// rpc is the fixture's own subject for requests.
func (f fixture) rpc() string { return bus.RequestPrefix + f.name }

// ask sends a request and gives it as long as the suite has patience.
func (f fixture) ask(t testing.TB, data string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := f.Request(ctx, f.rpc(), []byte(data))
	return string(got), err
}

// respond runs Respond, waits until it is heard of, and returns what ends it. A case that does not end it has it ended at its end.
func (f fixture) respond(t testing.TB, concurrency int, fn answer) (stop func()) {
	t.Helper()
	return f.respondOn(t, f, concurrency, fn)
}

// respondOn is respond by way of another connection.
func (f fixture) respondOn(t testing.TB, b bus.Bus, concurrency int, fn answer) (stop func()) {
	t.Helper()
	const probe = "are you there?"
	there := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- b.Respond(ctx, f.rpc(), "workers", concurrency, func(ctx context.Context, data []byte) ([]byte, error) {
			if string(data) != probe {
				return fn(ctx, data)
			}
			select {
			case there <- struct{}{}:
			default:
			}
			return nil, nil
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Respond returned %v, want nil", err)
			}
		case <-time.After(bus.Drain + patience):
			t.Error("Respond did not return")
		}
	})
	t.Cleanup(stop)
	eventually(t, "the responder is there", func() bool {
		_, _ = f.ask(t, probe)
		select {
		case <-there:
			return true
		default:
			return false
		}
	})
	return stop
}

func testRequest(t *testing.T, s Suite) {
	f := open(t, s)
	f.respond(t, 1, echo)
	for _, data := range []string{"", "x", string(bytes.Repeat([]byte{0, '\r', '\n', 0xff}, 1000))} {
		if got, err := f.ask(t, data); err != nil || got != "re: "+data {
			t.Errorf("%.10q: %.20q, %v", data, got, err)
		}
	}
	if got, err := f.Request(t.Context(), f.rpc(), nil); err != nil || string(got) != "re: " { // a context without a deadline will do
		t.Errorf("%q, %v", got, err)
	}
}

// testRequestMany asks from many goroutines: each gets the answer to its own question, and no more run at once than may.
func testRequestMany(t *testing.T, s Suite) {
	const total, concurrency = 200, 4
	f := open(t, s)
	var running, most atomic.Int32
	f.respond(t, concurrency, func(ctx context.Context, data []byte) ([]byte, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			continue
		}
		return echo(ctx, data)
	})
	var wg sync.WaitGroup
	for n := range total {
		wg.Go(func() {
			data := strconv.Itoa(n)
			if got, err := f.ask(t, data); err != nil || got != "re: "+data {
				t.Errorf("%s: %q, %v", data, got, err)
			}
		})
	}
	wg.Wait()
	if most.Load() > concurrency {
		t.Errorf("%d ran at once, want %d at most", most.Load(), concurrency)
	}
}

// testRequestShared has two responders under one queue: each request goes to one of them, and both get some.
func testRequestShared(t *testing.T, s Suite) {
	f := open(t, s)
	other := s.Open(t)
	t.Cleanup(func() { _ = other.Close() })
	var one, two atomic.Int32
	count := func(n *atomic.Int32) answer {
		return func(ctx context.Context, data []byte) ([]byte, error) {
			n.Add(1)
			return echo(ctx, data)
		}
	}
	f.respond(t, 1, count(&one))
	f.respondOn(t, other, 1, count(&two))
	const total = 100
	for n := range total {
		if _, err := f.ask(t, strconv.Itoa(n)); err != nil {
			t.Error(err)
		}
	}
	if one.Load() == 0 || two.Load() == 0 || one.Load()+two.Load() != total {
		t.Errorf("%d and %d requests, want %d together", one.Load(), two.Load(), total)
	}
}

func testRequestNobody(t *testing.T, s Suite) {
	f := open(t, s)
	began := time.Now()
	if _, err := f.ask(t, "x"); !file.Is(err, file.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
	stop := f.respond(t, 1, echo)
	stop()
	if _, err := f.ask(t, "x"); !file.Is(err, file.Unavailable) {
		t.Errorf("after the responder has gone: %v, want Unavailable", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %s to say so", took)
	}
}

// testRequestSlow has a responder that is slower than its requesters are patient. It is told.
func testRequestSlow(t *testing.T, s Suite) {
	f := open(t, s)
	begun, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	f.respond(t, 1, func(ctx context.Context, _ []byte) ([]byte, error) {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	})
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.Request(short, f.rpc(), nil); !file.Is(err, file.Unavailable) {
		t.Errorf("past the deadline: %v, want Unavailable", err)
	}
	await(t, "the request begins", begun)
	await(t, "the responder is told of the deadline", ended)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	go func() {
		<-begun
		cancel()
	}()
	if _, err := f.Request(ctx, f.rpc(), nil); !file.Is(err, file.Cancelled) {
		t.Errorf("cancelled while it was worked on: %v, want Cancelled", err)
	}
	if _, err := f.Request(ctx, f.rpc(), nil); !file.Is(err, file.Cancelled) {
		t.Errorf("cancelled before: %v, want Cancelled", err)
	}
}

// testRequestErrors sends every kind of error across: its kind, its code and its public text arrive, its cause does not.
func testRequestErrors(t *testing.T, s Suite) {
	f := open(t, s)
	next := make(chan error, 1)
	f.respond(t, 1, func(context.Context, []byte) ([]byte, error) {
		err := <-next
		if err == nil {
			panic("as the test wants it")
		}
		return []byte("ignored"), err
	})
	check := func(name string, give error, kind file.Kind, code, public string) {
		t.Helper()
		next <- give
		got, err := f.ask(t, "x")
		if file.KindOf(err) != kind || file.CodeOf(err) != code || file.PublicText(err, "") != public || got != "" || errors.Is(err, errTest) {
			t.Errorf("%s: %q, %v; want %s, code %q, text %q", name, got, err, kind, code, public)
		}
	}
	for _, kind := range file.Kinds {
		want := kind
		if kind == file.Cancelled { // not by the requester
			want = file.Unavailable
		}
		give := &file.Error{Kind: kind, Op: "test", Code: "a_code", Public: "Größe\nin \"two\" lines", Err: errTest}
		check(string(kind), give, want, give.Code, give.Public)
	}
	inner := &file.Error{Kind: file.NotFound, Op: "inner", Code: "inner_code", Public: "inner text", Err: errTest}
	check("wrapped", file.Wrap(file.Invalid, "outer", inner), file.Invalid, "inner_code", "inner text")
	check("no error of package file", errTest, file.Internal, "", "")
	check("out of time", context.DeadlineExceeded, file.Unavailable, "", "")
	check("panic", nil, file.Internal, "", "")
}

// testRequestLarge goes beyond what one message may hold, both ways.
func testRequestLarge(t *testing.T, s Suite) {
	f := open(t, s)
	large := bytes.Repeat([]byte("x"), 16<<20)
	f.respond(t, 1, func(ctx context.Context, data []byte) ([]byte, error) {
		if string(data) == "large" {
			return large, nil
		}
		return echo(ctx, data)
	})
	if _, err := f.ask(t, string(large)); !file.Is(err, file.Invalid) {
		t.Errorf("a large request: %v, want Invalid", err)
	}
	if _, err := f.ask(t, "large"); !file.Is(err, file.Internal) {
		t.Errorf("a large answer: %v, want Internal", err)
	}
	if got, err := f.ask(t, "x"); err != nil || got != "re: x" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// testRequestStop stops a responder that works on requests: they are answered, and no other is taken.
func testRequestStop(t *testing.T, s Suite) {
	f := open(t, s)
	begun, finish := make(chan struct{}, 10), make(chan struct{})
	const total = 3
	stop := f.respond(t, total, func(ctx context.Context, data []byte) ([]byte, error) {
		begun <- struct{}{}
		<-finish
		return echo(ctx, data)
	})
	answered := make(chan error, total)
	for n := range total {
		go func() {
			_, err := f.ask(t, strconv.Itoa(n))
			answered <- err
		}()
	}
	for range total {
		await(t, "all are worked on", begun)
	}
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	eventually(t, "no more is taken", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := f.Request(ctx, f.rpc(), nil)
		return err != nil && ctx.Err() == nil // at once: nobody is there
	})
	select {
	case <-stopped:
		t.Error("Respond returns before its function")
	default:
	}
	close(finish)
	for range total {
		if err := await(t, "an answer", answered); err != nil {
			t.Error(err)
		}
	}
	await(t, "Respond returns", stopped)
}

func testRequestInvalid(t *testing.T, s Suite) {
	f := open(t, s)
	for _, subject := range []string{"", bus.RequestPrefix, bus.RequestPrefix + "*", bus.RequestPrefix + ">", bus.RequestPrefix + "a b", f.subject, "elsewhere"} {
		if _, err := f.Request(t.Context(), subject, nil); !file.Is(err, file.Invalid) {
			t.Errorf("Request to %q: %v, want Invalid", subject, err)
		}
		if err := f.Respond(t.Context(), subject, "workers", 1, echo); !file.Is(err, file.Invalid) {
			t.Errorf("Respond on %q: %v, want Invalid", subject, err)
		}
	}
	for _, queue := range []string{"", "a.b", "a b", "*"} {
		if err := f.Respond(t.Context(), f.rpc(), queue, 1, echo); !file.Is(err, file.Invalid) {
			t.Errorf("Respond in queue %q: %v, want Invalid", queue, err)
		}
	}
	if err := f.Respond(t.Context(), f.rpc(), "workers", 1, nil); !file.Is(err, file.Invalid) {
		t.Errorf("Respond without a function: %v, want Invalid", err)
	}
}

// testRequestRestart takes the peer away from a request and brings it back: the request fails well before its time, later ones are answered.
func testRequestRestart(t *testing.T, s Suite) {
	needStop(t, s)
	f := open(t, s)
	begun := make(chan struct{}, 1)
	f.respond(t, 1, func(ctx context.Context, data []byte) ([]byte, error) {
		if string(data) != "hang" {
			return echo(ctx, data)
		}
		begun <- struct{}{}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return nil, nil
	})
	failed := make(chan error, 1)
	go func() {
		_, err := f.ask(t, "hang")
		failed <- err
	}()
	await(t, "a request is worked on", begun)
	s.Stop(t)
	back := sync.OnceFunc(func() { s.Start(t) })
	defer back()
	if err := await(t, "the request fails", failed); !file.Is(err, file.Unavailable) {
		t.Errorf("cut off: %v, want Unavailable", err)
	}
	if _, err := f.ask(t, "x"); !file.Is(err, file.Unavailable) {
		t.Errorf("with the peer gone: %v, want Unavailable", err)
	}
	back()
	eventually(t, "requests are answered again", func() bool {
		got, err := f.ask(t, "x")
		return err == nil && got == "re: x"
	})
}
