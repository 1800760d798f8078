package enzyme

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// verdictWait is how long a download waits for the verdict of a file that has just come in. Longer than that, and the client asks again.
const verdictWait = 2 * time.Second

// cacheSigned is the Cache-Control of what a signed URL gives: nobody may have it from a cache when the URL has ended.
const cacheSigned = "private, no-store"

var errNoFile = file.Errorf(file.NotFound, "enzyme.find", "File not found")

// get reads a file of a tenant.
func (d *Dialect) get(g *gin.Context, t file.Tenant) (*file.File, error) {
	id, err := file.ParseID(g.Param("id"))
	if err != nil {
		return nil, errNoFile // a malformed id is an id that nothing has
	}
	f, err := d.Core.Get(g.Request.Context(), t, file.ByID(id))
	if file.Is(err, file.NotFound) {
		return nil, errNoFile
	}
	return f, err
}

// find reads the file that the path names, if its caller may do with it what check says.
func (d *Dialect) find(g *gin.Context, check func(access.Principal, *file.File) error) (*file.File, error) {
	p := door.Principal(g)
	f, err := d.get(g, p.Tenant)
	if err != nil {
		return nil, err
	}
	if err := check(p, f); err != nil {
		return nil, err
	}
	door.Show(g, f)
	return f, nil
}

// findSigned reads the file that the path names, for who has a signed URL of it, if the user who signed it may still read it. A user whom only
// tokens know is trusted until the URL ends.
func (d *Dialect) findSigned(g *gin.Context) (*file.File, error) {
	id, _ := file.ParseID(g.Param("id")) // nothing was ever signed for the empty one
	grant, err := d.Keys.Verify(id, g.Request.URL.Query(), d.Core.Now())
	if err != nil {
		return nil, err
	}
	f, err := d.get(g, grant.Tenant)
	if err != nil {
		return nil, err
	}
	if p, ok := d.Directory.Principal(grant.Tenant, grant.UID); ok {
		if err := d.checkDownload(p, f); err != nil {
			return nil, err
		}
	}
	door.Show(g, f)
	return f, nil
}

// download serves a file to a known caller, or else by a signed URL.
func (d *Dialect) download(g *gin.Context) {
	var (
		f   *file.File
		err error
		o   serve.Options
	)
	if known(door.Principal(g)) {
		f, err = d.find(g, d.checkDownload)
	} else {
		f, err = d.findSigned(g)
		o.Cache = cacheSigned
	}
	if err == nil {
		f, err = d.Core.Await(g.Request.Context(), f, min(verdictWait, d.Wait), core.Judged)
	}
	if err == nil {
		err = d.Download(g, f, o)
	}
	if file.Is(err, file.NotFound) {
		err = errNoFile // whatever has become of it
	}
	if err != nil {
		d.fail(g, err)
	}
}

func (d *Dialect) remove(g *gin.Context) {
	f, err := d.find(g, d.checkDelete)
	if err != nil {
		d.fail(g, err)
		return
	}
	p := door.Principal(g)
	_, err = d.Core.Delete(g.Request.Context(), p.Tenant, file.ByID(f.ID), p.ID)
	if file.Is(err, file.NotFound) {
		err = errNoFile // somebody else was first
	}
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, successBody{Success: true})
}
