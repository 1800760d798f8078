// Package router puts the dialects on one listener, behind what is the same for all: request ids, the log, metrics, traces and panics.
//
// It knows no route of a dialect and gives no answer in a dialect's name.
package router

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/inlethq/inlet/pkg/telemetry"
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

// Pages are what a browser is shown beside the APIs. They get the requests that no dialect has taken.
type Pages interface {
	http.Handler
	// Has reports whether a request is one for them.
	Has(*http.Request) bool
}

// Config is what the router shows besides the dialects, and what it tells of requests with. Log is required.
type Config struct {
	Pages   []Pages
	Log     *slog.Logger
	Metrics prometheus.Registerer // takes the metrics; may be nil
	Tracing *telemetry.Tracing    // makes the spans; may be nil
}

// New returns the handler of the public listener.
func New(c Config, dialects ...Dialect) http.Handler {
	o := newObserver(c)
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.UseRawPath = true // an encoded slash in a parameter is no separator
	engine.ContextWithFallback = true
	_ = engine.SetTrustedProxies(nil) // nobody's X-Forwarded-For is believed; nil cannot fail
	for _, d := range dialects {
		d.Mount(engine.Group("", o.enter(d.Name())))
	}
	engine.NoRoute(func(g *gin.Context) {
		for _, d := range dialects {
			if d.NotFound(g) {
				requestOf(g.Request.Context()).dialect = d.Name()
				return
			}
		}
		for _, p := range c.Pages {
			if p.Has(g.Request) {
				g.Status(http.StatusOK) // gin has set 404
				p.ServeHTTP(g.Writer, g.Request)
				return
			}
		}
		g.String(http.StatusNotFound, "404 page not found\n")
	})
	engine.NoMethod(func(g *gin.Context) {
		for _, d := range dialects {
			if d.MethodNotAllowed(g) {
				requestOf(g.Request.Context()).dialect = d.Name()
				return
			}
		}
		g.String(http.StatusMethodNotAllowed, "405 method not allowed\n")
	})
	return identify(o.observe(logRequests(c.Log, recoverPanics(c.Log, engine))))
}
