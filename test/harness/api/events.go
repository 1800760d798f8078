package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/event"
)

// stream is where the events are kept.
const stream = "INLET"

// Events gathers the events that were published since Subscribe, in the order of the stream. It goes on over restarts of the server.
type Events struct {
	conn    *nats.Conn
	consume jetstream.ConsumeContext
	check   Check

	mu      sync.Mutex
	last    uint64 // stream sequence
	events  []event.Event
	faults  []string
	changed chan struct{} // closed and made anew at each event
}

// Subscribe connects to a NATS server and begins to gather. fn, when set, is told of each event, one at a time.
// It waits until ctx ends for a server that is not up yet.
func Subscribe(ctx context.Context, url string, fn func(event.Event)) (*Events, error) {
	return SubscribeChecked(ctx, url, fn, func(map[string][]string, []byte) error { return nil })
}

// Check looks at the headers and the body of a message.
type Check func(header map[string][]string, body []byte) error

// SubscribeChecked is Subscribe with a fault for each message, as it came, that check returns an error for.
func SubscribeChecked(ctx context.Context, url string, fn func(event.Event), check Check) (*Events, error) {
	start := time.Now()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, err
	}
	e := &Events{conn: conn, check: check, changed: make(chan struct{})}
	if err := e.consumeFrom(ctx, start, fn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("subscribe at %s: %w", url, err)
	}
	return e, nil
}

func (e *Events) consumeFrom(ctx context.Context, start time.Time, fn func(event.Event)) error {
	js, err := jetstream.New(e.conn)
	if err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var consumer jetstream.Consumer
		consumer, err = js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{event.All}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start,
		})
		if err == nil {
			e.consume, err = consumer.Consume(func(m jetstream.Msg) { e.take(m, fn) })
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

func (e *Events) take(m jetstream.Msg, fn func(event.Event)) {
	ev, err := event.Decode(m.Data())
	at, metaErr := m.Metadata()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case metaErr != nil:
		e.faults = append(e.faults, metaErr.Error())
		return
	case at.Sequence.Stream <= e.last: // the consumer began anew
		return
	}
	e.last = at.Sequence.Stream
	if err == nil {
		err = errors.Join(agrees(m, ev), e.check(m.Headers(), m.Data()))
	}
	if err != nil {
		e.faults = append(e.faults, fmt.Sprintf("message %d on %s: %v", at.Sequence.Stream, m.Subject(), err))
		return
	}
	if i := slices.IndexFunc(e.events, func(other event.Event) bool { return other.ID == ev.ID }); i >= 0 {
		e.faults = append(e.faults, fmt.Sprintf("event %s (%s of %s) was published twice", ev.ID, ev.Type, ev.Subject))
	}
	e.events = append(e.events, ev)
	close(e.changed)
	e.changed = make(chan struct{})
	if fn != nil {
		fn(ev)
	}
}

// agrees checks what the envelope says twice.
func agrees(m jetstream.Msg, ev event.Event) error {
	switch {
	case m.Subject() != event.Subject(ev.Fact(), ev.Data.File.Tenant):
		return errors.New("the subject is not the event's")
	case m.Headers().Get(nats.MsgIdHdr) != ev.ID:
		return errors.New("the message id is not the event's")
	case ev.Subject != string(ev.Data.File.ID):
		return errors.New("the event's subject is not its file")
	}
	return nil
}

// Of returns the events of one file so far. id is in any form.
func (e *Events) Of(id string) []event.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.of(id)
}

func (e *Events) of(id string) []event.Event {
	id = strings.TrimPrefix(id, "file_")
	var out []event.Event
	for _, ev := range e.events {
		if ev.Subject == id {
			out = append(out, ev)
		}
	}
	return out
}

// Select returns the events so far that match.
func (e *Events) Select(match func(event.Event) bool) []event.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []event.Event
	for _, ev := range e.events {
		if match(ev) {
			out = append(out, ev)
		}
	}
	return out
}

// Faults lists what was wrong with messages: not an event, or one that was published twice.
func (e *Events) Faults() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.faults)
}

// Wait returns a file's events as soon as every one of the facts is among them.
func (e *Events) Wait(ctx context.Context, id string, facts ...event.Fact) ([]event.Event, error) {
	for {
		e.mu.Lock()
		got, changed := e.of(id), e.changed
		e.mu.Unlock()
		missing := slices.DeleteFunc(slices.Clone(facts), func(f event.Fact) bool {
			return slices.ContainsFunc(got, func(ev event.Event) bool { return ev.Fact() == f })
		})
		if len(missing) == 0 {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, fmt.Errorf("no %v of %s: %w", missing, id, ctx.Err())
		}
	}
}

// Close ends the subscription.
func (e *Events) Close() {
	e.consume.Stop()
	e.conn.Close()
}
