// Package peers runs real servers for tests to speak to: MongoDB's wire protocol, an S3 server, a NATS server.
//
// Each is a process of its own on a loopback port, built from the versions in go.mod and ended with the test.
// The package holds no fakes.
package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/harness/launch"
)

// Root is the top folder of the repository.
func Root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(here)))
}

var builds sync.Map // package path → *build

type build struct {
	once sync.Once
	path string
	err  error
}

// Build compiles a main package of the test module, once in a process, and returns the path of the program.
func Build(pkg string) (string, error) {
	v, _ := builds.LoadOrStore(pkg, &build{})
	b := v.(*build)
	b.once.Do(func() {
		dir := filepath.Join(Root(), "bin", "peers")
		if b.err = os.MkdirAll(dir, 0o750); b.err != nil {
			return
		}
		b.path = filepath.Join(dir, filepath.Base(pkg))
		if filepath.Base(pkg) == "v2" { // a module's major version is no name for a program
			b.path = filepath.Join(dir, filepath.Base(filepath.Dir(pkg)))
		}
		// Tests of several packages build at the same time: each writes its own file and renames it.
		tmp := fmt.Sprintf("%s.%d", b.path, os.Getpid())
		cmd := exec.Command("go", "build", "-trimpath", "-o", tmp, pkg) //nolint:gosec // the package is named by a test
		cmd.Dir = filepath.Join(Root(), "test")
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("build %s: %w\n%s", pkg, err, out)
			return
		}
		b.err = os.Rename(tmp, b.path)
	})
	return b.path, b.err
}

// Process is a running peer.
type Process struct {
	Addr string // host:port that it answers on
	cmd  *exec.Cmd
	done chan struct{}
}

// Start runs a program and waits until addr accepts connections. The process is killed when the test ends.
// Its output goes to the test's log when the test fails.
func Start(t testing.TB, addr, program string, args ...string) *Process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "peer-*.log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...) //nolint:gosec // the program is one that Build made
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	p := &Process{Addr: addr, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			out, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", filepath.Base(program), out)
		}
		log.Close()
	})
	if err := p.wait(20 * time.Second); err != nil {
		t.Fatalf("%s: %v", filepath.Base(program), err)
	}
	return p
}

// Kill ends the process at once and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *Process) wait(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.DialTimeout("tcp", p.Addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return errors.New("ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("no answer on %s within %s", p.Addr, limit)
		case <-tick.C:
		}
	}
}

// FreeAddr is launch.FreeAddr.
func FreeAddr(t testing.TB) string {
	t.Helper()
	addr, err := launch.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
