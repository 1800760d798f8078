package events_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/client/events"
	"github.com/inlethq/inlet/pkg/event"
)

const patience = 20 * time.Second

// publisher is the server inside `inlet serve`, which readers reach without a credential.
type publisher struct {
	t   *testing.T
	bus *nats.Bus
	url string
}

func newPublisher(t *testing.T) publisher {
	t.Helper()
	srv, err := embedded.Start(embedded.Config{Dir: t.TempDir(), Addr: "127.0.0.1:0", Durables: []string{"verifier"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Shutdown)
	b, err := nats.Open(t.Context(), nats.Config{Server: srv, User: embedded.User})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return publisher{t, b, srv.URL()}
}

// publish tells a fact about a tenant's file; the id of the event is the fact, the tenant and n.
func (p publisher) publish(fact event.Fact, tenant string, n int) string {
	p.t.Helper()
	id := string(fact) + "." + tenant + "." + strconv.Itoa(n)
	data := []byte(`{"specversion":"1.0","id":"` + id + `","type":"inlet.v1.` + string(fact) + `","data":{"file":{"id":"01JQ3KMN7XFGY4P6WBR2SZTA9V"}}}`)
	p.send(fact, tenant, id, data)
	return id
}

func (p publisher) send(fact event.Fact, tenant, id string, data []byte) {
	p.t.Helper()
	if err := p.bus.Publish(p.t.Context(), bus.Message{ID: id, Subject: "inlet.v1." + string(fact) + "." + tenant, Data: data}); err != nil {
		p.t.Fatal(err)
	}
}

var errEnough = errors.New("enough")

// gather subscribes until it has been told n events, each handled without an error.
func (p publisher) gather(f events.Filter, n int) []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeoutCause(p.t.Context(), patience, errors.New("too few events"))
	defer cancel()
	var got []string
	err := events.Subscribe(ctx, p.url, f, func(_ context.Context, e event.Event) error {
		if got = append(got, e.ID); len(got) == n {
			cancel()
		}
		return nil
	})
	if len(got) < n {
		p.t.Errorf("told %v and then %v", got, err)
	}
	return got
}

func TestSubscribeFromATimeOn(t *testing.T) {
	p := newPublisher(t)
	want := []string{p.publish(event.Stored, "a", 1), p.publish(event.Verified, "a", 2), p.publish(event.Stored, "b", 3)}
	hourAgo := time.Now().Add(-time.Hour)
	for name, x := range map[string]struct {
		filter events.Filter
		want   []string
	}{
		"all":                 {events.Filter{}, want},
		"a fact":              {events.Filter{Facts: []event.Fact{event.Stored}}, []string{want[0], want[2]}},
		"a tenant":            {events.Filter{Tenant: "a"}, want[:2]},
		"a fact of a tenant":  {events.Filter{Tenant: "a", Facts: []event.Fact{event.Verified}}, want[1:2]},
		"all, remembering":    {events.Filter{Durable: "all"}, want},
		"a fact, remembering": {events.Filter{Durable: "fact", Facts: []event.Fact{event.Stored}}, []string{want[0], want[2]}},
	} {
		x.filter.Since = hourAgo
		if got := p.gather(x.filter, len(x.want)); !slices.Equal(got, x.want) {
			t.Errorf("%s: told %v, want %v", name, got, x.want)
		}
	}
}

// A fact that had been told before the time, and another that had not, are both told from the time on.
func TestSubscribeFromBetween(t *testing.T) {
	p := newPublisher(t)
	p.publish(event.Stored, "a", 1)
	since := time.Now()
	want := []string{p.publish(event.Stored, "a", 2), p.publish(event.Verified, "a", 3), p.publish(event.Stored, "a", 4)}
	for _, durable := range []string{"", "durable"} {
		f := events.Filter{Since: since, Facts: []event.Fact{event.Stored, event.Verified}, Durable: durable}
		if got := p.gather(f, len(want)); !slices.Equal(got, want) {
			t.Errorf("durable %q: told %v, want %v", durable, got, want)
		}
	}
}

func TestSubscribeFromNowOn(t *testing.T) {
	p := newPublisher(t)
	p.publish(event.Stored, "a", 1)
	var told string
	done := make(chan error, 1)
	go func() {
		done <- events.Subscribe(t.Context(), p.url, events.Filter{}, func(_ context.Context, e event.Event) error {
			told = e.ID
			return errEnough
		})
	}()
	tick := time.NewTicker(20 * time.Millisecond) // until the subscriber is there
	defer tick.Stop()
	for n := 2; ; n++ {
		p.publish(event.Stored, "a", n)
		select {
		case err := <-done:
			if !errors.Is(err, errEnough) || strings.HasSuffix(told, ".1") {
				t.Errorf("told %q, and the handler's error became %v", told, err)
			}
			return
		case <-tick.C:
		}
	}
}

func TestDurableGoesOnWhereItWas(t *testing.T) {
	p := newPublisher(t)
	for n := range 3 {
		p.publish(event.Stored, "a", n)
	}
	f := events.Filter{Durable: "worker", Since: time.Now().Add(-time.Hour)}
	if got := p.gather(f, 3); len(got) != 3 {
		t.Fatal(got)
	}
	p.publish(event.Verified, "a", 3)
	f.Facts = []event.Fact{event.Verified} // may change
	if got := p.gather(f, 1); len(got) != 1 || got[0] != "file.verified.a.3" {
		t.Errorf("the second time it was told %v", got)
	}
}

// TestDurableGivesBack: what was sent ahead to a subscriber that ends goes to the next one at once, and not when the server has given it up.
func TestDurableGivesBack(t *testing.T) {
	p := newPublisher(t)
	for n := range 50 {
		p.publish(event.Stored, "a", n)
	}
	f := events.Filter{Durable: "worker", Since: time.Now().Add(-time.Hour)}
	told := map[string]int{}
	for range 5 {
		for _, id := range p.gather(f, 10) {
			told[id]++
		}
	}
	if len(told) != 50 {
		t.Errorf("%d of 50 events were told in turns of 10: %v", len(told), told)
	}
}

func TestDurableIsToldAgain(t *testing.T) {
	p := newPublisher(t)
	p.send(event.Stored, "a", "noise", []byte("no event"))
	p.publish(event.Stored, "a", 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := 0
	err := events.Subscribe(ctx, p.url, events.Filter{Durable: "w", Since: time.Now().Add(-time.Hour)}, func(context.Context, event.Event) error {
		if told++; told == 2 {
			cancel()
			return nil
		}
		return errors.New("not now")
	})
	if told != 2 || !errors.Is(err, context.Canceled) {
		t.Errorf("told %d times, %v", told, err)
	}
}

func TestSamples(t *testing.T) {
	samples, err := filepath.Glob("../../event/testdata/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatal(samples, err)
	}
	p := newPublisher(t)
	for _, path := range samples {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		p.send(e.Fact(), "a", path, data)
	}
	p.gather(events.Filter{Since: time.Now().Add(-time.Hour)}, len(samples))
}

func TestNobodyThere(t *testing.T) {
	if err := events.Subscribe(t.Context(), "nats://127.0.0.1:1", events.Filter{}, nil); err == nil {
		t.Error("no error")
	}
}
