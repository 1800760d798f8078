// Package program assembles a service: it reads the settings, opens the stores and the bus that they name, makes the core, and runs the
// service beside its admin listener until a signal.
//
// It is for mains, and the one place where drivers are named. No other package may import it.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/httpserver"
	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/pkg/telemetry/pipeline"
)

// Version is set when a release is built.
var Version = "dev"

// Program is what a service stands on.
type Program struct {
	Settings Settings
	Log      *slog.Logger
	Blobs    blob.Store
	Meta     meta.Repo
	Bus      bus.Bus
	Core     *core.Core
	Metrics  *prometheus.Registry // what the program's parts register theirs with
	Tracing  *telemetry.Tracing   // nil while it is off
}

// Options are what only some programs need.
type Options struct {
	// Server is an embedded bus. Without one INLET_BUS must name a server.
	Server nats.InProcess
	User   string // to connect to it as
}

// Main is the main of a service with one part. settings is the service's own settings struct; start makes its part after both were read.
func Main[T any](name string, start func(context.Context, *Program, T) (lifecycle.Part, error)) {
	var settings Settings
	var own T
	if len(os.Args) > 1 {
		os.Exit(help(name, os.Args[1], &settings, &own))
	}
	if err := config.Load(&settings, &own); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	log := telemetry.NewLogger(os.Stderr, settings.Log, name)
	err := run(name, settings, log, func(ctx context.Context, p *Program) (lifecycle.Part, error) { return start(ctx, p, own) })
	if err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

func help(name, arg string, settings ...any) int {
	switch arg {
	case "-h", "--help", "help":
		fmt.Printf("%s %s is a service of Inlet. It takes its settings from the environment:\n\n", name, Version)
		config.Describe(os.Stdout, settings...)
		return 0
	case "--version":
		fmt.Println(name, Version)
		return 0
	case "--healthcheck":
		if err := healthcheck(context.Background()); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			return 1
		}
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: unknown argument %q; see %s --help\n", name, arg, name)
	return 2
}

func run(name string, s Settings, log *slog.Logger, start func(context.Context, *Program) (lifecycle.Part, error)) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	p, err := Open(ctx, name, s, log, Options{})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it waited for a dependency
		}
		return err
	}
	part, err := start(ctx, p)
	if err != nil {
		return errors.Join(err, p.close())
	}
	parts := append(p.Parts(), part)
	admin, err := p.Admin()
	if err != nil {
		return errors.Join(err, p.close())
	}
	log.Info("started", "version", Version)
	return lifecycle.Run(ctx, log, append(parts, admin...)...)
}

// Open opens what the settings name. A database or an object store that is not there yet is waited for until ctx ends.
func Open(ctx context.Context, name string, s Settings, log *slog.Logger, o Options) (*Program, error) {
	p := &Program{Settings: s, Log: log, Metrics: telemetry.NewRegistry(Version)}
	if s.Durability == disk.Process {
		log.Warn("nothing is synced: a power cut loses uploads that were acknowledged", "INLET_DURABILITY", s.Durability)
	}
	var err error
	if p.Tracing, err = telemetry.StartTracing(ctx, s.Traces, name, Version, log); err != nil {
		return nil, err
	}
	if p.Meta, err = wait(ctx, log, "the database", func() (meta.Repo, error) { return openRecords(ctx, s, log) }); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if p.Blobs, err = wait(ctx, log, "the blob store", func() (blob.Store, error) { return OpenBlobs(ctx, s, Serve) }); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if p.Bus, err = openBus(ctx, name, s, log, o); err != nil {
		return nil, errors.Join(err, p.close())
	}
	host, _ := os.Hostname()
	c := core.Config{
		Blobs: p.Blobs, Meta: p.Meta, Bus: p.Bus, Render: p.Bus, Log: log,
		Name:     fmt.Sprintf("%s@%s:%d", name, host, os.Getpid()),
		Observer: pipeline.New(p.Metrics),
	}
	if p.Tracing.On() {
		c.Tracer = p.Tracing.Tracer("core")
	}
	p.Core = core.New(c)
	return p, nil
}

// ShowStatus has /metrics tell how the whole installation is doing: the queues, the disk, what is stored. It is for a program whose user of the bus
// may look at all queues.
func (p *Program) ShowStatus() {
	p.Metrics.MustRegister(pipeline.NewStatus(pipeline.Looking{
		System: core.NewSystem(p.Core, p.Bus), Records: p.Meta, Disk: p.Settings.BlobDisk(), Reserve: p.Settings.Reserve(),
	}))
}

// Parts are what runs under a service, in the order in which it starts. They close everything that Open has opened.
func (p *Program) Parts() []lifecycle.Part {
	return []lifecycle.Part{
		{Name: "traces", Close: p.Tracing.Close},
		{Name: "stores", Close: func(context.Context) error { return errors.Join(closeIf(p.Blobs), p.Meta.Close()) }},
		{Name: "bus", Close: func(context.Context) error { return p.Bus.Close() }},
		{Name: "core", Close: func(ctx context.Context) error { p.Core.Close(ctx); return nil }},
	}
}

// Admin makes the part with the operator's endpoints; none when they are off.
func (p *Program) Admin() ([]lifecycle.Part, error) {
	if p.Settings.AdminAddr == "off" {
		return nil, nil
	}
	handler := telemetry.Admin(p.Metrics,
		telemetry.Check{Name: "records", Ping: p.Core.Present, Without: "uploads and reads are answered 503, and files on their way wait"},
		telemetry.Check{Name: "blobs", Ping: p.Core.Storing, Without: "uploads are answered 503, and files on their way wait"},
		telemetry.Check{Name: "bus", Ping: p.Bus.Ping, Without: "uploads go on and workers find their work in the records; events wait there"},
	)
	server, err := httpserver.Listen(p.Settings.AdminAddr, "INLET_ADMIN_ADDR", handler, p.Log)
	if err != nil {
		return nil, err
	}
	return []lifecycle.Part{{Name: "admin", Run: server.Run}}, nil
}

// close lets go of what was opened before a start that failed.
func (p *Program) close() error {
	var failed []error
	if p.Core != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p.Core.Close(ctx)
	}
	if p.Bus != nil {
		failed = append(failed, p.Bus.Close())
	}
	if p.Blobs != nil {
		failed = append(failed, closeIf(p.Blobs))
	}
	if p.Meta != nil {
		failed = append(failed, p.Meta.Close())
	}
	if p.Tracing.On() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		failed = append(failed, p.Tracing.Close(ctx))
	}
	return errors.Join(failed...)
}

func closeIf(v any) error {
	if c, ok := v.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
