package notifier

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/meta"
)

const (
	lookEvery    = time.Second // between looks at the records for what is due, where nothing calls for one before
	lookLimit    = 64          // deliveries in one look
	beginsAtOnce = 8
)

// attempts are those that run, under a context that ends a while after the service's.
type attempts struct {
	sync.WaitGroup
	ctx context.Context //nolint:containedctx // of the attempts, which outlive the look that began them
}

// dispatch begins the attempts that are due, as far as the limits leave room, until ctx ends; then it waits for those that run, and breaks them off
// when that takes too long.
func (s *Service) dispatch(ctx context.Context) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	running := &attempts{ctx: working}
	defer running.Wait()
	context.AfterFunc(ctx, func() { time.AfterFunc(bus.Drain, cancel) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		err := s.look(ctx, running)
		if err != nil && ctx.Err() == nil && !failing {
			s.log.Warn("looking for deliveries failed, and is tried again", "err", err)
		} else if err == nil && failing {
			s.log.Info("looking for deliveries works again")
		}
		failing = err != nil
		wake := s.wake
		if failing {
			wake = nil // not at once
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// look begins what is due. Webhooks without room are passed over, so that what waits for them hides nobody else's.
func (s *Service) look(ctx context.Context, running *attempts) error {
	known := map[string]*meta.Webhook{}
	var full []string // webhooks without room
	for {
		limit := min(s.limits.free(), lookLimit)
		if limit == 0 {
			return nil
		}
		due, err := s.hooks.Due(ctx, full, limit)
		if err != nil {
			return err
		}
		var begins errgroup.Group
		begins.SetLimit(beginsAtOnce)
		for _, d := range due {
			w, err := s.target(ctx, d, known)
			if err != nil {
				_ = begins.Wait() // err came before
				return err
			}
			if w == nil || slices.Contains(full, w.ID) {
				continue
			}
			a := laneOf(w)
			if !s.limits.take(a) {
				full = append(full, w.ID)
				continue
			}
			begins.Go(func() error { return s.begin(ctx, w, d, a, running) })
		}
		if err := begins.Wait(); err != nil || len(due) < limit {
			return err
		}
	}
}

// target returns the webhook of a delivery, which is read once in a look; nil when there is none any more.
func (s *Service) target(ctx context.Context, d *meta.Delivery, known map[string]*meta.Webhook) (*meta.Webhook, error) {
	if w := known[d.Webhook]; w != nil {
		return w, nil
	}
	w, err := s.hooks.Target(ctx, d)
	if err == nil && w != nil {
		known[d.Webhook] = w
	}
	return w, err
}

func laneOf(w *meta.Webhook) lane {
	a := lane{webhook: w.ID, tenant: string(w.Tenant)}
	if u, err := url.Parse(w.URL); err == nil {
		a.host = u.Host
	}
	return a
}

// begin takes the lease on a delivery and makes the attempt beside the looks. Its place is free again when there is none, and after it.
func (s *Service) begin(ctx context.Context, w *meta.Webhook, d *meta.Delivery, a lane, running *attempts) error {
	attempt, err := s.hooks.Begin(ctx, w, d, 2*s.cfg.Timeout)
	if err != nil || attempt == nil {
		s.limits.give(a)
		return err
	}
	running.Go(func() {
		defer s.call()
		defer s.limits.give(a)
		s.run(running.ctx, attempt, d)
	})
	return nil
}

func (s *Service) run(ctx context.Context, a *core.Attempt, d *meta.Delivery) {
	if err := a.Run(ctx, s.cfg.Timeout, s.sender.Send); err != nil {
		s.log.Warn("the outcome of an attempt is not recorded: it is made again", "delivery", d.ID, "webhook", d.Webhook, "err", err)
	}
}

// call has the records looked at soon.
func (s *Service) call() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
