// Package isolated renders pictures as internal/render does, but each in a child process: a picture that breaks its decoder, or keeps it busy
// for ever, does so there.
//
// A child is this program once more, started as a renderer (Main). It goes on from picture to picture, for libvips takes its time to start. It
// reads no file but the system's libraries, writes none, reaches no network, and has bounds of memory and of time (confine). One that crashes or
// hangs is replaced by the next.
//
// It decides nothing about files and keeps no picture. What can be rendered, and how, is internal/render's.
package isolated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
	"github.com/inlethq/inlet/services/thumbnailer/internal/render"
)

// DefaultLimit is how long one rendering may take. The largest pictures take some seconds on a slow core.
const DefaultLimit = 30 * time.Second

// maxTries is how many children a picture may cost. The first may have died of something else: of an operator, or of a machine without memory.
const maxTries = 2

const op = "isolated.render"

// Config is what New needs to know.
type Config struct {
	Workers int           // children at once, 1 or more; they are started when they are needed
	Limit   time.Duration // of one rendering; DefaultLimit when 0
	Log     *slog.Logger  // of children that ended before their time
}

// Pool renders in children. Its methods may be called at the same time from many goroutines.
type Pool struct {
	limit   time.Duration
	log     *slog.Logger
	permits chan struct{} // one element per rendering under way
	closing chan struct{}
	once    sync.Once

	mu   sync.Mutex
	idle []*child // the last used is the next to be
}

// New makes a Pool without children.
func New(cfg Config) *Pool {
	p := &Pool{limit: cfg.Limit, log: cfg.Log, permits: make(chan struct{}, max(cfg.Workers, 1)), closing: make(chan struct{})}
	if p.limit == 0 {
		p.limit = DefaultLimit
	}
	return p
}

// Start starts the first child ahead of the first picture. It fails when that finds libvips not as safe as it must be (render.Open).
func (p *Pool) Start(ctx context.Context) error {
	if os.Getenv(marker) != "" {
		return errors.New("isolated: a renderer was asked for another one: this program does not call Main first")
	}
	c, err := start(ctx)
	if err != nil {
		return fmt.Errorf("isolated: %w", err)
	}
	p.put(c)
	return nil
}

// Close refuses new work, waits for what is under way, or for the end of ctx, whose error it returns, and ends the children that do nothing.
// A second Close waits too.
func (p *Pool) Close(ctx context.Context) error {
	p.once.Do(func() { close(p.closing) })
	held := 0
	defer func() {
		for range held {
			<-p.permits
		}
	}()
	for held < cap(p.permits) {
		select {
		case p.permits <- struct{}{}:
			held++
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.end()
	}
	p.idle = nil
	return nil
}

// Render makes of the picture in src, from its start to its end, what t says: see render.Renderer. It waits for a free worker. When ctx ends
// the child that is at work is killed.
//
// Errors: those of render.Renderer; Invalid with imaging.CodeCorrupt also for a picture that two children in a row have crashed at or have not
// come to an end with; Unavailable when src cannot be read, when no child can be started, and after Close.
func (p *Pool) Render(ctx context.Context, src io.ReadSeeker, t imaging.Transform) (render.Picture, error) {
	size, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return render.Picture{}, file.Wrap(file.Unavailable, op, err)
	}
	if err := imaging.CheckSourceBytes(size); err != nil {
		return render.Picture{}, err
	}
	if err := p.acquire(ctx); err != nil {
		return render.Picture{}, err
	}
	defer func() { <-p.permits }()

	var crash *crashError
	for try := 1; ; try++ {
		if _, err := src.Seek(0, io.SeekStart); err != nil {
			return render.Picture{}, file.Wrap(file.Unavailable, op, err)
		}
		pic, err := p.tryOnce(ctx, src, request{Transform: t, Size: size})
		if !errors.As(err, &crash) {
			return pic, err
		}
		p.log.WarnContext(ctx, "a picture ended its renderer", "try", try, "err", err)
		if try == maxTries {
			return render.Picture{}, &file.Error{Kind: file.Invalid, Op: op, Code: imaging.CodeCorrupt, Public: "the image is damaged", Err: err}
		}
	}
}

// tryOnce asks one child. A child that did not answer is not used again.
func (p *Pool) tryOnce(ctx context.Context, src io.Reader, r request) (render.Picture, error) {
	c, err := p.take(ctx)
	if err != nil && ctx.Err() != nil {
		return render.Picture{}, file.Wrap(file.Cancelled, op, ctx.Err())
	}
	if err != nil {
		return render.Picture{}, file.Wrap(file.Unavailable, op, err)
	}
	pic, answered, err := c.render(ctx, p.limit, src, r)
	if answered {
		p.put(c)
	} else {
		c.kill()
	}
	return pic, err
}

// take returns a child that does nothing, or a new one.
func (p *Pool) take(ctx context.Context) (*child, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	return start(ctx)
}

func (p *Pool) put(c *child) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
}

func (p *Pool) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return file.Wrap(file.Cancelled, op, err)
	}
	select {
	case <-p.closing:
		return errClosed()
	default:
	}
	select {
	case p.permits <- struct{}{}:
		return nil
	case <-p.closing:
		return errClosed()
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, op, ctx.Err())
	}
}

func errClosed() error {
	return file.Wrap(file.Unavailable, op, errors.New("the renderer is closed"))
}
