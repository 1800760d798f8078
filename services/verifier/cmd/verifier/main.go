// Command verifier runs the verifier as a service of its own. Its settings come from the environment: see verifier --help.
package main

import (
	"context"

	"github.com/inlethq/inlet/pkg/lifecycle"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/verifier"
)

func main() {
	program.Main(verifier.Name, func(_ context.Context, p *program.Program, cfg verifier.Config) (lifecycle.Part, error) {
		s, err := verifier.New(cfg, p.Core, p.Bus, p.Log)
		if err != nil {
			return lifecycle.Part{}, err
		}
		return lifecycle.Part{Name: verifier.Name, Run: s.Run}, nil
	})
}
