// Package render turns an encoded picture into another one with libvips: smaller, upright, and free of what a camera
// wrote beside the pixels.
//
// It is the only place that links libvips. It works on bytes in memory, at most imaging.MaxSourceBytes of them, and it knows no
// file, no record and no event. All that goes in and comes out is plain data, so that a process of its own could do the work.
//
// Two paths lead through it. JPEG, the bulk of all pictures, goes through bimg, whose use of the decoder's own scaling
// is the fastest there is. All else goes by libvips directly (vips.c), for what bimg does not do: it keeps the frames of
// an animation, multiplies alpha in before it scales, reads from top to bottom, and refuses a source that ends early.
package render

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// Config is what Open needs to know.
type Config struct {
	// Workers is how many pictures are rendered at once, each on one core; the number of cores when 0.
	// Memory grows with it: a worker holds up to four bytes for each pixel of its source.
	Workers int
	// Types are the media types to render, out of Types; all of them when empty. Fewer loaders are fewer ways in.
	Types []string
}

// Types lists the media types that can be rendered.
var Types = []string{typeJPEG, typePNG, typeGIF, typeWebP, typeAVIF, typeHEIC, typeTIFF}

// Picture is the result of a rendering.
type Picture struct {
	Data   []byte
	Type   string // media type
	Width  int    // pixels
	Height int    // pixels, of one frame
	Frames int    // 1 for a still
}

// Renderer renders pictures. Its methods may be called at the same time from many goroutines.
type Renderer struct {
	types   []string
	formats []imaging.Format // that can be written here

	slots   chan struct{} // one element per rendering under way
	closing chan struct{}
	once    sync.Once
}

// Open sets libvips up, for the whole process: loaders that are not made for untrusted input are blocked, no operation is
// cached, each picture has one thread, and the C library keeps two heaps. That is what VIPS_BLOCK_UNTRUSTED=1, VIPS_CONCURRENCY=1 and
// MALLOC_ARENA_MAX=2 do in the environment, which is thus not needed. Open fails when a blocked loader still takes its type, or when
// JPEG, PNG, WebP or GIF cannot be written.
func Open(cfg Config) (*Renderer, error) {
	setup()
	r := &Renderer{types: cfg.Types, closing: make(chan struct{})}
	if len(r.types) == 0 {
		r.types = Types
	}
	for _, t := range r.types {
		if !slices.Contains(Types, t) {
			return nil, fmt.Errorf("render: %q is not one of the types that can be rendered: %v", t, Types)
		}
	}
	if cfg.Workers < 0 {
		return nil, fmt.Errorf("render: %d workers", cfg.Workers)
	}
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	r.slots = make(chan struct{}, workers)

	if err := checkBlocked(); err != nil {
		return nil, err
	}
	var err error
	r.formats, err = writable()
	return r, err
}

// Close refuses new work and waits for what is under way, or for the end of ctx, whose error it returns.
// A second Close waits too.
func (r *Renderer) Close(ctx context.Context) error {
	r.once.Do(func() { close(r.closing) })
	for held := range cap(r.slots) {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			r.release(held)
			return ctx.Err()
		}
	}
	r.release(cap(r.slots))
	return nil
}

// Render makes of src what t says. The picture is turned upright, its colours are converted to sRGB, and metadata is left out.
// It has the type of the original, or JPEG (PNG where there is alpha) when that is HEIC or TIFF, or AVIF on a machine that cannot
// write it. An animation stays one where the output is GIF or WebP, and is its first frame otherwise. JPEG gets white where alpha was.
// The size is that of t.Size. The same input gives the same bytes. src must not change meanwhile and is not kept.
//
// It waits for a free worker. ctx is looked at before and after the rendering, which itself cannot be interrupted.
//
// Errors: TypeRefused for bytes that are not a picture of a configured type, and for a format that cannot be written here; Invalid
// with imaging.CodeTooLarge for a source beyond imaging's limits, found by its header, and with imaging.CodeCorrupt for one that
// does not decode; Invalid for a transform out of range; Cancelled when ctx ended; Unavailable after Close; Internal otherwise.
func (r *Renderer) Render(ctx context.Context, src []byte, t imaging.Transform) (Picture, error) {
	if err := t.Validate(); err != nil {
		return Picture{}, err
	}
	if err := imaging.CheckSourceBytes(int64(len(src))); err != nil {
		return Picture{}, err
	}
	if err := r.acquire(ctx); err != nil {
		return Picture{}, err
	}
	defer r.release(1)

	p, err := r.render(src, t)
	if err != nil {
		return Picture{}, err
	}
	if err := ctx.Err(); err != nil {
		return Picture{}, file.Wrap(file.Cancelled, op, err)
	}
	return p, nil
}

const op = "render"

func (r *Renderer) render(src []byte, t imaging.Transform) (Picture, error) {
	h, err := readHeader(src)
	if err != nil {
		return Picture{}, err
	}
	if !slices.Contains(r.types, h.mediaType) {
		return Picture{}, refused(fmt.Errorf("%s is not configured", h.mediaType))
	}
	if err := imaging.CheckSource(h.width, h.height, h.frames); err != nil {
		return Picture{}, err
	}
	format, err := r.format(h, t.Format)
	if err != nil {
		return Picture{}, err
	}
	j := newJob(h, t, format)
	data, err := j.run(src)
	if err != nil {
		return Picture{}, err
	}
	w, ht := h.upright(j.width, j.height)
	return Picture{Data: data, Type: format.MediaType(), Width: w, Height: ht, Frames: j.frames}, nil
}

// format chooses the encoding of the output.
func (r *Renderer) format(h header, asked imaging.Format) (imaging.Format, error) {
	if asked != imaging.Original {
		if !slices.Contains(r.formats, asked) {
			return "", file.Errorf(file.TypeRefused, op, "%s cannot be written here", asked)
		}
		return asked, nil
	}
	if f, ok := ownFormat[h.mediaType]; ok && slices.Contains(r.formats, f) {
		return f, nil
	}
	if h.alpha {
		return imaging.PNG, nil
	}
	return imaging.JPEG, nil
}

// ownFormat maps the types that can be written to their formats.
var ownFormat = map[string]imaging.Format{
	typeJPEG: imaging.JPEG,
	typePNG:  imaging.PNG,
	typeGIF:  imaging.GIF,
	typeWebP: imaging.WebP,
	typeAVIF: imaging.AVIF,
}

func (r *Renderer) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return file.Wrap(file.Cancelled, op, err)
	}
	select {
	case <-r.closing:
		return errClosed()
	default:
	}
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-r.closing:
		return errClosed()
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, op, ctx.Err())
	}
}

func (r *Renderer) release(n int) {
	for range n {
		<-r.slots
	}
}

func errClosed() error { return file.Wrap(file.Unavailable, op, errors.New("the renderer is closed")) }

func refused(cause error) error {
	return &file.Error{Kind: file.TypeRefused, Op: op, Public: "the file is not an image that can be rendered", Err: cause}
}

func corrupt(cause error) error {
	return &file.Error{Kind: file.Invalid, Op: op, Code: imaging.CodeCorrupt, Public: "the image is damaged", Err: cause}
}
