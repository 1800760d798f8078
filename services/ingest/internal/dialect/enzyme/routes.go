// Package enzyme is the files API of Enzyme (its page "File uploads and downloads" is the wire): files of chat channels, and signed URLs for them.
//
// It decodes, calls the core once, and encodes. Who is in which workspace and channel is the directory's to say; messages, and what refers to a
// file in them, are not here.
package enzyme

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

const dialectName = "enzyme"

// Kinds of resource that files and roles name.
const (
	channelKind   = "channel"
	workspaceKind = "workspace"
)

// Dialect serves the API, at the root as the vendor's page has it, and under /api as its server has it.
//
// The core gets the context of the request and never gin's: gin uses its own again for other requests, and a driver may look at one for a moment
// after its call.
type Dialect struct {
	*door.Door
	log *slog.Logger
}

// New makes the dialect.
func New(d *door.Door) *Dialect {
	return &Dialect{Door: d, log: d.Log.With("dialect", dialectName)}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	for _, base := range []string{"", "/api"} {
		open := r.Group(base, d.authenticate)
		open.GET("/files/:id/download", d.download)
		open.HEAD("/files/:id/download", d.download)
		known := open.Group("", d.demandCaller)
		known.POST("/channels/:id/files/upload", d.upload)
		known.POST("/files/sign-urls", d.signMany)
		known.POST("/files/:id/sign-url", d.signOne)
		known.POST("/files/:id/delete", d.remove)
	}
}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(g *gin.Context) bool {
	if !owns(g.Request.URL.Path) {
		return false
	}
	d.fail(g, &file.Error{Kind: file.NotFound, Op: "enzyme.route"})
	return true
}

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(g *gin.Context) bool {
	if !owns(g.Request.URL.Path) {
		return false
	}
	g.AbortWithStatusJSON(http.StatusMethodNotAllowed, errorBody{errorInfo{Code: "METHOD_NOT_ALLOWED", Message: "The endpoint has no such method"}})
	return true
}

// owns reports whether a path is one of this dialect's, with a route or without. /files and what is right below it are other vendors', and so is
// /api/graphql.
func owns(path string) bool {
	rest, underAPI := strings.CutPrefix(path, "/api/")
	if !underAPI {
		rest = strings.TrimPrefix(path, "/")
	}
	switch section, below, _ := strings.Cut(rest, "/"); section {
	case "channels":
		return true
	case "files":
		return below == "sign-urls" || strings.Contains(below, "/")
	default:
		return underAPI && section != "graphql"
	}
}

// authenticate notes who is calling. As the vendor has it, a credential that is not accepted is as good as none.
func (d *Dialect) authenticate(g *gin.Context) {
	p, err := d.Authenticate(g.Request)
	switch {
	case err == nil:
		door.Identify(g, p)
	case !file.Is(err, file.Unauthorized):
		d.fail(g, err)
	}
}

// demandCaller lets known callers through.
func (d *Dialect) demandCaller(g *gin.Context) {
	if !known(door.Principal(g)) {
		d.fail(g, &file.Error{Kind: file.Unauthorized, Op: "enzyme.authenticate"})
	}
}
