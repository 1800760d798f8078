// Package launch runs a program of Inlet as a child process: start, wait until ready, stop in one way or another.
//
// It builds nothing and knows no API beyond /readyz. It serves the test harness, the demo and the benchmarks alike.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Spec describes a program to run.
type Spec struct {
	Name  string            // for messages
	Path  string            // of the executable
	Args  []string          //
	Env   map[string]string // settings; INLET_ variables of this process are not passed on
	Admin string            // host:port of the admin listener, which Ready asks
	Log   io.Writer         // takes what the program writes to either output
}

// Process is a running program. Its methods may be called from several goroutines.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// Start starts a program. It is killed when this process dies.
func Start(s Spec) (*Process, error) {
	cmd := exec.Command(s.Path, s.Args...) //nolint:gosec // to run a named program is what this is for
	cmd.Env = environment(s.Env)
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	p := &Process{spec: s, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended stands in ProcessState
	}()
	return p, nil
}

func environment(settings map[string]string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "INLET_") {
			env = append(env, kv)
		}
	}
	for k, v := range settings {
		env = append(env, k+"="+v)
	}
	return env
}

const readyStep = 10 * time.Millisecond

// Ready returns nil as soon as the program says that it is ready, and an error when it ended or ctx did.
func (p *Process) Ready(ctx context.Context) error {
	tick := time.NewTicker(readyStep)
	defer tick.Stop()
	for {
		reason := p.askReady(ctx)
		if reason == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: exit code %d", p.spec.Name, p.cmd.ProcessState.ExitCode())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.spec.Name, reason)
		case <-tick.C:
		}
	}
}

func (p *Process) askReady(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.spec.Admin+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return nil
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and waits until it is gone. To kill what has ended does nothing.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Signal sends SIGTERM and does not wait.
func (p *Process) Signal() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Term asks the process to end and returns its exit code. When ctx ends first the process is killed, and that is an error.
func (p *Process) Term(ctx context.Context) (int, error) {
	if err := p.Signal(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	return p.Wait(ctx)
}

// Wait returns the exit code when the process has ended. When ctx ends first the process is killed, and that is an error.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		p.Kill()
		return 0, fmt.Errorf("%s did not end: %w", p.spec.Name, ctx.Err())
	}
}
