package bustest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

func testDeliver(t *testing.T, s Suite) {
	f := open(t, s)
	if err := f.Ping(t.Context()); err != nil {
		t.Fatalf("Ping: %v", err)
	}
	var got record
	w := f.work(got.handle)
	w.Subjects = []string{f.subject, f.subject + "-other.>"}
	start(t, f, w)

	first := f.message("first")
	first.Header = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	second := f.message("second")
	second.Subject = f.subject + "-other.deep.er"
	for _, m := range []bus.Message{first, second} {
		if err := f.Publish(t.Context(), m); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
	for _, d := range got.await(t, 2) {
		want := first
		if d.ID == second.ID {
			want = second
		}
		if d.ID != want.ID || d.Subject != want.Subject || string(d.Data) != string(want.Data) || d.Header["traceparent"] != want.Header["traceparent"] || len(d.Header) != len(want.Header) {
			t.Errorf("got %+v, want %+v", d.Message, want)
		}
		if d.Attempt != 1 || d.Last {
			t.Errorf("attempt %d, last %v; want the first of several", d.Attempt, d.Last)
		}
	}
}

func testExactlyOnce(t *testing.T, s Suite) {
	total := 10_000
	if testing.Short() {
		total = 2000
	}
	f := open(t, s)
	var got record
	w := f.work(got.handle)
	w.Concurrency = 8
	start(t, f, w)

	var publishers sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		publishers.Go(func() {
			for n := next.Add(1); n <= int64(total); n = next.Add(1) {
				if err := f.Publish(t.Context(), f.message(strconv.FormatInt(n, 10))); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	publishers.Wait()
	got.await(t, total)
	for id, n := range got.times() {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if n := len(got.times()); n != total {
		t.Errorf("%d messages came, want %d", n, total)
	}
}

func testDedupe(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	start(t, f, f.work(got.handle))
	f.publish(t, "same", "same", "same", "other")
	got.await(t, 2)
	never(t, 100*time.Millisecond, "a message comes twice", func() bool { return len(got.all()) > 2 })
	if n := got.times(); n["same"] != 1 || n["other"] != 1 {
		t.Errorf("came: %v, want one of each", n)
	}
}

func testSharedName(t *testing.T, s Suite) {
	f := open(t, s)
	other := s.Open(t)
	t.Cleanup(func() { _ = other.Close() })

	const total = 40
	var got record
	both := make(chan struct{})
	var busy atomic.Int32
	handler := func() bus.Handler {
		var once sync.Once
		return func(ctx context.Context, d bus.Delivery) error {
			once.Do(func() { // each goes on when the other has got one too
				if busy.Add(1) == 2 {
					close(both)
				}
			})
			select {
			case <-both:
			case <-ctx.Done():
				return ctx.Err()
			}
			return got.handle(ctx, d)
		}
	}
	start(t, f, f.work(handler()))
	start(t, other, f.work(handler()))
	for n := range total {
		f.publish(t, strconv.Itoa(n))
	}
	got.await(t, total)
	never(t, 100*time.Millisecond, "a message comes to both", func() bool { return len(got.all()) > total })
}

func testOwnName(t *testing.T, s Suite) {
	f := open(t, s)
	var one, two record
	start(t, f, f.work(one.handle))
	w := f.work(two.handle)
	w.Name += "-two"
	start(t, f, w)
	f.publish(t, "a", "b", "c")
	one.await(t, 3)
	two.await(t, 3)
}

func testDurable(t *testing.T, s Suite) {
	f := open(t, s)
	var got record
	f.publish(t, "before") // even before anybody ever consumed
	stop := start(t, f, f.work(got.handle))
	got.await(t, 1)
	stop()

	f.publish(t, "a", "b", "c")
	start(t, f, f.work(got.handle))
	for _, d := range got.await(t, 4) {
		if d.Attempt != 1 {
			t.Errorf("%s: attempt %d, want 1", d.Data, d.Attempt)
		}
	}
	if n := got.times(); len(n) != 4 {
		t.Errorf("came: %v, want four different ones", n)
	}
}

func testStop(t *testing.T, s Suite) {
	f := open(t, s)
	running, finish := make(chan struct{}, 1), make(chan struct{})
	var finished, got record
	stop := start(t, f, f.work(func(ctx context.Context, d bus.Delivery) error {
		running <- struct{}{}
		<-finish
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return finished.handle(ctx, d)
	}))
	const total = 4
	for n := range total {
		f.publish(t, strconv.Itoa(n))
	}
	await(t, "a handler runs", running)

	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	never(t, 100*time.Millisecond, "Consume returns before its handler", func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	})
	close(finish)
	await(t, "Consume returns", stopped)
	if n := len(finished.all()); n != 1 {
		t.Fatalf("%d handlers finished, want the one that ran", n)
	}
	// Well before AckWait, somebody else gets what was in hand.
	began := time.Now()
	start(t, f, f.work(got.handle))
	got.await(t, total-1)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("given back after %s", took)
	}
	if got.times()[string(finished.all()[0].Data)] != 0 {
		t.Error("what was finished came again")
	}
}

func testStopCancelled(t *testing.T, s Suite) {
	f := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Consume(ctx, f.work(new(record).handle)); err != nil {
		t.Errorf("Consume: %v, want nil", err)
	}
}

func testCancelled(t *testing.T, s Suite) {
	f := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Publish(ctx, f.message("x")); !file.Is(err, file.Cancelled) {
		t.Errorf("Publish: %v, want Cancelled", err)
	}
}

func testInvalid(t *testing.T, s Suite) {
	f := open(t, s)
	good := f.work(new(record).handle)
	for name, change := range map[string]func(*bus.Work){
		"no name":        func(w *bus.Work) { w.Name = "" },
		"name with dots": func(w *bus.Work) { w.Name = "a.b" },
		"wildcard":       func(w *bus.Work) { w.Name = "a*" },
		"no subjects":    func(w *bus.Work) { w.Subjects = nil },
		"no handler":     func(w *bus.Work) { w.Handle = nil },
	} {
		w := good
		change(&w)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := f.Consume(ctx, w); !file.Is(err, file.Invalid) {
			t.Errorf("Consume with %s: %v, want Invalid", name, err)
		}
	}
	for _, subject := range []string{"", "inlet.v1.", "inlet.v1.a..b", "inlet.v1.*", "inlet.v1.>", "inlet.v1.a b", "elsewhere"} {
		if err := f.Publish(t.Context(), bus.Message{ID: "x", Subject: subject}); !file.Is(err, file.Invalid) {
			t.Errorf("Publish to %q: %v, want Invalid", subject, err)
		}
	}
}

func testWatch(t *testing.T, s Suite) {
	f := open(t, s)
	seen := make(chan bus.Message, 10)
	stop, err := f.Watch([]string{f.subject, f.subject + "-other.*"}, func(m bus.Message) { seen <- m })
	if err != nil {
		t.Fatal(err)
	}
	m := f.message("x")
	m.Header = map[string]string{"traceparent": "00-1-1-01"}
	for _, subject := range []string{f.subject, f.subject + "-other.x"} {
		m.Subject = subject
		m.ID = subject
		eventually(t, "published", func() bool { return f.Publish(t.Context(), m) == nil })
		if got := await(t, "seen", seen); got.ID != m.ID || got.Subject != subject || string(got.Data) != "x" || got.Header["traceparent"] != "00-1-1-01" {
			t.Errorf("saw %+v, want %+v", got, m)
		}
	}
	stop()
	f.publish(t, "after")
	select {
	case got := <-seen:
		t.Errorf("saw %+v after stop", got)
	default:
	}
}

// ids makes n message names.
func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("m%d", i)
	}
	return list
}
