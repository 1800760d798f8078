// Package verifier brings stored files to their verdict: it reads the whole of a file and decides whether its bytes are what they claim to be.
//
// It holds no rule about types (pkg/content has those) and no state: the record says what is to be done.
package verifier

import (
	"context"
	"io"
	"log/slog"
	"runtime"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/verifier/internal/inspect"
)

// Name is the service's, and that of its durable consumer.
const Name = "verifier"

// Config holds the service's settings.
type Config struct {
	Workers int    `env:"INLET_VERIFIER_WORKERS" envDefault:"0" desc:"files verified at once; 0 is one per core"`
	Clamd   string `env:"INLET_CLAMD" desc:"virus scanner: tcp://host:port or unix:/path; empty scans nothing"`
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	if c.Workers < 0 {
		return config.Bad("INLET_VERIFIER_WORKERS", "negative", "0 or more")
	}
	return nil
}

// Service verifies files.
type Service struct {
	core      *core.Core
	bus       bus.Consumer
	inspector *inspect.Inspector
	workers   int
	log       *slog.Logger
}

// New makes the service.
func New(cfg Config, c *core.Core, b bus.Consumer, log *slog.Logger) (*Service, error) {
	inspector, err := inspect.New(inspect.Config{Clamd: cfg.Clamd})
	if err != nil {
		return nil, err
	}
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	return &Service{core: c, bus: b, inspector: inspector, workers: workers, log: log}, nil
}

// Run works until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	return s.core.Run(ctx, s.bus, core.Worker{
		Name: Name, Fact: event.Stored, Work: file.WorkVerify, Concurrency: s.workers, Log: s.log,
		Do: func(ctx context.Context, h core.Hint) error { return s.core.Verify(ctx, h, s.judge) },
	})
}

func (s *Service) judge(ctx context.Context, r io.ReadSeeker, f *file.File) (content.Verdict, error) {
	return s.inspector.Inspect(ctx, r, f)
}
