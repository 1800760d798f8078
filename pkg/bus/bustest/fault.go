package bustest

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

func needStop(t *testing.T, s Suite) {
	if s.Stop == nil || s.Start == nil {
		t.Skip("the peer cannot be stopped")
	}
}

// testWiped deletes all streams and consumers under a publisher, a worker and whoever asks.
func testWiped(t *testing.T, s Suite) {
	if s.Wipe == nil {
		t.Skip("the peer cannot be wiped")
	}
	f := open(t, s)
	s.Wipe(t)
	f.publish(t, "before")
	var got record
	stop := start(t, f, f.work(got.handle))
	got.await(t, 1)
	s.Wipe(t)
	f.publish(t, "after")
	eventually(t, "work goes on", func() bool { return got.times()["after"] > 0 })
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	stop()
	s.Wipe(t)
	eventually(t, "Ping succeeds", func() bool { return f.Ping(t.Context()) == nil })
}

// testAbsent opens the bus before its peer is there.
func testAbsent(t *testing.T, s Suite) {
	needStop(t, s)
	s.Stop(t)
	back := sync.OnceFunc(func() { s.Start(t) })
	defer back()
	f := open(t, s)
	for what, call := range map[string]func() error{
		"Ping":    func() error { return f.Ping(t.Context()) },
		"Publish": func() error { return f.Publish(t.Context(), f.message("lost")) },
	} {
		began := time.Now()
		if err := call(); !file.Is(err, file.Unavailable) {
			t.Errorf("%s: %v, want Unavailable", what, err)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s took %s to say so", what, took)
		}
	}
	var got record
	start(t, f, f.work(got.handle))
	seen := make(chan bus.Message, 10)
	if _, err := f.Watch([]string{f.subject}, func(m bus.Message) { seen <- m }); err != nil {
		t.Fatalf("Watch: %v", err)
	}
	back()
	eventually(t, "Ping succeeds", func() bool { return f.Ping(t.Context()) == nil })
	f.publish(t, "found")
	got.await(t, 1)
	await(t, "watched", seen)
}

// testRestart stops and starts the peer under load: all that the bus said it had must arrive.
func testRestart(t *testing.T, s Suite) {
	needStop(t, s)
	f := open(t, s)
	var got record
	w := f.work(got.handle)
	w.Concurrency = 4
	w.AckWait = 2 * time.Second // what the stop tore away comes again
	start(t, f, w)
	seen := make(chan bus.Message, 100_000)
	if _, err := f.Watch([]string{f.subject}, func(m bus.Message) { seen <- m }); err != nil {
		t.Fatal(err)
	}

	load, cancel := context.WithCancel(t.Context())
	var taken record
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for n := 0; load.Err() == nil; n++ {
				m := f.message(strconv.Itoa(p) + "/" + strconv.Itoa(n))
				if f.Publish(load, m) == nil {
					taken.add(bus.Delivery{Message: m})
				}
				<-pace.C
			}
		})
	}
	for range 2 {
		was := len(taken.all())
		eventually(t, "messages are taken", func() bool { return len(taken.all()) >= was+100 })
		s.Stop(t)
		s.Start(t)
	}
	was := len(taken.all())
	eventually(t, "messages are taken again", func() bool { return len(taken.all()) >= was+100 })
	cancel()
	publishers.Wait()

	eventually(t, "all that was taken has come", func() bool {
		came := got.times()
		for _, m := range taken.all() {
			if came[string(m.Data)] == 0 {
				return false
			}
		}
		return true
	})
	f.publish(t, "last")
	for m := await(t, "watching goes on", seen); string(m.Data) != "last"; m = await(t, "watching goes on", seen) {
		continue
	}
	t.Logf("%d taken, %d deliveries", len(taken.all()), len(got.all()))
}

// testLost takes the peer away for longer than AckWait: the handler must be told that somebody else may have its message.
func testLost(t *testing.T, s Suite) {
	needStop(t, s)
	f := open(t, s)
	running, told := make(chan struct{}, 1), make(chan struct{}, 1)
	var begun atomic.Bool
	var got record
	w := f.work(func(ctx context.Context, d bus.Delivery) error {
		if !begun.CompareAndSwap(false, true) { // a peer that was killed may count the attempts anew
			return got.handle(ctx, d)
		}
		running <- struct{}{}
		<-ctx.Done()
		told <- struct{}{}
		return ctx.Err()
	})
	w.AckWait = 300 * time.Millisecond
	start(t, f, w)
	f.publish(t, "x")
	await(t, "a handler runs", running)
	s.Stop(t)
	back := sync.OnceFunc(func() { s.Start(t) })
	defer back()
	await(t, "the handler's context ends", told)
	back()
	got.await(t, 1)
}
