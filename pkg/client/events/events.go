// Package events subscribes to Inlet's events on NATS, in three lines:
//
//	err := events.Subscribe(ctx, "nats://127.0.0.1:4222", events.Filter{}, func(ctx context.Context, e event.Event) error {
//		return handle(e)
//	})
//
// It reads the stream that Inlet keeps for 72 hours, so that nothing is missed between two connections. Events over HTTP are client.Events.
package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// stream is where Inlet keeps its events (docs/events.md).
const stream = "INLET"

// Timing.
const (
	reconnectWait = time.Second
	startTimeout  = 10 * time.Second // to connect and make the consumer
	endTimeout    = 2 * time.Second  // to say that it goes
	ackWait       = 30 * time.Second
	firstRetry    = time.Second // after the first failure of a handler, doubled each time
	maxRetry      = 5 * time.Minute
)

// Filter says which events are told, from when on, and how they are kept for the subscriber. The zero value tells every event from now on.
type Filter struct {
	Facts  []event.Fact // every fact when empty
	Tenant file.Tenant  // every tenant when empty
	Since  time.Time    // tells first what has happened from then on; for a Durable only the first time
	// Durable is a name under which the server remembers how far this subscriber came, over restarts: letters, digits, "-" and "_". Subscribers of one name share the
	// events. An event that its handler fails on comes again, after a second and then ever later, up to five minutes. Without a name the events come
	// in order, and a failure ends Subscribe.
	Durable string

	Options []nats.Option // of the connection: credentials, TLS
	Log     *slog.Logger  // takes failures of handlers and of the connection; nil discards them
}

// subjects are the patterns of the facts and the tenant.
func (f Filter) subjects() []string {
	if len(f.Facts) == 0 && f.Tenant == "" {
		return []string{event.All}
	}
	facts := f.Facts
	if len(facts) == 0 {
		facts = event.Facts
	}
	subjects := make([]string, len(facts))
	for i, fact := range facts {
		if subjects[i] = event.SubjectOf(fact); f.Tenant != "" {
			subjects[i] = event.Subject(fact, f.Tenant)
		}
	}
	return subjects
}

// Handler takes one event. It may see one twice, with the same ID.
type Handler func(context.Context, event.Event) error

// Subscribe calls handle with one event after another until ctx ends, whose error it then returns. It fails when it cannot begin; once it runs, a lost
// connection is made again. What is no event of this version is passed over.
func Subscribe(ctx context.Context, url string, f Filter, handle Handler) error {
	log := f.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	conn, err := nats.Connect(url, append([]nats.Option{
		nats.Name("inlet-events"), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.WarnContext(ctx, "lost the events", "err", err) }),
	}, f.Options...)...)
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	defer conn.Close()
	messages, err := open(ctx, conn, f)
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	// The server is to know that nobody asks any more, and what was acknowledged, before the next subscriber of this name comes: what it sends to one that
	// has gone comes again only after ackWait.
	defer func() { _ = conn.FlushTimeout(endTimeout) }()
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Drain)()
	s := subscriber{handle: handle, durable: f.Durable != "", log: log}
	for {
		m, err := messages.Next()
		if ctx.Err() != nil {
			if err != nil {
				return ctx.Err()
			}
			if err := s.settle(m.Nak); err != nil { // it was sent ahead, and goes to the next
				return err
			}
			continue
		}
		if errors.Is(err, jetstream.ErrNoHeartbeat) { // it asks again by itself
			continue
		}
		if err != nil {
			return fmt.Errorf("events: %w", err)
		}
		if err := s.take(ctx, m); err != nil {
			return err
		}
	}
}

// open begins to read the stream.
func open(ctx context.Context, conn *nats.Conn, f Filter) (jetstream.MessagesContext, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	consumer, err := consume(ctx, js, f)
	if err != nil {
		return nil, err
	}
	return consumer.Messages()
}

func consume(ctx context.Context, js jetstream.JetStream, f Filter) (jetstream.Consumer, error) {
	if f.Durable == "" {
		policy, first, err := begin(ctx, js, f.Since)
		if err != nil {
			return nil, err
		}
		return js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: f.subjects(), DeliverPolicy: policy, OptStartSeq: first})
	}
	var config jetstream.ConsumerConfig
	known, err := js.Consumer(ctx, stream, f.Durable)
	switch {
	case err == nil:
		config = known.CachedInfo().Config // where it began cannot be changed, and does not matter any more
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		config = jetstream.ConsumerConfig{Durable: f.Durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait}
		if config.DeliverPolicy, config.OptStartSeq, err = begin(ctx, js, f.Since); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	config.FilterSubject, config.FilterSubjects = "", f.subjects()
	return js.CreateOrUpdateConsumer(ctx, stream, config)
}

// begin says where a consumer begins: with what comes next, or with the first event at a time or later. The time is put to a consumer of all subjects,
// which is then removed: nats-server 2.12 has one of several subjects begin too late when a subject had events before the time and another had none.
func begin(ctx context.Context, js jetstream.JetStream, since time.Time) (policy jetstream.DeliverPolicy, first uint64, err error) {
	if since.IsZero() {
		return jetstream.DeliverNewPolicy, 0, nil
	}
	scout, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since, AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: startTimeout,
	})
	if err != nil {
		return 0, 0, err
	}
	at := scout.CachedInfo()
	_ = js.DeleteConsumer(ctx, stream, at.Name) // else the server does so, once nobody has asked it for startTimeout
	return jetstream.DeliverByStartSequencePolicy, at.Delivered.Stream + 1, nil
}

// subscriber passes messages to a handler.
type subscriber struct {
	handle  Handler
	durable bool
	log     *slog.Logger
}

// take handles one message. Its error ends the subscription.
func (s subscriber) take(ctx context.Context, m jetstream.Msg) error {
	e, err := event.Decode(m.Data())
	if err != nil {
		s.log.WarnContext(ctx, "not an event", "subject", m.Subject(), "err", err)
		return s.settle(m.Term)
	}
	if err := s.handle(ctx, e); err != nil {
		if !s.durable {
			return err
		}
		s.log.WarnContext(ctx, "an event was not handled", "event", e.ID, "err", err)
		return s.settle(func() error { return m.NakWithDelay(delay(m)) })
	}
	return s.settle(m.Ack)
}

// settle acknowledges, where that is asked for. When the connection is out the message comes again.
func (s subscriber) settle(how func() error) error {
	if !s.durable {
		return nil
	}
	if err := how(); err != nil {
		s.log.Warn("an event was not acknowledged", "err", err)
	}
	return nil
}

// delay is the wait before a message comes again.
func delay(m jetstream.Msg) time.Duration {
	delivered := uint64(1)
	if md, err := m.Metadata(); err == nil {
		delivered = md.NumDelivered
	}
	return min(firstRetry<<min(delivered-1, 16), maxRetry)
}
