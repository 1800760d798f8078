// Package router puts the dialects on one listener, behind what is the same for all: request ids, the log, panics, and the bound on uploads.
//
// It knows no route of a dialect and gives no answer in a dialect's name.
package router

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Dialect is one vendor's API.
type Dialect interface {
	// Name is what INLET_DIALECTS calls it.
	Name() string
	// Mount adds the dialect's routes.
	Mount(gin.IRouter)
	// NotFound answers a request for a path that no dialect has, in the dialect's form; false when the path is not one of its own.
	NotFound(*gin.Context) bool
	// MethodNotAllowed answers a request for a path that exists with other methods, which the Allow header names; false as above.
	MethodNotAllowed(*gin.Context) bool
}

// New returns the handler of the public listener.
func New(log *slog.Logger, dialects ...Dialect) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.UseRawPath = true // an encoded slash in a parameter is no separator
	engine.ContextWithFallback = true
	_ = engine.SetTrustedProxies(nil) // nobody's X-Forwarded-For is believed; nil cannot fail
	for _, d := range dialects {
		d.Mount(engine)
	}
	engine.NoRoute(func(g *gin.Context) {
		for _, d := range dialects {
			if d.NotFound(g) {
				return
			}
		}
		g.String(http.StatusNotFound, "404 page not found\n")
	})
	engine.NoMethod(func(g *gin.Context) {
		for _, d := range dialects {
			if d.MethodNotAllowed(g) {
				return
			}
		}
		g.String(http.StatusMethodNotAllowed, "405 method not allowed\n")
	})
	return identify(logRequests(log, recoverPanics(log, engine)))
}
