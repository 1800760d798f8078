package nats

import (
	"context"
	"errors"
	"math"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
)

var _ bus.Inspector = (*Bus)(nil)

// Inspect implements bus.Inspector.
func (b *Bus) Inspect(ctx context.Context, consumers ...string) ([]bus.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list := make([]bus.Backlog, len(consumers))
	for i, name := range consumers {
		list[i].Name = name
		c, err := b.js.Consumer(ctx, eventStream, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			list[i].Missing = true
			continue
		}
		if err != nil {
			return nil, failure("bus.inspect", err)
		}
		info := c.CachedInfo()
		list[i].Waiting = int(min(info.NumPending, math.MaxInt32)) //nolint:gosec // bounded
		list[i].Held = info.NumAckPending
	}
	return list, nil
}
