package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A tracer is a process of its own: this one waits for the end of the servers that it has started, and would take the stops of a process that it
// watches for that.

// straceCommand is the first argument of a tracer.
const straceCommand = "strace"

// straceReady is its first line. Then come the kinds of calls, a line each, and straceKilled when it has killed the process.
const (
	straceReady  = "ready"
	straceKilled = "killed"
)

// straceRefused is its exit code where the kernel lets nobody watch.
const straceRefused = 3

// straceMain is the main function of a tracer.
func straceMain(args []string) (code int) {
	err := runStrace(args, os.Stdout)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS):
		code = straceRefused
	default:
		code = 1
	}
	fmt.Fprintln(os.Stderr, err)
	return code
}

// runStrace is the tracer: strace PID FOLDER [KIND NTH]. It kills the process at the n-th call of a kind, counted from when it is ready.
func runStrace(args []string, out io.Writer) error {
	if len(args) != 2 && len(args) != 4 {
		return fmt.Errorf("%s PID FOLDER [KIND NTH]", straceCommand)
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	kind, left := "", 0
	if len(args) == 4 {
		kind = args[2]
		if left, err = strconv.Atoi(args[3]); err != nil {
			return err
		}
	}
	return trace(pid, args[1], func() { fmt.Fprintln(out, straceReady) }, func(c fileCall) bool {
		fmt.Fprintln(out, c.kind())
		if c.kind() != kind {
			return false
		}
		if left--; left != 0 {
			return false
		}
		fmt.Fprintln(out, straceKilled)
		return true
	})
}

// random matches the parts of a path that are another each time.
var random = regexp.MustCompile(`\d+\.blk|\b([0-9A-Z]{26}|[0-9A-Z]{2})\b`)

// kind is what calls have in common that do the same to other files.
func (c fileCall) kind() string {
	c.path = random.ReplaceAllString(c.path, "*")
	return c.String()
}

// watching is a process that is watched by a tracer.
type watching struct {
	cmd    *exec.Cmd
	last   atomic.Int64  // when something went on, in nanoseconds
	done   chan struct{} // closed when the process has ended; what follows is read after it
	calls  []string      // of all calls their kinds, in their order
	killed bool          // at its point
	err    error
}

// watch lets a tracer watch a process from now on, and kill it at the n-th call of a kind; kind "" kills it nowhere. The process ends with the
// tracer. The error is a skip where the kernel lets nobody watch.
func watch(pid int, dir, kind string, nth int) (*watching, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil { // as /proc tells it
		return nil, err
	}
	args := []string{straceCommand, strconv.Itoa(pid), dir}
	if kind != "" {
		args = append(args, kind, strconv.Itoa(nth))
	}
	w := &watching{cmd: exec.Command(self, args...), done: make(chan struct{})} //nolint:gosec // this program
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	w.cmd.Stderr = &said
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	ready := lines.Scan() && lines.Text() == straceReady
	go w.follow(lines, &said)
	if !ready {
		<-w.done
		if w.cmd.ProcessState.ExitCode() == straceRefused {
			return nil, skip(w.err.Error())
		}
		return nil, fmt.Errorf("watch process %d: %w", pid, w.err)
	}
	return w, nil
}

// follow reads what the tracer says.
func (w *watching) follow(lines *bufio.Scanner, said *bytes.Buffer) {
	defer close(w.done)
	for lines.Scan() {
		w.stir()
		if lines.Text() == straceKilled {
			w.killed = true
			continue
		}
		w.calls = append(w.calls, lines.Text())
	}
	if w.err = lines.Err(); w.err == nil {
		w.err = w.cmd.Wait()
	}
	if w.err != nil {
		w.err = fmt.Errorf("%w: %s", w.err, strings.TrimSpace(said.String()))
	}
}

// stir notes that something goes on.
func (w *watching) stir() { w.last.Store(time.Now().UnixNano()) }

// idle is for how long nothing has gone on.
func (w *watching) idle() time.Duration { return time.Since(time.Unix(0, w.last.Load())) }
