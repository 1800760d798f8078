package core

import (
	"bytes"
	"context"
	"io"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// Rendering is a picture made from a file. It is small: its size is bounded by what a Transform may ask for.
type Rendering struct {
	Data          []byte
	Type          string
	Width, Height int
}

// Render makes the thumbnail of a file.
type Render func(ctx context.Context, bytes io.ReadSeeker, f *file.File) (Rendering, error)

// MakeThumbnail gives a verified picture its thumbnail. It is safe to call at any time, any number of times, from anywhere:
// however often it runs, the file ends with one.
func (c *Core) MakeThumbnail(ctx context.Context, h Hint, render Render) error {
	return c.underClaim(ctx, h, file.WorkThumbnail, func(ctx context.Context, f *file.File) (func(*file.File) error, func(), error) {
		pic, err := c.render(ctx, f, render)
		if err != nil {
			return nil, nil, err
		}
		key := variantKey(f.Tenant, f.ID, file.ThumbnailName, f.Claim.Token)
		info, err := c.putRendering(ctx, key, pic)
		if err != nil {
			return nil, nil, err
		}
		variant := file.Variant{Name: file.ThumbnailName, Width: pic.Width, Height: pic.Height, Type: pic.Type, Size: info.Size, SHA256: info.SHA256, BlobKey: key}
		commit := func(f *file.File) error {
			f.Variants = append(f.Variants, variant)
			f.Thumbnail = file.ThumbnailMade
			f.Log(file.Step{What: "thumbnail"})
			c.oweVariant(f, variant.Name)
			return nil
		}
		undo := func() {
			ctx, cancel := detach(ctx)
			defer cancel()
			c.discard(ctx, f.Tenant, f.ID, key)
		}
		return commit, undo, nil
	})
}

func (c *Core) render(ctx context.Context, f *file.File, render Render) (Rendering, error) {
	r, err := c.openBlob(ctx, f.BlobKey)
	if err != nil {
		return Rendering{}, err
	}
	defer r.Close()
	ctx, span := c.within(ctx, "render", trace.SpanKindInternal)
	began := time.Now()
	pic, err := render(ctx, r, f)
	c.observer.Rendered(time.Since(began), err)
	endSpan(span, err)
	return pic, err
}

func (c *Core) putRendering(ctx context.Context, key string, pic Rendering) (blob.Info, error) {
	ctx, k := c.calling(ctx, "blobs", "put")
	info, err := c.blobs.Put(ctx, key, bytes.NewReader(pic.Data), blob.PutOptions{Size: int64(len(pic.Data))})
	k.end(err)
	return info, err
}
