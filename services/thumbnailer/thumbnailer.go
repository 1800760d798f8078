// Package thumbnailer makes the thumbnails of verified pictures, unasked, and other renderings when they are asked for on the bus.
//
// Pixels are internal/render's: nothing else in Inlet links libvips. They are decoded in processes of their own (internal/isolated).
package thumbnailer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/services/thumbnailer/internal/isolated"
)

// Name is the service's, and that of its durable consumer.
const Name = "thumbnailer"

// Config holds the service's settings.
type Config struct {
	Workers int `env:"INLET_THUMBNAILER_WORKERS" envDefault:"0" desc:"pictures rendered at once; 0 is one per core"`
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	if c.Workers < 0 {
		return config.Bad("INLET_THUMBNAILER_WORKERS", "negative", "0 or more")
	}
	return nil
}

// Check starts a renderer and ends it again. It fails when libvips is not as safe as it must be.
func Check(ctx context.Context, log *slog.Logger) error {
	p := isolated.New(isolated.Config{Workers: 1, Log: log})
	if err := p.Start(ctx); err != nil {
		return err
	}
	return p.Close(ctx)
}

// Bus is what the service needs of a message system.
type Bus interface {
	bus.Consumer
	bus.Responder
}

// Service makes thumbnails and variants.
type Service struct {
	core     *core.Core
	bus      Bus
	renderer *isolated.Pool
	workers  int
	log      *slog.Logger
}

// RenderIfChild does not return where this process was started by a Service to render pictures for it. A main that makes a Service calls it first of all.
func RenderIfChild() { isolated.Main() }

// New makes the service.
func New(cfg Config, c *core.Core, b Bus, log *slog.Logger) *Service {
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	return &Service{core: c, bus: b, renderer: isolated.New(isolated.Config{Workers: workers, Log: log}), workers: workers, log: log}
}

// Run works until ctx ends. It fails at once when libvips is not as safe as it must be.
func (s *Service) Run(ctx context.Context) error {
	if err := s.renderer.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		defer cancel() // one does not go on without the other
		answered <- s.bus.Respond(ctx, core.RenderSubject, Name, s.workers, s.answer)
	}()
	err := s.work(ctx)
	cancel()
	return errors.Join(err, <-answered, s.renderer.Close(context.WithoutCancel(ctx))) // which has nothing left to do
}

// work makes thumbnails until ctx ends.
func (s *Service) work(ctx context.Context) error {
	return s.core.Run(ctx, s.bus, core.Worker{
		Name: Name, Fact: event.Verified, Work: file.WorkThumbnail, Concurrency: s.workers, Log: s.log,
		Do: func(ctx context.Context, h core.Hint) error {
			err := s.core.MakeThumbnail(ctx, h, s.render(imaging.Thumbnail))
			if file.Is(err, file.Invalid) || file.Is(err, file.TypeRefused) { // no other attempt will find other bytes
				s.log.InfoContext(ctx, "a picture gets no thumbnail", "file", h.ID, "err", err)
				return s.core.GiveUp(ctx, h, file.WorkThumbnail, "not_renderable")
			}
			return err
		},
	})
}

// answer makes the variant that a request asks for. The answer is empty: the variant is in the record.
func (s *Service) answer(ctx context.Context, data []byte) ([]byte, error) {
	r, err := core.ReadRenderRequest(data)
	if err != nil {
		return nil, err
	}
	_, err = s.core.MakeVariant(ctx, r.Tenant, r.ID, r.Transform, s.render(r.Transform))
	return nil, err
}

// render makes of a picture what t says. Of all that is asked for at once, as many as there are workers are rendered.
func (s *Service) render(t imaging.Transform) core.Render {
	return func(ctx context.Context, r io.ReadSeeker, f *file.File) (core.Rendering, error) {
		ctx = telemetry.Scope(ctx, slog.String("file", string(f.ID)))
		p, err := s.renderer.Render(ctx, r, t)
		if err != nil {
			return core.Rendering{}, err
		}
		return core.Rendering{Data: p.Data, Type: p.Type, Width: p.Width, Height: p.Height}, nil
	}
}
