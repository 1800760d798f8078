// Package notifier tells webhooks of events: it makes a delivery, durably, for each webhook that wants an event, and sends what is due until the
// receiver has it or a day has passed.
//
// What is to be sent, when and how often is core's; how it is sent internal/send's. Nothing is kept here: any number of notifiers work on the
// same records, and each may die at any time. The order in which a receiver sees events is not promised.
package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/notifier/internal/send"
)

// Name is the service's, and that of its durable consumer.
const Name = "notifier"

// Config holds the service's settings.
type Config struct {
	Keys        string        `env:"INLET_SIGNING_KEYS" secret:"true" desc:"as in ingest: the secrets of webhooks are encrypted with them; inlet serve makes one in INLET_DATA"`
	Allow       []string      `env:"INLET_WEBHOOK_ALLOW" desc:"addresses and ranges that are not public and that webhooks may be at, on any port, separated by commas: 10.1.2.3,10.8.0.0/16"`
	Timeout     time.Duration `env:"INLET_WEBHOOK_TIMEOUT" envDefault:"15s" desc:"what a receiver of a webhook gets to answer"`
	Concurrency int           `env:"INLET_WEBHOOK_CONCURRENCY" envDefault:"64" desc:"deliveries sent at once; one tenant gets half of them"`
	Each        int           `env:"INLET_WEBHOOK_CONCURRENCY_EACH" envDefault:"4" desc:"deliveries sent at once to one webhook; to one host twice as many"`
	Keep        time.Duration `env:"INLET_WEBHOOK_KEEP" envDefault:"168h" desc:"how long deliveries that have ended are kept, to look at and to send again; longer than events are on the bus (72h)"`
}

// minKeep is as long as the bus keeps events: while one may come again, its delivery tells that it was made.
const minKeep = 72 * time.Hour

// Validate implements config.Validator.
func (c *Config) Validate() error {
	if _, err := egress.ParseAllow(c.Allow); err != nil {
		return config.Bad("INLET_WEBHOOK_ALLOW", strings.Join(c.Allow, ","), "a list of addresses and of ranges such as 10.0.0.0/8: "+err.Error())
	}
	switch {
	case c.Timeout <= 0 || c.Timeout > time.Minute:
		return config.Bad("INLET_WEBHOOK_TIMEOUT", c.Timeout.String(), "longer than 0s and at most 1m")
	case c.Concurrency < 1:
		return config.Bad("INLET_WEBHOOK_CONCURRENCY", fmt.Sprint(c.Concurrency), "1 or more")
	case c.Each < 1:
		return config.Bad("INLET_WEBHOOK_CONCURRENCY_EACH", fmt.Sprint(c.Each), "1 or more")
	case c.Keep < minKeep:
		return config.Bad("INLET_WEBHOOK_KEEP", c.Keep.String(), minKeep.String()+" or longer")
	}
	return nil
}

const (
	eventsAtOnce = 8
	ackWait      = 10 * time.Second // after which events that a dead process has taken come to another
	careEvery    = 10 * time.Minute
	purgeLimit   = 500 // deliveries in one go
)

// retries are how long an event is tried to be turned into deliveries: as long as the bus keeps it.
func retries() []time.Duration {
	delays := append([]time.Duration{}, bus.DefaultBackoff...)
	for total := time.Duration(0); total < minKeep; total += 30 * time.Minute {
		delays = append(delays, 30*time.Minute)
	}
	return delays
}

// Service notifies.
type Service struct {
	cfg     Config
	hooks   *core.Webhooks
	bus     bus.Consumer
	sender  *send.Sender
	limits  *limits
	metrics *metrics
	wake    chan struct{} // told when something may be due
	log     *slog.Logger
}

// Needs are what the service stands on. All are required but Metrics; the caller closes them after the service.
type Needs struct {
	Core    *core.Core
	Bus     bus.Consumer
	Metrics prometheus.Registerer // may be nil
	Log     *slog.Logger
}

// New makes the service. Errors are those of the signing keys.
func New(cfg Config, n Needs) (*Service, error) {
	if cfg.Keys == "" {
		return nil, config.Bad("INLET_SIGNING_KEYS", "", "id:base64, as in k1:$(openssl rand -base64 32), and the same as ingest's")
	}
	keys, err := sign.ParseRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("INLET_SIGNING_KEYS: %w", err)
	}
	metrics := newMetrics(n.Metrics)
	return &Service{
		cfg: cfg, hooks: core.NewWebhooks(n.Core, keys, metrics), bus: n.Bus,
		sender: send.New(send.Config{Allow: cfg.allowed()}), limits: newLimits(cfg.Concurrency, cfg.Each), metrics: metrics,
		wake: make(chan struct{}, 1), log: n.Log,
	}, nil
}

func (c *Config) allowed() []netip.Prefix {
	allow, _ := egress.ParseAllow(c.Allow) // Validate has checked it; what is malformed allows nothing
	return allow
}

// Run works until ctx ends, and then lets the attempts that run come to their end.
func (s *Service) Run(ctx context.Context) error {
	defer s.sender.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.bus.Consume(ctx, bus.Work{
			Name: Name, Subjects: []string{event.All}, Concurrency: eventsAtOnce, AckWait: ackWait, Backoff: retries(), Handle: s.take,
		})
	})
	g.Go(func() error {
		s.dispatch(ctx)
		return nil
	})
	g.Go(func() error {
		s.care(ctx)
		return nil
	})
	return g.Wait()
}

// take turns an event into deliveries. It is acknowledged when they are durable.
func (s *Service) take(ctx context.Context, d bus.Delivery) error {
	e, err := event.Decode(d.Data)
	if err != nil {
		return bus.Permanent(err)
	}
	added, err := s.hooks.Notify(ctx, e, d.Data)
	if added {
		s.call()
	}
	return err
}

// care removes deliveries that nobody asks for any more and looks after the webhooks, at once and then in its rhythm, until ctx ends.
func (s *Service) care(ctx context.Context) {
	tick := time.NewTicker(careEvery)
	defer tick.Stop()
	for {
		for {
			n, err := s.hooks.PurgeDue(ctx, s.cfg.Keep, purgeLimit)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("removing old deliveries failed, and is tried again", "err", err)
			}
			if err != nil || n < purgeLimit {
				break
			}
		}
		s.tend(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// tend looks after the webhooks, and tells how many there are.
func (s *Service) tend(ctx context.Context) {
	count, err := s.hooks.Tend(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("looking after webhooks failed, and is tried again", "err", err)
		}
		return
	}
	s.metrics.count(count)
}
