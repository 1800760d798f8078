package isolated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/inlethq/inlet/services/thumbnailer/internal/render"
)

// marker is the variable that tells a child what it is.
const marker = "INLET_RENDERER_CHILD"

// environment is a child's: nothing of the parent's secrets. libvips has one thread a picture, and keeps large pictures in memory: it may write no
// file (VIPS_DISC_THRESHOLD).
func environment() []string {
	return []string{
		marker + "=1", "GOTRACEBACK=none", "GOMAXPROCS=2",
		"VIPS_BLOCK_UNTRUSTED=1", "VIPS_CONCURRENCY=1", "VIPS_DISC_THRESHOLD=4g", "MALLOC_ARENA_MAX=2",
	}
}

// Main renders until the parent lets go, and ends the process, if that was started as a child; else it returns at once. Every program that opens
// a Pool calls it first of all.
func Main() {
	if os.Getenv(marker) == "" {
		return
	}
	// A terminal or a service manager signals the whole group. The parent is to finish what it does, and then closes the pipe.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	if err := serve(os.NewFile(3, "requests"), os.NewFile(4, "answers")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve answers requests until there are no more.
func serve(requests io.Reader, answers io.Writer) error {
	err := confine()
	var r *render.Renderer
	if err == nil {
		r, err = render.Open(render.Config{Workers: 1})
	}
	if err := writeText(answers, answer{Failure: failureOf(err)}); err != nil {
		return err
	}
	for {
		var q request
		if err := readText(requests, &q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := allowTime(); err != nil {
			return err
		}
		src := make([]byte, q.Size)
		if _, err := io.ReadFull(requests, src); err != nil {
			return err
		}
		p, err := r.Render(context.Background(), src, q.Transform)
		if err := writeText(answers, answer{
			Failure: failureOf(err), Type: p.Type, Width: p.Width, Height: p.Height, Frames: p.Frames, Size: int64(len(p.Data)),
		}); err != nil {
			return err
		}
		if _, err := answers.Write(p.Data); err != nil {
			return err
		}
	}
}
