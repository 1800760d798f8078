package desk

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// finish takes the third step: the client says that it has sent the bytes. What its body says of the file is ignored. It may be repeated.
func (d *Dialect) finish(g *gin.Context) {
	f, err := d.record(g, access.Principal.CheckWrite)
	if err != nil {
		d.fail(g, err)
		return
	}
	if err := d.fetchPosted(g, f); err != nil {
		d.fail(g, err)
		return
	}
	if f, err = d.Core.Finish(g.Request.Context(), f.Tenant, file.ByID(f.ID)); err != nil {
		d.fail(g, err)
		return
	}
	if f, err = d.Verdict(g.Request.Context(), f, d.Wait); err != nil {
		d.fail(g, err)
		return
	}
	if f.State == file.Failed {
		d.fail(g, file.Wrap(file.Internal, "desk.finish", errors.New("the file could not be verified: "+f.Reason)))
		return
	}
	g.JSON(http.StatusOK, fileAnswer{d.whole(f, door.Principal(g), d.Base(g.Request))})
}

// fetchPosted takes in the bytes of a promise that were posted to the blob store. It does nothing when they are here, or where only we take forms.
func (d *Dialect) fetchPosted(g *gin.Context, f *file.File) error {
	if f.State != file.Temp || f.BlobKey != "" {
		return nil
	}
	leave, err := d.Enter(g.Request.Context(), f.Tenant)
	if err != nil {
		return err
	}
	defer leave()
	_, err = d.Core.ReceivePosted(g.Request.Context(), file.ByID(f.ID), core.Upload{Tenant: f.Tenant, Limits: d.Limits(f.Tenant), Policy: policy})
	if file.CodeOf(err) == core.CodeReceived { // by a request beside this one
		return nil
	}
	return err
}

// get answers with what is known of a file. One that was deleted says so, and no more than when and by whom.
func (d *Dialect) get(g *gin.Context) {
	f, err := d.record(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, fileAnswer{sparse(d.whole(f, door.Principal(g), d.Base(g.Request)), fieldsOf(g.Request.URL.Query()))})
}
