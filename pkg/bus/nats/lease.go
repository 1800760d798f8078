package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// errLost is the cause with which a handler's context ends when the server may have given its message to somebody else.
var errLost = errors.New("the message was lost: its delivery could not be prolonged in time")

// leases prolongs the deliveries in hand, at work or waiting, a third of the way to their end, and ends the context of a
// handler whose delivery could not be prolonged.
type leases struct {
	conn *nats.Conn
	term time.Duration // AckWait

	mu   sync.Mutex
	held map[*delivery]*lease
}

type lease struct {
	renewed time.Time
	lost    bool
	lose    context.CancelCauseFunc // nil until a handler runs
}

func newLeases(conn *nats.Conn, term time.Duration) *leases {
	return &leases{conn: conn, term: term, held: make(map[*delivery]*lease)}
}

func (l *leases) add(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[d] = &lease{renewed: time.Now()}
}

// begin notes how to stop the handler of d. It is false when d is lost already.
func (l *leases) begin(d *delivery, lose context.CancelCauseFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[d]
	h.lose = lose
	return !h.lost
}

func (l *leases) drop(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, d)
}

// keep works until ctx ends.
func (l *leases) keep(ctx context.Context) {
	every := max(l.term/3, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.renew(ctx, every)
		}
	}
}

// renew prolongs all that is held, within the given time for all together, so that one silent server does not delay the
// verdict on the rest.
func (l *leases) renew(ctx context.Context, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for d, h := range l.snapshot() {
		// The server answers: without that a vanished consumer, or connection, would look like a success.
		_, err := l.conn.RequestWithContext(ctx, d.msg.Reply, []byte("+WPI"))
		l.note(h, err)
	}
}

func (l *leases) snapshot() map[*delivery]*lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(map[*delivery]*lease, len(l.held))
	for d, h := range l.held {
		c[d] = h
	}
	return c
}

func (l *leases) note(h *lease, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case err == nil:
		h.renewed = now
	case now.Sub(h.renewed) >= l.term:
		h.lost = true
		if h.lose != nil {
			h.lose(errLost)
		}
	}
}
