// Command ingest runs the HTTP door as a service of its own. Its settings come from the environment: see ingest --help.
package main

import (
	"context"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/ingest"
)

func main() {
	program.Main(ingest.Name, func(ctx context.Context, p *program.Program, cfg ingest.Config) (lifecycle.Part, error) {
		s, err := ingest.New(ctx, cfg, ingest.Needs{Core: p.Core, Bus: p.Bus, Log: p.Log, Version: program.Version, Metrics: p.Metrics, Tracing: p.Tracing})
		if err != nil {
			return lifecycle.Part{}, err
		}
		p.ShowStatus()
		p.Log.Info("listening", "addr", s.Addr().String())
		return lifecycle.Part{Name: ingest.Name, Run: s.Run}, nil
	})
}
