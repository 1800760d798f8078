package isolated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/thumbnailer/internal/render"
)

// child is a renderer in a process of its own. One goroutine uses it at a time, but for kill.
type child struct {
	cmd     *exec.Cmd
	in, out *os.File // our ends of the pipes
	said    *head
	ended   chan struct{} // closed when the process is gone
}

// crashError says that a child ended, or did not, in the middle of a rendering.
type crashError struct{ error }

func (e *crashError) Unwrap() error { return e.error }

// startLimit bounds how long a child takes until it can render; a loaded machine takes a second.
const startLimit = 20 * time.Second

// start starts a child and returns when it can render.
func start(ctx context.Context) (*child, error) {
	c, err := spawn(confined)
	if isRefused(err) {
		c, err = spawn(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("start a renderer: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	var hello answer
	if err := readText(c.out, &hello); err != nil {
		c.kill()
		return nil, fmt.Errorf("start a renderer: %w", errors.Join(c.death(err), ctx.Err()))
	}
	if err := hello.Failure.err(); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// spawn starts this program once more.
func spawn(confine func(*exec.Cmd)) (_ *child, err error) {
	requests, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer closeQuietly(requests)
	out, answers, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	defer closeQuietly(answers)

	c := &child{in: in, out: out, said: new(head), ended: make(chan struct{})}
	c.cmd = exec.Command(self)
	c.cmd.Args = []string{"inlet-render"}
	c.cmd.Env = environment()
	c.cmd.ExtraFiles = []*os.File{requests, answers}
	c.cmd.Stderr = c.said
	if confine != nil {
		confine(c.cmd)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, in.Close(), out.Close())
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended stands in ProcessState
	}()
	return c, nil
}

// closeQuietly closes our copy of an end that is the child's.
func closeQuietly(f *os.File) { _ = f.Close() }

// render sends a request and reads the answer. When answered is false the child is of no more use.
func (c *child) render(ctx context.Context, limit time.Duration, src io.Reader, r request) (_ render.Picture, answered bool, err error) {
	timed, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no end after %s", limit))
	defer cancel()
	defer context.AfterFunc(timed, c.kill)()

	source := &source{r: src}
	a, data, err := c.exchange(source, r)
	switch {
	case err == nil:
		if err := a.Failure.err(); err != nil {
			return render.Picture{}, true, err
		}
		return render.Picture{Data: data, Type: a.Type, Width: a.Width, Height: a.Height, Frames: a.Frames}, true, nil
	case ctx.Err() != nil:
		return render.Picture{}, false, file.Wrap(file.Cancelled, op, context.Cause(ctx))
	case source.err != nil:
		return render.Picture{}, false, file.Wrap(file.Unavailable, op, source.err)
	}
	c.kill()
	return render.Picture{}, false, &crashError{errors.Join(c.death(err), context.Cause(timed))}
}

func (c *child) exchange(src *source, r request) (a answer, data []byte, err error) {
	if err := writeText(c.in, r); err != nil {
		return a, nil, err
	}
	if _, err := io.CopyN(c.in, src, r.Size); err != nil {
		if errors.Is(err, io.EOF) {
			src.err = io.ErrUnexpectedEOF // shorter than it was
		}
		return a, nil, err
	}
	if err := readText(c.out, &a); err != nil {
		return a, nil, err
	}
	if a.Size < 0 || a.Size > maxPicture {
		return a, nil, fmt.Errorf("a picture of %d bytes", a.Size)
	}
	data = make([]byte, a.Size)
	_, err = io.ReadFull(c.out, data)
	return a, data, err
}

// source remembers the error of its reader, which would else look like one of the pipe that it is copied to.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// end lets the child go, which ends it.
func (c *child) end() {
	_ = c.in.Close()
	<-c.ended
	_ = c.out.Close()
}

// kill ends the child at once and waits until it is gone. It may be called more than once, from any goroutine.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
	_ = c.in.Close()
	_ = c.out.Close()
}

// death tells how the child ended, for a log. It has ended.
func (c *child) death(cause error) error {
	return fmt.Errorf("%s: %w: %q", c.cmd.ProcessState, cause, c.said)
}

// head keeps the first bytes that are written to it: a crash begins with its reason.
type head struct {
	mu   sync.Mutex
	text []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, p[:min(len(p), maxCause-len(h.text))]...)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.text)
}
