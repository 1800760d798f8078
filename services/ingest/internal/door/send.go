package door

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// Download answers with the bytes of a file and counts that, once, when they were asked for whole.
// After an error nothing has been sent.
func (d *Door) Download(g *gin.Context, f *file.File, o serve.Options) error {
	if o.Name == "" {
		o.Name = f.OriginalName
	}
	if o.Modified.IsZero() {
		o.Modified = f.Created.At
	}
	c, err := d.Core.Open(g.Request.Context(), f, "")
	if err != nil {
		return err
	}
	whole, err := Send(g, c, o)
	if err != nil {
		return err
	}
	if whole && g.Request.Method == http.MethodGet && g.GetHeader("Range") == "" {
		d.Core.CountDownload(f)
	}
	return nil
}

// Thumbnail answers with the 200x200 rendering of a file, and waits a moment for one that is being made.
func (d *Door) Thumbnail(g *gin.Context, f *file.File, o serve.Options) error {
	if f.State == file.Ready && f.Thumbnail == file.ThumbnailOwed {
		if got, err := d.Core.Await(g.Request.Context(), f, min(thumbnailWait, d.Wait), core.Settled); err == nil {
			f = got
		}
	}
	c, err := d.Core.Open(g.Request.Context(), f, file.ThumbnailName)
	if err != nil {
		return err
	}
	if o.Modified.IsZero() {
		o.Modified = f.Updated.At
	}
	_, err = Send(g, c, o)
	return err
}

// Send answers with content, closes it, and reports whether it was sent whole. After an error nothing has been sent.
func Send(g *gin.Context, c core.Content, o serve.Options) (bool, error) {
	defer c.Close()
	if err := serve.Content(g, c, o); err != nil {
		return false, err
	}
	return g.Writer.Status() == http.StatusOK, nil
}
