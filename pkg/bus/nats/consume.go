package nats

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	// heldPerHandler is how many messages a worker has in hand for each of its handlers, the one at work included.
	heldPerHandler = 4
	// maxAckPending bounds what all workers of one name have in hand or put off. It is far above what they hold, because a
	// message that waits for its next attempt counts: with a tight bound a few bad files would stop the work on all others.
	maxAckPending = 10_000
	// spareDeliveries is how many deliveries the server grants above the attempts, as a net: a worker ends a message itself.
	spareDeliveries = 2
	// steady is how long a session must have lasted for the next failure to count as the first.
	steady = 5 * time.Second
)

// Consume implements bus.Consumer with a durable pull consumer of w.Name. A handler must be idempotent: it may see a message
// again when an acknowledgement was lost, and all that the stream still holds when the consumer had to be made anew.
// A delivery that was given back unstarted counts as an attempt. Errors are Invalid for a Work that cannot be done, and
// Unavailable when the bus was closed.
func (b *Bus) Consume(ctx context.Context, w bus.Work) error {
	if err := check(w); err != nil {
		return err
	}
	return newWorker(b, w).run(ctx)
}

func check(w bus.Work) error {
	if !validToken(w.Name) || len(w.Subjects) == 0 || w.Handle == nil {
		return file.Errorf(file.Invalid, "bus.consume", "work %q needs a name that is one subject token, subjects and a handler", w.Name)
	}
	return nil
}

// worker is one Consume.
type worker struct {
	bus    *Bus
	work   bus.Work
	log    *slog.Logger
	queue  chan *delivery // taken and not started
	leases *leases
	limit  int           // of held
	held   atomic.Int64  // deliveries in hand, queued or at work
	freed  chan struct{} // told when held shrinks
}

func newWorker(b *Bus, w bus.Work) *worker {
	w.Concurrency = max(w.Concurrency, 1)
	w.AckWait = cmp.Or(w.AckWait, bus.DefaultAckWait)
	if w.Backoff == nil {
		w.Backoff = bus.DefaultBackoff
	}
	limit := heldPerHandler * w.Concurrency
	return &worker{
		bus:    b,
		work:   w,
		log:    b.log.With("work", w.Name),
		queue:  make(chan *delivery, 2*limit),
		leases: newLeases(b.conn, w.AckWait),
		limit:  limit,
		freed:  make(chan struct{}, 1),
	}
}

func (k *worker) run(ctx context.Context) error {
	base, cancel := k.bus.graceful(ctx)
	defer cancel()

	var leases, handlers sync.WaitGroup
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	leases.Go(func() { k.leases.keep(keeping) })
	for range k.work.Concurrency {
		handlers.Go(func() {
			for d := range k.queue {
				k.process(ctx, base, d)
			}
		})
	}

	k.pull(ctx)
	close(k.queue)
	handlers.Wait()
	stopKeeping()
	leases.Wait()
	k.bus.flush()
	if ctx.Err() == nil {
		return failure("bus.consume", nats.ErrConnectionClosed)
	}
	return nil
}

// pull runs one session after another until ctx ends or the bus is closed.
func (k *worker) pull(ctx context.Context) {
	for failed := 0; ctx.Err() == nil && k.bus.ctx.Err() == nil; failed++ {
		connected := k.bus.connected.next()
		began := time.Now()
		err := k.session(ctx, connected)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			failed = 0
		}
		if failed == 0 {
			k.log.Warn("interrupted", "error", err)
		}
		k.bus.pause(ctx, failed, connected)
	}
}

// ensureConsumer makes or updates the durable consumer, and the stream when that is gone.
func (k *worker) ensureConsumer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cfg := jetstream.ConsumerConfig{
		Durable:        k.work.Name,
		FilterSubjects: k.work.Subjects,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        k.work.AckWait,
		MaxDeliver:     k.attempts() + spareDeliveries,
		MaxAckPending:  maxAckPending,
		// No BackOff: the server would take its first value for AckWait. A delay goes with each nak instead.
	}
	_, err := k.bus.js.CreateOrUpdateConsumer(ctx, eventStream, cfg)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = k.bus.ensureStreams(ctx); err == nil {
			_, err = k.bus.js.CreateOrUpdateConsumer(ctx, eventStream, cfg)
		}
	}
	return err
}

func (k *worker) attempts() int { return len(k.work.Backoff) + 1 }
