package core

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

const (
	relayLanes   = 4                      // publishers; a file's events always take the same one, and so keep their order
	relayQueue   = 1024                   // records waiting for a lane; what does not fit is left to the sweeper
	paidFlush    = 100 * time.Millisecond // how long published events are gathered before they are taken out of their records
	publishLimit = 5 * time.Second
)

// relay publishes what records owe right after they were written. It makes no promise: the record keeps the event until it was published, and the
// sweeper publishes what a relay could not.
type relay struct {
	core  *Core
	bus   bus.Publisher
	seed  maphash.Seed
	lanes [relayLanes]chan *file.File
	work  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	paid   map[file.ID]*payment

	stop, stopped chan struct{}
}

// payment is the events of one record that were published and still stand in its outbox.
type payment struct {
	tenant file.Tenant
	ids    []string
}

func newRelay(c *Core, b bus.Publisher) *relay {
	r := &relay{core: c, bus: b, seed: maphash.MakeSeed(), paid: map[file.ID]*payment{}, stop: make(chan struct{}), stopped: make(chan struct{})}
	for i := range r.lanes {
		r.lanes[i] = make(chan *file.File, relayQueue)
		r.work.Go(func() { r.publishAll(r.lanes[i]) })
	}
	go r.flushAll()
	return r
}

// offer hands a record over whose outbox has a new entry. It does not block.
func (r *relay) offer(f *file.File) {
	f = f.Clone()
	lane := r.lanes[maphash.String(r.seed, string(f.ID))%relayLanes]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	select {
	case lane <- f:
	default:
	}
}

func (r *relay) publishAll(lane <-chan *file.File) {
	for f := range lane {
		ctx, cancel := context.WithTimeout(context.Background(), publishLimit)
		if err := r.publish(ctx, f); err != nil {
			r.core.log.Debug("events wait for the sweeper", "file", f.ID, "err", err)
		}
		cancel()
	}
}

// publish sends the events that f owes, the oldest first, and notes those that the bus has taken.
func (r *relay) publish(ctx context.Context, f *file.File) error {
	for _, entry := range f.Outbox {
		if r.isPaid(f.ID, entry.ID) {
			continue
		}
		if err := r.core.publish(ctx, entry, f); err != nil {
			return err
		}
		r.pay(f, entry.ID)
	}
	return nil
}

// publish sends the event of one outbox entry, within the trace of the change that it tells of.
func (c *Core) publish(ctx context.Context, entry file.OutboxEntry, f *file.File) (err error) {
	data, err := event.New(entry, f).Encode()
	if err != nil {
		return file.Wrap(file.Internal, "outbox.encode", err)
	}
	ctx, span := c.within(traceparent.With(ctx, entry.Trace), "publish "+entry.Fact, trace.SpanKindProducer)
	about(span, f.Tenant, f.ID)
	began := time.Now()
	defer func() {
		c.observer.Called("bus", "publish", time.Since(began), err)
		if err == nil {
			c.observer.Published(event.Fact(entry.Fact))
		}
		endSpan(span, err)
	}()
	return c.relay.bus.Publish(ctx, bus.Message{
		ID:      entry.ID,
		Subject: event.Subject(event.Fact(entry.Fact), f.Tenant),
		Header:  map[string]string{"Content-Type": "application/cloudevents+json"},
		Data:    data,
	})
}

func (r *relay) isPaid(id file.ID, entry string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.paid[id]
	return p != nil && slices.Contains(p.ids, entry)
}

func (r *relay) pay(f *file.File, entry string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.paid[f.ID]
	if p == nil {
		p = &payment{tenant: f.Tenant}
		r.paid[f.ID] = p
	}
	p.ids = append(p.ids, entry)
}

func (r *relay) flushAll() {
	defer close(r.stopped)
	tick := time.NewTicker(paidFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			r.flush(ctx)
			cancel()
		case <-r.stop:
			return
		}
	}
}

// flush takes published events out of their records. A worker that was called by one has mostly done so already.
func (r *relay) flush(ctx context.Context) {
	r.mu.Lock()
	paid := r.paid
	r.paid = map[file.ID]*payment{}
	r.mu.Unlock()
	for id, p := range paid {
		if err := r.core.settle(ctx, p.tenant, id, p.ids); err != nil {
			r.core.log.Debug("published events stand in the outbox until the sweeper sends them again", "file", id, "err", err)
		}
	}
}

func (c *Core) settle(ctx context.Context, t file.Tenant, id file.ID, ids []string) error {
	_, err := c.modify(ctx, t, file.ByID(id), func(f *file.File) error {
		if !f.Paid(ids...) {
			return errUnchanged
		}
		return nil
	})
	if file.Is(err, file.NotFound) {
		return nil
	}
	return err
}

// close publishes what is queued, as far as ctx allows.
func (r *relay) close(ctx context.Context) {
	r.mu.Lock()
	r.closed = true
	for _, lane := range r.lanes {
		close(lane)
	}
	r.mu.Unlock()
	drained := make(chan struct{})
	go func() { r.work.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-ctx.Done():
	}
	close(r.stop)
	<-r.stopped
	r.flush(ctx)
}

// RelayDue publishes what records have owed for longer than age, and returns how many events that were. It stops at the first that the bus refuses.
// The bus drops an event that it was sent twice within its window; after that subscribers see it again under the same id.
func (c *Core) RelayDue(ctx context.Context, age time.Duration, limit int) (int, error) {
	due, err := c.meta.Due(ctx, meta.DueOutbox, c.now().Add(-age), limit)
	if err != nil {
		return 0, err
	}
	var sent atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(careAtOnce)
	for _, f := range due {
		if ctx.Err() != nil { // with one failure the bus is out, and the rest waits
			break
		}
		g.Go(func() error {
			n, err := c.relayAll(ctx, f)
			sent.Add(int64(n))
			return err
		})
	}
	err = g.Wait()
	return int(sent.Load()), err
}

// relayAll publishes what one record owes, in its order, and takes it out of the record.
func (c *Core) relayAll(ctx context.Context, f *file.File) (sent int, err error) {
	var ids []string
	for _, entry := range f.Outbox {
		if err := c.publish(ctx, entry, f); err != nil {
			return sent, err
		}
		ids = append(ids, entry.ID)
		sent++
	}
	return sent, c.settle(ctx, f.Tenant, f.ID, ids)
}
