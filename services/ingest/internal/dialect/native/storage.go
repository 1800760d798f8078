package native

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

func (d *Dialect) mountStorage(v1 gin.IRouter) {
	v1.GET("/storage", d.storage)
}

// storageBody is in bytes.
type storageBody struct {
	Used int64 `json:"used"` // by files, and set aside for uploads in flight
	Held int64 `json:"held"` // of those, set aside
	limitsBody
}

// storage tells how much the tenant stores, to those who may read or upload anywhere in it.
func (d *Dialect) storage(g *gin.Context) {
	p := door.Principal(g)
	if !p.CanRead(&file.File{Tenant: p.Tenant}) && !p.CanUpload(p.Tenant, file.Parent{}) {
		d.fail(g, file.Errorf(file.Forbidden, "native.storage", "you do not have permission to do this"))
		return
	}
	a, err := d.Core.Usage(g.Request.Context(), p.Tenant)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: storageBody{Used: a.Used, Held: a.Held, limitsBody: d.limits(p)}})
}
