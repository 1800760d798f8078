package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/ingest"
	"github.com/inlethq/inlet/services/notifier"
	"github.com/inlethq/inlet/services/sweeper"
	"github.com/inlethq/inlet/services/thumbnailer"
	"github.com/inlethq/inlet/services/verifier"
)

// service is one line of the table of all services.
type service struct {
	name     string
	settings any     // pointer to the service's Config, filled from the environment before start
	public   bool    // has users, and so needs the directory file
	keys     *string // INLET_SIGNING_KEYS in settings; nil for a service that has no use for them
	start    func(context.Context, *program.Program) (lifecycle.Part, error)
}

// table lists the services in the order in which they start. They stop in the reverse one: the door closes first.
func table(s *settings) []service {
	return []service{
		{name: sweeper.Name, settings: &s.sweeper, start: func(_ context.Context, p *program.Program) (lifecycle.Part, error) {
			return lifecycle.Part{Name: sweeper.Name, Run: sweeper.New(s.sweeper, p.Core, p.Log).Run}, nil
		}},
		{name: thumbnailer.Name, settings: &s.thumbnailer, start: func(_ context.Context, p *program.Program) (lifecycle.Part, error) {
			return lifecycle.Part{Name: thumbnailer.Name, Run: thumbnailer.New(s.thumbnailer, p.Core, p.Bus, p.Log).Run}, nil
		}},
		{name: verifier.Name, settings: &s.verifier, start: func(_ context.Context, p *program.Program) (lifecycle.Part, error) {
			v, err := verifier.New(s.verifier, p.Core, p.Bus, p.Log)
			if err != nil {
				return lifecycle.Part{}, err
			}
			return lifecycle.Part{Name: verifier.Name, Run: v.Run}, nil
		}},
		{name: notifier.Name, settings: &s.notifier, keys: &s.notifier.Keys, start: func(_ context.Context, p *program.Program) (lifecycle.Part, error) {
			n, err := notifier.New(s.notifier, notifier.Needs{Core: p.Core, Bus: p.Bus, Metrics: p.Metrics, Log: p.Log})
			if err != nil {
				return lifecycle.Part{}, err
			}
			return lifecycle.Part{Name: notifier.Name, Run: n.Run}, nil
		}},
		{name: ingest.Name, settings: &s.ingest, public: true, keys: &s.ingest.Keys, start: func(ctx context.Context, p *program.Program) (lifecycle.Part, error) {
			i, err := ingest.New(ctx, s.ingest, ingest.Needs{Core: p.Core, Bus: p.Bus, Log: p.Log, Version: program.Version, Metrics: p.Metrics, Tracing: p.Tracing})
			if err != nil {
				return lifecycle.Part{}, err
			}
			p.ShowStatus()
			s.addr = i.Addr()
			return lifecycle.Part{Name: ingest.Name, Run: i.Run}, nil
		}},
	}
}

// choose keeps the services that --only names; all when it names none.
func choose(all []service, only []string) ([]service, error) {
	if len(only) == 0 {
		return all, nil
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("--only: there is no service %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(s service) bool { return !slices.Contains(only, s.name) }), nil
}
