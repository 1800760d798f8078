// Command thumbnailer runs the thumbnailer as a service of its own. Its settings come from the environment: see thumbnailer --help.
package main

import (
	"context"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/thumbnailer"
)

func main() {
	thumbnailer.RenderIfChild()
	program.Main(thumbnailer.Name, func(_ context.Context, p *program.Program, cfg thumbnailer.Config) (lifecycle.Part, error) {
		return lifecycle.Part{Name: thumbnailer.Name, Run: thumbnailer.New(cfg, p.Core, p.Bus, p.Log).Run}, nil
	})
}
