package core

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/meta"
)

// farAhead is later than anything is put off to.
const farAhead = 7 * 24 * time.Hour

// MaxPending is what DeliveryBacklog.Pending ends at: who looks often does not read more records.
const MaxPending = meta.MaxLimit

// DeliveryBacklog is what waits to be delivered to webhooks, across all tenants.
type DeliveryBacklog struct {
	Pending int           // deliveries; MaxPending stands for that many or more
	Due     time.Duration // how long the oldest of those that are due has been; 0 when none is. One that is being made is not due
}

// Deliveries looks at what waits for the notifier, whether there is one or not.
func (s *System) Deliveries(ctx context.Context) (DeliveryBacklog, error) {
	now := s.core.now()
	pending, err := s.core.meta.DueDeliveries(ctx, now.Add(farAhead), nil, MaxPending)
	if err != nil || len(pending) == 0 {
		return DeliveryBacklog{}, err
	}
	return DeliveryBacklog{Pending: len(pending), Due: age(pending[0].NextAt, now)}, nil
}
