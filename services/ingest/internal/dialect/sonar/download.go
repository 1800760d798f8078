package sonar

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// download sends the bytes of a file. Besides the vendor's number it takes the forms of id that the native API has.
func (d *Dialect) download(g *gin.Context) {
	ref, err := file.ParseRef(g.Param("id"))
	if err != nil {
		d.fail(g, noFile()) // a malformed id is an id that nothing has
		return
	}
	f, err := d.find(g, door.Principal(g), ref, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	door.Show(g, f)
	if err := d.Download(g, f, serve.Options{}); err != nil {
		d.fail(g, err)
	}
}

// find reads a file that the caller has the right to.
func (d *Dialect) find(ctx context.Context, p access.Principal, ref file.Ref, check func(access.Principal, *file.File) error) (*file.File, error) {
	f, err := d.Core.Get(ctx, p.Tenant, ref)
	if file.Is(err, file.NotFound) {
		return nil, noFile()
	}
	if err != nil {
		return nil, err
	}
	return f, check(p, f)
}

func noFile() error { return file.Errorf(file.NotFound, "sonar.find", "File not found") }
