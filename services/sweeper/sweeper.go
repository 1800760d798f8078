// Package sweeper takes care of what time brings: files expire, events wait for a bus that was out, crashes leave things behind.
//
// It decides nothing that a reader depends on: an expired file is not served from the second on, whatever the sweeper does. All its work may be
// done twice and by several sweepers at once.
package sweeper

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
)

// Name is the service's.
const Name = "sweeper"

// Config holds the service's settings.
type Config struct {
	Expire     time.Duration `env:"INLET_SWEEP_EXPIRE" envDefault:"1s" desc:"how often expired files are looked for"`
	Outbox     time.Duration `env:"INLET_SWEEP_OUTBOX" envDefault:"1s" desc:"how often events that were not published are looked for"`
	Reconcile  time.Duration `env:"INLET_SWEEP_RECONCILE" envDefault:"60s" desc:"how often a piece of the stores is compared with the records"`
	Grace      time.Duration `env:"INLET_SWEEP_GRACE" envDefault:"1h" desc:"age below which bytes without a record are left alone, and promises without bytes kept"`
	Unfinished time.Duration `env:"INLET_SWEEP_UNFINISHED" envDefault:"24h" desc:"age above which the temporary files and multipart uploads of uploads that were cut off are removed; longer than any upload takes"`
	Tombstone  time.Duration `env:"INLET_SWEEP_TOMBSTONE" envDefault:"720h" desc:"how long the ids of deleted files are remembered"`
	Scrub      time.Duration `env:"INLET_SCRUB_EVERY" envDefault:"168h" desc:"how often every byte is read and compared with its SHA-256; 0 is never"`
	ScrubRate  int64         `env:"INLET_SCRUB_RATE" envDefault:"20000000" desc:"bytes a second that are read for that, at most"`
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	for variable, d := range map[string]time.Duration{
		"INLET_SWEEP_EXPIRE": c.Expire, "INLET_SWEEP_OUTBOX": c.Outbox, "INLET_SWEEP_RECONCILE": c.Reconcile,
		"INLET_SWEEP_GRACE": c.Grace, "INLET_SWEEP_UNFINISHED": c.Unfinished, "INLET_SWEEP_TOMBSTONE": c.Tombstone,
	} {
		if d <= 0 {
			return config.Bad(variable, d.String(), "longer than 0s")
		}
	}
	switch {
	case c.Scrub < 0:
		return config.Bad("INLET_SCRUB_EVERY", c.Scrub.String(), "0s or longer")
	case c.ScrubRate <= 0:
		return config.Bad("INLET_SCRUB_RATE", strconv.FormatInt(c.ScrubRate, 10), "more than 0")
	}
	return nil
}

const (
	batch         = 100             // records in one go
	reconcilePass = 1000            // blobs and records looked at in one go
	outboxAge     = 5 * time.Second // what the writer of a record gets to publish its events itself
	eraseAge      = 2 * time.Second // what a delete gets to remove the bytes itself
	scrubLook     = time.Minute     // between two looks whether a round of the scrub is due, at most
	restLimit     = 2 * time.Second // for the last word of a scrub that stops
)

// Service sweeps.
type Service struct {
	cfg  Config
	core *core.Core
	log  *slog.Logger
}

// New makes the service.
func New(cfg Config, c *core.Core, log *slog.Logger) *Service {
	return &Service{cfg: cfg, core: c, log: log}
}

// Run sweeps until ctx ends. Each kind of care has its own rhythm, so that one that fails does not hold up another.
func (s *Service) Run(ctx context.Context) error {
	reconciler := s.core.NewReconciler(s.cfg.Grace)
	var g errgroup.Group
	g.Go(func() error {
		s.every(ctx, s.cfg.Expire, "expire", func(ctx context.Context) (int, error) { return s.core.ExpireDue(ctx, batch) })
		return nil
	})
	g.Go(func() error {
		s.every(ctx, s.cfg.Outbox, "outbox", func(ctx context.Context) (int, error) { return s.core.RelayDue(ctx, outboxAge, batch) })
		return nil
	})
	g.Go(func() error {
		s.every(ctx, s.cfg.Expire, "erase", func(ctx context.Context) (int, error) { return s.core.EraseDue(ctx, eraseAge, batch) })
		return nil
	})
	g.Go(func() error {
		s.every(ctx, s.cfg.Reconcile, "reconcile", func(ctx context.Context) (int, error) { return 0, s.reconcile(ctx, reconciler) })
		return nil
	})
	g.Go(func() error {
		s.scrub(ctx)
		return nil
	})
	return g.Wait()
}

// scrub reads all bytes, round after round, until ctx ends.
func (s *Service) scrub(ctx context.Context) {
	if s.cfg.Scrub == 0 {
		return
	}
	scrubber := s.core.NewScrubber(core.Scrub{Every: s.cfg.Scrub, Rate: s.cfg.ScrubRate})
	s.every(ctx, min(s.cfg.Scrub, scrubLook), "scrub", func(ctx context.Context) (int, error) {
		n, err := scrubber.Pass(ctx, batch)
		if n.Damaged+n.Unreadable > 0 {
			s.log.Warn("scrubbed", "records", n.Records, "blobs", n.Blobs, "bytes", n.Bytes, "damaged", n.Damaged, "unreadable", n.Unreadable)
		}
		return n.Records, err
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restLimit)
	defer cancel()
	if err := scrubber.Rest(ctx); err != nil {
		s.log.Debug("a scrub is taken up again when its lease has ended", "err", err)
	}
}

func (s *Service) reconcile(ctx context.Context, r *core.Reconciler) error {
	for _, step := range []func(context.Context) (int, error){
		func(ctx context.Context) (int, error) { return s.core.AbandonDue(ctx, s.cfg.Grace, batch) },
		func(ctx context.Context) (int, error) { return s.core.PurgeDue(ctx, s.cfg.Tombstone, batch) },
		func(ctx context.Context) (int, error) { return s.core.Unfinished(ctx, s.cfg.Unfinished) },
		s.core.ReleaseLapsed,
	} {
		if _, err := step(ctx); err != nil {
			return err
		}
	}
	found, err := r.Pass(ctx, reconcilePass)
	if found.Orphans+found.Missing > 0 || found.Drift != 0 {
		s.log.Warn("reconciled", "orphans", found.Orphans, "missing", found.Missing, "drift", found.Drift)
	}
	return err
}

// every runs care at once and then in its rhythm until ctx ends; without a pause while it finds a full batch.
func (s *Service) every(ctx context.Context, rhythm time.Duration, what string, care func(context.Context) (int, error)) {
	tick := time.NewTicker(rhythm)
	defer tick.Stop()
	failing := false
	for {
		n, err := care(ctx)
		if err != nil && ctx.Err() == nil {
			if !failing {
				s.log.Warn("sweeping failed, and is tried again", "what", what, "err", err)
			}
			failing = true
		} else if failing && err == nil {
			s.log.Info("sweeping works again", "what", what)
			failing = false
		}
		if n >= batch && err == nil {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
