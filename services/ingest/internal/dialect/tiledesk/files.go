package tiledesk

import (
	"context"
	"net/http"
	"path"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// verdictWait is how long a read waits for the verdict on a file that is being verified.
const verdictWait = 2 * time.Second

// get streams a file; any value of as_attachment has it saved, even false, as the vendor has it.
func (d *Dialect) get(g *gin.Context) { d.send(g, g.Query("as_attachment") != "") }

// download streams a file to be saved.
func (d *Dialect) download(g *gin.Context) { d.send(g, true) }

func (d *Dialect) send(g *gin.Context, attachment bool) {
	at, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err, faultGet)
		return
	}
	f := at.file
	if f.State == file.Pending {
		if got, err := d.Core.Await(g.Request.Context(), f, min(verdictWait, d.Wait), core.Judged); err == nil {
			f = got
		}
	}
	o := serve.Options{Name: path.Base(at.path), Attachment: attachment}
	answer := d.Download
	if at.thumbnail {
		answer = d.Thumbnail
	}
	if err := answer(g, f, o); err != nil {
		d.fail(g, err, faultGet)
	}
}

// remove deletes a file, and with it its thumbnail. The thumbnail alone cannot be deleted.
func (d *Dialect) remove(g *gin.Context) {
	at, err := d.find(g, access.Principal.CheckDelete)
	if err == nil && at.thumbnail {
		err = errNotFound
	}
	if err != nil {
		d.fail(g, err, faultDelete)
		return
	}
	p := door.Principal(g)
	if _, err := d.Core.Delete(g.Request.Context(), p.Tenant, file.ByID(at.file.ID), p.ID); err != nil {
		d.fail(g, err, faultDelete)
		return
	}
	respond(g, http.StatusOK, deleted(at.file))
}

// found is what a path leads to: a file, or its thumbnail.
type found struct {
	path      string
	file      *file.File
	thumbnail bool
}

// errNotFound is the one error for every path that leads to nothing, be it well-formed or not.
var errNotFound = file.Errorf(file.NotFound, "tiledesk.find", "File not found.")

// find reads the file that the query's path leads to, if the caller may do with it what is checked.
func (d *Dialect) find(g *gin.Context, check func(access.Principal, *file.File) error) (found, error) {
	sent := g.Query("path")
	if sent == "" {
		return found{}, file.Errorf(file.Invalid, "tiledesk.path", "Path parameter is required")
	}
	p := door.Principal(g)
	for _, candidate := range candidates(sent) {
		at, err := d.lookUp(g.Request.Context(), p.Tenant, candidate)
		if file.Is(err, file.NotFound) {
			continue
		}
		if err == nil {
			err = check(p, at.file)
		}
		if err != nil {
			return found{}, err
		}
		door.Show(g, at.file)
		return at, nil
	}
	return found{}, errNotFound
}

// lookUp reads the file at a path, or the one whose thumbnail is there.
func (d *Dialect) lookUp(ctx context.Context, t file.Tenant, p string) (found, error) {
	f, err := d.Core.Get(ctx, t, file.ByPath(p))
	if err == nil {
		return found{path: p, file: f}, nil
	}
	picture, ok := pictureOf(p)
	if !ok || !file.Is(err, file.NotFound) {
		return found{}, err
	}
	f, err = d.Core.Get(ctx, t, file.ByPath(picture))
	return found{path: p, file: f, thumbnail: true}, err
}
