package nats_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/file"
)

func TestStreams(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	defer b.Close()
	js := s.raw(t)
	for name, want := range map[string]struct {
		age     time.Duration
		discard jetstream.DiscardPolicy
	}{
		"INLET":         {72 * time.Hour, jetstream.DiscardNew},
		"INLET_DEAD":    {30 * 24 * time.Hour, jetstream.DiscardOld},
		"INLET_NOTICES": {30 * 24 * time.Hour, jetstream.DiscardOld},
	} {
		st, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cfg := st.CachedInfo().Config
		if cfg.MaxAge != want.age || cfg.Discard != want.discard || cfg.Retention != jetstream.LimitsPolicy ||
			cfg.Storage != jetstream.FileStorage || cfg.MaxBytes <= 0 || cfg.Duplicates < 2*time.Minute {
			t.Errorf("%s: %+v", name, cfg)
		}
	}
}

// TestStreamsLater has the server come after the bus: the streams are made though nobody publishes.
func TestStreamsLater(t *testing.T) {
	s := newServer(t)
	s.stop(t)
	b := s.open(t)
	defer b.Close()
	s.start(t)
	js := s.raw(t)
	eventually(t, "the streams are there", func() bool {
		_, err := js.Stream(t.Context(), "INLET_NOTICES") // the last to be made
		return err == nil
	})
}

// TestWorkerRemakes deletes everything under a worker that is alone: it makes its stream and its consumer again.
func TestWorkerRemakes(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	js := s.raw(t)
	consume(t, b, collect("w", make(chan string), "inlet.v1.a.>"))
	there := func() bool {
		_, err := js.Consumer(t.Context(), "INLET", "w")
		return err == nil
	}
	eventually(t, "the consumer is there", there)
	s.wipe(t)
	eventually(t, "the consumer is there again", there)
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("did not happen within %s: %s", patience, what)
		}
	}
}

// TestFull fills the stream of events: it refuses more rather than lose what is there, and takes more once it may be larger.
func TestFull(t *testing.T) {
	s := newServer(t)
	cfg := nats.Config{Server: s, User: embedded.User, MaxBytes: 64 << 10}
	b, err := nats.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m := bus.Message{Subject: "inlet.v1.a.b", Data: make([]byte, 8<<10)}
	for n := 0; err == nil && n < 100; n++ {
		m.ID = strconv.Itoa(n)
		err = b.Publish(t.Context(), m)
	}
	if !file.Is(err, file.Unavailable) {
		t.Fatalf("a full stream says %v, want Unavailable", err)
	}

	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.MaxBytes = 128 << 10 // a changed configuration is taken over by the stream that exists
	wider, err := nats.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer wider.Close()
	if err := wider.Publish(t.Context(), m); err != nil {
		t.Errorf("after the stream was enlarged: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	b := newServer(t).open(t)
	defer b.Close()
	err := b.Publish(t.Context(), bus.Message{ID: "x", Subject: "inlet.v1.a.b", Data: make([]byte, embedded.MaxPayload)})
	if !file.Is(err, file.Invalid) {
		t.Errorf("a message over the limit: %v, want Invalid", err)
	}
}

func TestClosed(t *testing.T) {
	b := newServer(t).open(t)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := b.Publish(t.Context(), bus.Message{ID: "x", Subject: "inlet.v1.a.b"}); !file.Is(err, file.Unavailable) {
		t.Errorf("Publish: %v, want Unavailable", err)
	}
	w := bus.Work{Name: "w", Subjects: []string{"inlet.v1.>"}, Handle: func(context.Context, bus.Delivery) error { return nil }}
	if err := b.Consume(t.Context(), w); !file.Is(err, file.Unavailable) {
		t.Errorf("Consume: %v, want Unavailable", err)
	}
	if _, err := b.Watch([]string{"inlet.v1.>"}, func(bus.Message) {}); !file.Is(err, file.Unavailable) {
		t.Errorf("Watch: %v, want Unavailable", err)
	}
}

func TestOpenInvalid(t *testing.T) {
	if _, err := nats.Open(t.Context(), nats.Config{URL: "nats://in valid:%zz"}); !file.Is(err, file.Invalid) {
		t.Errorf("Open: %v, want Invalid", err)
	}
}

// TestConsumerDeleted takes only the consumer away, and TestConsumerUpdated leaves it as an older version had it.
func TestConsumerDeleted(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	came := make(chan string, 100)
	consume(t, b, collect("w", came, "inlet.v1.a.>"))
	publish(t, b, "inlet.v1.a.x", "one")
	await(t, came, "one")
	if err := s.raw(t).DeleteConsumer(t.Context(), "INLET", "w"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, "inlet.v1.a.x", "two")
	await(t, came, "two")
}

func TestConsumerUpdated(t *testing.T) {
	s := newServer(t)
	b := s.open(t)
	js := s.raw(t)
	_, err := js.CreateConsumer(t.Context(), "INLET", jetstream.ConsumerConfig{
		Durable: "w", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "inlet.v1.old.>", MaxDeliver: 3, BackOff: []time.Duration{time.Second, 2 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan string, 100)
	consume(t, b, collect("w", came, "inlet.v1.a.>", "inlet.v1.b.>"))
	publish(t, b, "inlet.v1.b.x", "one")
	await(t, came, "one")
	c, err := js.Consumer(t.Context(), "INLET", "w")
	if err != nil {
		t.Fatal(err)
	}
	if cfg := c.CachedInfo().Config; cfg.AckWait != bus.DefaultAckWait || cfg.MaxDeliver != len(bus.DefaultBackoff)+3 || len(cfg.BackOff) != 0 || len(cfg.FilterSubjects) != 2 {
		t.Errorf("the consumer is %+v", cfg)
	}
}

func collect(name string, came chan<- string, subjects ...string) bus.Work {
	return bus.Work{Name: name, Subjects: subjects, Handle: func(_ context.Context, d bus.Delivery) error {
		came <- d.ID
		return nil
	}}
}

func publish(t *testing.T, b bus.Bus, subject, id string) {
	t.Helper()
	if err := b.Publish(t.Context(), bus.Message{ID: id, Subject: subject, Data: bytes.Repeat([]byte("x"), 100)}); err != nil {
		t.Fatal(err)
	}
}

// await waits for an id, past others.
func await(t *testing.T, came <-chan string, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-came:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("%q did not come", want)
		}
	}
}
