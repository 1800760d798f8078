package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/event"
)

const (
	eventStream = "INLET"
	deliveries  = 5            // of each event, the first included
	copyHeader  = "Chaos-Copy" // marks what the copier has sent
	shuffled    = 64           // copies that wait for others to be sent before them
	watchPause  = 50 * time.Millisecond
)

// connect connects to a server for as long as the test goes on.
func connect(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(watchPause), nats.Name("chaos"))
}

// copier sends each event that calls a worker four more times, later and in another order, as if the stream had delivered it so often: without the id
// by which a stream knows what it has.
type copier struct {
	conn *nats.Conn
	rng  *rand.Rand

	mu      sync.Mutex
	waiting []*nats.Msg
	sent    int
	failed  error
}

func newCopier(url string, rng *rand.Rand) (*copier, error) {
	conn, err := connect(url)
	if err != nil {
		return nil, err
	}
	c := &copier{conn: conn, rng: rand.New(rand.NewPCG(rng.Uint64(), 0))} //nolint:gosec // what happens is to happen again
	for _, fact := range []event.Fact{event.Stored, event.Verified} {
		if _, err := conn.Subscribe(event.SubjectOf(fact), c.take); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return c, errors.Join(conn.Flush())
}

// take copies an event, and sends some of the copies that wait.
func (c *copier) take(m *nats.Msg) {
	if m.Header.Get(copyHeader) != "" {
		return
	}
	again := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{copyHeader: {"1"}}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range deliveries - 1 {
		c.waiting = append(c.waiting, again)
	}
	c.send(shuffled)
}

// send sends copies, picked at random, until only so many wait. The lock is held.
func (c *copier) send(rest int) {
	for len(c.waiting) > rest {
		i := c.rng.IntN(len(c.waiting))
		last := len(c.waiting) - 1
		m := c.waiting[i]
		c.waiting[i] = c.waiting[last]
		c.waiting = c.waiting[:last]
		c.failed = errors.Join(c.failed, c.conn.PublishMsg(m))
		c.sent++
	}
}

// finish sends what waits, and returns how many copies were sent as soon as the workers have seen them all.
func (c *copier) finish(ctx context.Context) (int, error) {
	c.mu.Lock()
	c.send(0)
	sent, err := c.sent, c.failed
	c.mu.Unlock()
	if err = errors.Join(err, c.conn.Flush()); err != nil {
		return sent, err
	}
	js, err := jetstream.New(c.conn)
	if err != nil {
		return sent, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for _, worker := range []string{"verifier", "thumbnailer"} {
		if err := untilKnown(ctx, func() (outcome, error) { return idleConsumer(ctx, js, worker) }); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// idleConsumer is ok when a durable consumer has nothing before it.
func idleConsumer(ctx context.Context, js jetstream.JetStream, name string) (outcome, error) {
	consumer, err := js.Consumer(ctx, eventStream, name)
	if err != nil {
		return unknown, err
	}
	info := consumer.CachedInfo()
	if info.NumPending > 0 || info.NumAckPending > 0 {
		return unknown, fmt.Errorf("%s has %d messages before it and %d in hand", name, info.NumPending, info.NumAckPending)
	}
	return ok, nil
}

func (c *copier) close() { c.conn.Close() }

// witness is a subscriber that reads the whole stream, and goes on.
type witness struct {
	conn    *nats.Conn
	consume jetstream.ConsumeContext

	mu    sync.Mutex
	count int
	ids   map[string]map[event.Fact][]string // by file and fact, the ids of the events: one each, however often it came
	odd   []string
}

func newWitness(ctx context.Context, url string) (*witness, error) {
	conn, err := connect(url)
	if err != nil {
		return nil, err
	}
	w := &witness{conn: conn, ids: map[string]map[event.Fact][]string{}}
	if err := w.begin(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return w, nil
}

func (w *witness) begin(ctx context.Context) error {
	js, err := jetstream.New(w.conn)
	if err != nil {
		return err
	}
	all, err := js.OrderedConsumer(ctx, eventStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	w.consume, err = all.Consume(func(m jetstream.Msg) { w.take(m.Data()) })
	return err
}

func (w *witness) take(data []byte) {
	ev, err := event.Decode(data)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if err != nil {
		w.odd = append(w.odd, err.Error())
		return
	}
	facts := w.ids[ev.Subject]
	if facts == nil {
		facts = map[event.Fact][]string{}
		w.ids[ev.Subject] = facts
	}
	if !slices.Contains(facts[ev.Fact()], ev.ID) {
		facts[ev.Fact()] = append(facts[ev.Fact()], ev.ID)
	}
}

func (w *witness) messages() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// waitFor waits until the ends of all these files were told, and returns those that were not within the limit.
func (w *witness) waitFor(ctx context.Context, due []*entry, limit time.Duration) ([]*entry, error) {
	due = slices.DeleteFunc(slices.Clone(due), func(e *entry) bool { return e.upload != ok })
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	for {
		w.mu.Lock()
		due = slices.DeleteFunc(due, w.hasEnd)
		w.mu.Unlock()
		if len(due) == 0 || time.Now().After(deadline) {
			return due, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hasEnd reports whether the end of a file was told: its verdict, or that it was deleted. The lock is held.
func (w *witness) hasEnd(e *entry) bool {
	facts := w.ids[strings.TrimPrefix(e.id, "file_")]
	if e.remove != "" && facts[event.Deleted] != nil {
		return true
	}
	if e.kind == broken {
		return facts[event.Rejected] != nil
	}
	return facts[event.Verified] != nil
}

// once are the facts that a file has at most one of here.
var once = []event.Fact{event.Stored, event.Verified, event.Rejected, event.Failed, event.VariantCreated, event.Expired, event.Deleted}

// repetitions are facts that were told under several ids, as things that have happened twice are, and messages that are no events.
func (w *witness) repetitions() []violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []violation
	for id, facts := range w.ids {
		for _, fact := range once {
			if ids := facts[fact]; len(ids) > 1 {
				found = append(found, violation{repeated, fmt.Sprintf("%s of %s was told as %v", fact, id, ids)})
			}
		}
	}
	for _, what := range w.odd {
		found = append(found, violation{changed, "a message of the stream is no event: " + what})
	}
	slices.SortFunc(found, func(a, b violation) int { return cmp.Compare(a.what, b.what) })
	return found
}

func (w *witness) close() {
	w.consume.Stop()
	w.conn.Close()
}
