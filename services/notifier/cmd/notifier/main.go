// Command notifier runs the notifier as a service of its own. Its settings come from the environment: see notifier --help.
package main

import (
	"context"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/notifier"
)

func main() {
	program.Main(notifier.Name, func(_ context.Context, p *program.Program, cfg notifier.Config) (lifecycle.Part, error) {
		n, err := notifier.New(cfg, notifier.Needs{Core: p.Core, Bus: p.Bus, Metrics: p.Metrics, Log: p.Log})
		if err != nil {
			return lifecycle.Part{}, err
		}
		return lifecycle.Part{Name: notifier.Name, Run: n.Run}, nil
	})
}
