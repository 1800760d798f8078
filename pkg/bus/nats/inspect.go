package nats

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
)

var _ bus.Inspector = (*Bus)(nil)

// Inspect implements bus.Inspector.
func (b *Bus) Inspect(ctx context.Context, consumers ...string) ([]bus.Backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if len(consumers) == 0 {
		return b.inspectAll(ctx)
	}
	list := make([]bus.Backlog, len(consumers))
	for i, name := range consumers {
		c, err := b.js.Consumer(ctx, eventStream, name)
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound):
			list[i] = bus.Backlog{Name: name, Missing: true}
		case err != nil:
			return nil, failure("bus.inspect", err)
		default:
			list[i] = backlog(c.CachedInfo())
		}
	}
	return list, nil
}

// inspectAll leaves out those who only read: their consumers have no name of their own.
func (b *Bus) inspectAll(ctx context.Context) ([]bus.Backlog, error) {
	stream, err := b.js.Stream(ctx, eventStream)
	if err != nil {
		return nil, failure("bus.inspect", err)
	}
	var list []bus.Backlog
	all := stream.ListConsumers(ctx)
	for info := range all.Info() {
		if info.Config.Durable != "" {
			list = append(list, backlog(info))
		}
	}
	if err := all.Err(); err != nil {
		return nil, failure("bus.inspect", err)
	}
	slices.SortFunc(list, func(a, b bus.Backlog) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func backlog(info *jetstream.ConsumerInfo) bus.Backlog {
	return bus.Backlog{
		Name:    info.Name,
		Waiting: int(min(info.NumPending, math.MaxInt32)), //nolint:gosec // bounded
		Held:    info.NumAckPending, Again: info.NumRedelivered, Asking: info.NumWaiting,
	}
}
