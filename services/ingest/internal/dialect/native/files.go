package native

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// maxPatchBytes bounds the body of a PATCH.
const maxPatchBytes = 32 << 10

func (d *Dialect) get(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: whole(f, d.Base(g.Request))})
}

func (d *Dialect) timeline(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: timeline(f)})
}

func (d *Dialect) update(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckWrite)
	if err != nil {
		d.fail(g, err)
		return
	}
	var body struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxPatchBytes))
	decoder.DisallowUnknownFields() // nobody shall think that a size or an owner was changed
	err = decoder.Decode(&body)
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		d.fail(g, &file.Error{Kind: file.Invalid, Op: "native.update", Public: "The body must be a JSON object with name, description, or both", Err: err})
		return
	}
	p := door.Principal(g)
	f, err = d.Core.Update(g.Request.Context(), p.Tenant, file.ByID(f.ID), p.ID, core.Patch{Name: body.Name, Description: body.Description, IfMatch: ifMatch(g.Request)})
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: whole(f, d.Base(g.Request))})
}

// ifMatch reads the condition of RFC 9110, 13.1.1; nil when there is none.
func ifMatch(r *http.Request) func(string) bool {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(sha256 string) bool {
		for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == serve.ETag(sha256) {
				return true
			}
		}
		return false
	}
}

func (d *Dialect) remove(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckDelete)
	if err != nil {
		d.fail(g, err)
		return
	}
	p := door.Principal(g)
	if _, err := d.Core.Delete(g.Request.Context(), p.Tenant, file.ByID(f.ID), p.ID); err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, messageBody{Success: true, Message: "File deleted successfully"})
}
