package nats

import (
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
)

// Watch listens to the subjects themselves, not to a stream: what passes while the connection is out is missed. It goes on
// after a reconnect, and may begin before the first connection. A call of fn may still be running when stop returns.
func (b *Bus) Watch(subjects []string, fn func(bus.Message)) (stop func(), err error) {
	w := &watch{fn: fn}
	for _, s := range subjects {
		sub, err := b.conn.Subscribe(s, w.receive)
		if err != nil {
			w.stop()
			return nil, failure("bus.watch", err)
		}
		w.subs = append(w.subs, sub)
	}
	return w.stop, nil
}

// watch serialises what several subscriptions receive.
type watch struct {
	fn   func(bus.Message)
	subs []*nats.Subscription
	mu   sync.Mutex
}

func (w *watch) receive(msg *nats.Msg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fn(decode(msg))
}

// stop ends the subscriptions. That a closed connection has none is no error.
func (w *watch) stop() {
	for _, s := range w.subs {
		_ = s.Unsubscribe()
	}
}
