package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/inlethq/inlet/test/peers"
)

// binariesVariable names a folder of programs that were built before; without it the harness builds them.
const binariesVariable = "INLET_TEST_BIN"

// commands are the programs that are shipped, by the module folder that each is built from.
var commands = map[string]string{
	"inlet": "services/inlet", "ingest": "services/ingest", "verifier": "services/verifier",
	"thumbnailer": "services/thumbnailer", "sweeper": "services/sweeper", "notifier": "services/notifier",
}

var builds sync.Map // name → func() error

// Binary returns the path of a shipped program, built once in a test run.
func Binary(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv(binariesVariable); dir != "" {
		return filepath.Join(dir, name)
	}
	path := filepath.Join(peers.Root(), "bin", name)
	build, _ := builds.LoadOrStore(name, sync.OnceValue(func() error { return buildTo(path, name) }))
	if err := build.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return path
}

// buildTo builds a program as a release is built. Tests of several packages build at the same time: each writes its own file and renames it.
func buildTo(path, name string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-trimpath", "-o", tmp, "./"+commands[name]+"/cmd/"+name) //nolint:gosec // one of commands
	cmd.Dir = peers.Root()
	cmd.Env = append(os.Environ(), "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return os.Rename(tmp, path)
}
