package native

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// download sends a file, or the rendering of it that the query asks for (TG-91). Both count as a download.
func (d *Dialect) download(g *gin.Context) {
	f, t, err := d.asked(g)
	switch {
	case err != nil:
	case t == (imaging.Transform{}):
		err = d.Download(g, f, serve.Options{Cache: cacheControl(g)})
	default:
		var whole bool
		whole, err = d.sendRendering(g, f, t, "")
		if whole && g.Request.Method == http.MethodGet && g.GetHeader("Range") == "" {
			d.Core.CountDownload(f)
		}
	}
	if err != nil {
		d.fail(g, err)
	}
}

// thumbnail sends a small picture of a file: the one that was made unasked, or another that the query asks for (TG-90).
func (d *Dialect) thumbnail(g *gin.Context) {
	f, t, err := d.asked(g)
	t = asThumbnail(t)
	prefix := thumbnailPrefix(t)
	switch {
	case err != nil:
	case t == imaging.Thumbnail:
		err = d.Thumbnail(g, f, serve.Options{Name: prefix + f.OriginalName, Cache: cacheControl(g)})
	default:
		_, err = d.sendRendering(g, f, t, prefix)
	}
	if err != nil {
		d.fail(g, err)
	}
}

// asked finds the file that the path names, and reads what the query wants of it.
func (d *Dialect) asked(g *gin.Context) (*file.File, imaging.Transform, error) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		return nil, imaging.Transform{}, err
	}
	t, err := imaging.Parse(g.Request.URL.Query())
	return f, t, err
}

// asThumbnail makes a transform fill its box, which is that of the usual thumbnail when it has none. One side alone keeps the ratio.
func asThumbnail(t imaging.Transform) imaging.Transform {
	if t.Width == 0 && t.Height == 0 {
		t.Width, t.Height = imaging.ThumbnailSide, imaging.ThumbnailSide
	}
	if t.Width > 0 && t.Height > 0 {
		t.Fit = imaging.Cover
	}
	return t
}

// thumbnailPrefix begins the name of a thumbnail, with the sides that were asked for.
func thumbnailPrefix(t imaging.Transform) string {
	name := "thumbnail"
	for _, side := range []int{t.Width, t.Height} {
		if side > 0 {
			name += "_" + strconv.Itoa(side)
		}
	}
	return name + "-"
}

// sendRendering answers with a rendering and reports whether it was sent whole. After an error nothing has been sent.
func (d *Dialect) sendRendering(g *gin.Context, f *file.File, t imaging.Transform, prefix string) (bool, error) {
	c, err := d.Core.Transform(g.Request.Context(), f, t)
	if err != nil {
		return false, err
	}
	o := serve.Options{Name: prefix + renamed(f.OriginalName, c.Type), Modified: f.Created.At, Cache: cacheControl(g)}
	return door.Send(g, c, o)
}

// cacheControl keeps what came by a signed URL out of every cache: it would outlive the URL there. Empty is the usual.
func cacheControl(g *gin.Context) string {
	if g.GetBool(signedKey) {
		return "private, no-store"
	}
	return ""
}

// renamed gives the name of a picture the extension of the type that it is rendered in. A right one stays as it is spelt.
func renamed(name, mediaType string) string {
	was := content.TypeOf(name)
	if was == mediaType {
		return name
	}
	if content.IsImage(was) {
		name = name[:strings.LastIndexByte(name, '.')]
	}
	extension := strings.TrimPrefix(mediaType, "image/")
	if mediaType == imaging.JPEG.MediaType() {
		extension = "jpg"
	}
	return name + "." + extension
}
