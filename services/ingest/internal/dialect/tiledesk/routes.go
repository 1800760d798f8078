// Package tiledesk is the files API of Tiledesk.
package tiledesk

import (
	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// Config holds the vendor's own settings.
type Config struct {
}

// Dialect serves the API.
type Dialect struct {
	*door.Door
}

// New makes the dialect.
func New(d *door.Door, cfg Config) *Dialect {
	_ = cfg
	return &Dialect{Door: d}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return "tiledesk" }

// Mount implements router.Dialect.
func (d *Dialect) Mount(gin.IRouter) {}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(*gin.Context) bool { return false }

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(*gin.Context) bool { return false }
