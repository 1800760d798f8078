// Command sweeper runs the sweeper as a service of its own. Its settings come from the environment: see sweeper --help.
package main

import (
	"context"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/sweeper"
)

func main() {
	program.Main(sweeper.Name, func(_ context.Context, p *program.Program, cfg sweeper.Config) (lifecycle.Part, error) {
		return lifecycle.Part{Name: sweeper.Name, Run: sweeper.New(cfg, p.Core, p.Log).Run}, nil
	})
}
