package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// Codes of the errors of Transform.
const (
	CodeNotAnImage      = "not_an_image"      // there is nothing to render
	CodeTooManyVariants = "too_many_variants" // the file has as many as a record may carry
)

// RenderSubject is where renderings are asked for.
const RenderSubject = bus.RequestPrefix + "render"

// renderLimit is the longest that a rendering is waited for.
const renderLimit = 30 * time.Second

// RenderRequest asks for a variant, on the bus. Its answer is empty: the record tells of the variant.
type RenderRequest struct {
	Tenant    file.Tenant       `json:"tenant"`
	ID        file.ID           `json:"id"`
	Transform imaging.Transform `json:"transform"`
}

// ReadRenderRequest decodes a request. What is not exactly one, well formed and within the limits, is Invalid.
func ReadRenderRequest(data []byte) (RenderRequest, error) {
	var r RenderRequest
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return RenderRequest{}, &file.Error{Kind: file.Invalid, Op: "transform.request", Public: "not a request for a rendering", Err: err}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return RenderRequest{}, file.Errorf(file.Invalid, "transform.request", "more than a request for a rendering")
	}
	if id, err := file.ParseID(string(r.ID)); err != nil || id != r.ID || r.Tenant == "" {
		return RenderRequest{}, file.Errorf(file.Invalid, "transform.request", "a rendering is of one file of one tenant")
	}
	return r, r.Transform.Validate()
}

// Transform opens the rendering of a picture that t asks for, which is made the first time and kept with the file. The zero t opens the file
// itself. f is what Get returned; the caller closes the Content.
//
// Errors are those of Open, and Invalid for a t out of range, for a file that is not a picture (CodeNotAnImage) and for one whose pixels
// cannot be read; RateLimited for one variant more than a file may have (CodeTooManyVariants); TypeRefused for a format that cannot be written;
// Unavailable when nobody renders now, or not within half a minute.
func (c *Core) Transform(ctx context.Context, f *file.File, t imaging.Transform) (Content, error) {
	if err := t.Validate(); err != nil {
		return Content{}, err
	}
	if t == (imaging.Transform{}) || !f.Servable(c.now()) {
		return c.Open(ctx, f, "")
	}
	if !content.Renderable(f.Type()) {
		return Content{}, errNotAnImage()
	}
	name := variantName(f, t)
	if _, ok := f.Variant(name); !ok {
		var err error
		if f, err = c.obtain(ctx, f, name, t); err != nil {
			return Content{}, err
		}
	}
	return c.Open(ctx, f, name)
}

// obtain asks for a variant and returns the record that has it. All who want the same at the same time share one request, which goes on when
// the one who began it has gone.
func (c *Core) obtain(ctx context.Context, f *file.File, name string, t imaging.Transform) (*file.File, error) {
	if c.renderer == nil {
		return nil, file.Errorf(file.Unavailable, "transform", "Pictures cannot be rendered here")
	}
	if len(f.Variants) >= file.MaxVariants { // not worth a request
		return nil, errTooManyVariants()
	}
	request, err := json.Marshal(RenderRequest{Tenant: f.Tenant, ID: f.ID, Transform: t})
	if err != nil {
		return nil, file.Wrap(file.Internal, "transform", err)
	}
	tenant, id := f.Tenant, f.ID
	asking := trace.ContextWithSpanContext(context.Background(), trace.SpanContextFromContext(ctx))
	done := c.renders.DoChan(string(tenant)+"/"+string(id)+"/"+name, func() (any, error) {
		ctx, cancel := context.WithTimeout(asking, renderLimit)
		defer cancel()
		ctx, k := c.calling(ctx, "bus", "request")
		_, err := c.renderer.Request(ctx, RenderSubject, request)
		k.end(err)
		if err != nil {
			return nil, err
		}
		return c.Get(ctx, tenant, file.ByID(id))
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*file.File), nil
	case <-ctx.Done():
		return nil, file.Wrap(file.Cancelled, "transform", ctx.Err())
	}
}

// variantName names the variant of a file that t asks for: by what comes out, so that all who ask for the same share it, and by the source.
func variantName(f *file.File, t imaging.Transform) string {
	const digits = 16 // of the digest
	var w, h int
	if f.Image != nil {
		w, h = f.Image.Width, f.Image.Height
	}
	return t.Normalize(w, h, f.Type()).Canonical() + "-" + f.SHA256[:min(digits, len(f.SHA256))]
}

func errNotAnImage() error {
	return &file.Error{Kind: file.Invalid, Op: "transform", Code: CodeNotAnImage, Public: "The file is not an image that can be rendered"}
}

func errTooManyVariants() error {
	e := file.Errorf(file.RateLimited, "transform", "A file has at most %d renderings", file.MaxVariants)
	e.Code = CodeTooManyVariants
	return e
}
