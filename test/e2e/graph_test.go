package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/peers"
)

// TestServicesWithoutCgo checks that the services which touch no pixels are pure Go on their own: each compiles outside the workspace without
// a C compiler, and neither the image library nor any package with C in it is among what it is made of.
func TestServicesWithoutCgo(t *testing.T) {
	slow(t)
	for _, name := range []string{"ingest", "verifier", "sweeper"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(peers.Root(), "services", name)
			run(t, dir, "CGO_ENABLED=0", "list", "-export", "-deps", "./cmd/"+name) // compiles all, and links nothing
			for _, module := range run(t, dir, "CGO_ENABLED=0", "list", "-m", "-f", "{{.Path}}", "all") {
				if strings.Contains(module, "bimg") {
					t.Errorf("%s is in the module graph", module)
				}
			}
			// With cgo on, or go list would not see the C.
			const withC = "{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}"
			if found := run(t, dir, "CGO_ENABLED=1", "list", "-deps", "-f", withC, "./..."); len(found) > 0 {
				t.Errorf("these packages need a C compiler: %v", found)
			}
		})
	}
}

// run runs the go command in a module of its own and returns the words that it wrote.
func run(t *testing.T, dir, env string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", env)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.Fields(string(out))
}
