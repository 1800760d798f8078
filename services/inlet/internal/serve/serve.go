// Package serve runs several services of Inlet, or all, in one process, on an embedded bus unless INLET_BUS names a server.
//
// The services are the same as those that run on their own; this package only starts them, from one table.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/ballast"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/durable"
	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/services/ingest"
	"github.com/inlethq/inlet/services/notifier"
	"github.com/inlethq/inlet/services/sweeper"
	"github.com/inlethq/inlet/services/thumbnailer"
	"github.com/inlethq/inlet/services/verifier"
)

// busSettings are those of the embedded server.
type busSettings struct {
	Addr string `env:"INLET_NATS_ADDR" envDefault:"127.0.0.1:4222" desc:"where subscribers reach the embedded NATS server, to read; off for nowhere"`
}

// settings is everything that one process may need.
type settings struct {
	program     program.Settings
	bus         busSettings
	sweeper     sweeper.Config
	thumbnailer thumbnailer.Config
	notifier    notifier.Config
	verifier    verifier.Config
	ingest      ingest.Config

	addr net.Addr // of the public listener, once it is bound
}

// structs are those that the settings are read into.
func (s *settings) structs() []any {
	return []any{&s.program, &s.bus, &s.ingest, &s.verifier, &s.thumbnailer, &s.notifier, &s.sweeper}
}

// Describe writes the settings of every service for --help.
func Describe(w io.Writer) { config.Describe(w, new(settings).structs()...) }

// Run serves until ctx ends or a signal comes. only names the services to run; all when it is empty. What a person should read goes to out, the log to errOut.
func Run(ctx context.Context, only []string, out, errOut io.Writer) error {
	var s settings
	if _, set := os.LookupEnv("INLET_LOG_FORMAT"); !set {
		_ = os.Setenv("INLET_LOG_FORMAT", "text") // a person started us; Setenv of a constant cannot fail
	}
	chosen, err := choose(table(&s), only)
	if err != nil {
		return err
	}
	load := []any{&s.program, &s.bus}
	for _, c := range chosen {
		load = append(load, c.settings)
	}
	if err := config.Load(load...); err != nil {
		return err
	}
	if err := os.MkdirAll(s.program.Data, 0o750); err != nil {
		return fmt.Errorf("INLET_DATA=%s: %w", s.program.Data, err)
	}
	created, err := s.ensureDirectory(chosen)
	if err != nil {
		return err
	}
	if err := s.ensureKeys(chosen); err != nil {
		return err
	}
	return s.run(ctx, chosen, created, out, errOut)
}

// public reports whether one of the services has users.
func public(chosen []service) bool {
	return slices.ContainsFunc(chosen, func(c service) bool { return c.public })
}

// ensureKeys reads the signing keys from the data folder, where the first start makes them, for the services that want some.
func (s *settings) ensureKeys(chosen []service) error {
	var wanted []*string
	for _, c := range chosen {
		if c.keys != nil && *c.keys == "" {
			wanted = append(wanted, c.keys)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	path := filepath.Join(s.program.Data, "signing.keys")
	text, err := os.ReadFile(path) //nolint:gosec // the operator's folder
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(sign.NewKey())
		err = durable.WriteFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("INLET_SIGNING_KEYS: %w", err)
	}
	for _, keys := range wanted {
		*keys = strings.TrimSpace(string(text))
	}
	return nil
}

// ensureDirectory makes the directory file on the first start.
func (s *settings) ensureDirectory(chosen []service) (*access.Created, error) {
	if !public(chosen) || s.ingest.Directory != "" {
		return nil, nil
	}
	s.ingest.Directory = filepath.Join(s.program.Data, "directory.yaml")
	if _, err := os.Stat(s.ingest.Directory); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	created, err := access.Bootstrap(s.ingest.Directory)
	if err != nil {
		return nil, err
	}
	return &created, nil
}

func (s *settings) run(ctx context.Context, chosen []service, created *access.Created, out, errOut io.Writer) error {
	log := telemetry.NewLogger(errOut, s.program.Log, "inlet")
	var parts []lifecycle.Part
	var options program.Options
	if s.program.Bus == "" || s.program.Bus == program.Embedded {
		ballast.Relieve(s.program.Ballast(log)) // the bus makes files when it starts
		server, err := embedded.Start(embedded.Config{
			Dir: filepath.Join(s.program.Data, "nats"), Addr: s.bus.Addr, Durables: []string{verifier.Name, thumbnailer.Name, notifier.Name}, Log: log,
		})
		if err != nil {
			return err
		}
		options = program.Options{Server: server, User: embedded.User}
		parts = append(parts, lifecycle.Part{Name: "nats", Close: func(context.Context) error { server.Shutdown(); return nil }})
	}
	p, err := program.Open(ctx, "inlet", s.program, log, options)
	if err != nil {
		return errors.Join(err, closeAll(ctx, parts))
	}
	parts = append(parts, p.Parts()...)
	for _, c := range chosen {
		part, err := c.start(ctx, p)
		if err != nil {
			return errors.Join(err, closeAll(ctx, parts))
		}
		parts = append(parts, part)
	}
	admin, err := p.Admin()
	if err != nil {
		return errors.Join(err, closeAll(ctx, parts))
	}
	s.welcome(out, created, options.Server != nil)
	return lifecycle.Run(ctx, log, append(parts, admin...)...)
}

// closeAll closes, last first, the parts of a start that failed; none runs yet.
func closeAll(ctx context.Context, parts []lifecycle.Part) error {
	var failed []error
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Close != nil {
			failed = append(failed, parts[i].Close(ctx))
		}
	}
	return errors.Join(failed...)
}
