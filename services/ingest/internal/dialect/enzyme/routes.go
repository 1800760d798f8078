// Package enzyme is the files API of Enzyme.
package enzyme

import (
	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// Dialect serves the API.
type Dialect struct {
	*door.Door
}

// New makes the dialect.
func New(d *door.Door) *Dialect {
	return &Dialect{Door: d}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return "enzyme" }

// Mount implements router.Dialect.
func (d *Dialect) Mount(gin.IRouter) {}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(*gin.Context) bool { return false }

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(*gin.Context) bool { return false }
