// Package tiledesk is the files API of Tiledesk: chat files, project assets and avatars, which are known by their paths.
//
// It decodes, calls the core once, and encodes. The vendor's own rules on roles, its list of extensions, its paths and the order of its checks
// are here; what becomes of a file is decided elsewhere.
package tiledesk

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

const dialectName = "tiledesk"

// projectParam is the part of a route that names a project.
const projectParam = "project"

// Dialect serves /v3/{project}/files and /v3/files, as the vendor's hosted API has them, and both without /v3, as a server of one's own does.
type Dialect struct {
	*door.Door
	maxFile   int64
	endpoints []endpoint
	log       *slog.Logger
}

// endpoint is one method of one path below /files.
type endpoint struct {
	method   string
	path     string
	handlers gin.HandlersChain
	projects bool // only under a project
}

// New makes the dialect. cfg is valid.
func New(d *door.Door, cfg Config) *Dialect {
	t := &Dialect{Door: d, maxFile: cfg.MaxFile, log: d.Log.With("dialect", dialectName)}
	t.endpoints = []endpoint{
		{http.MethodPost, "/chat", gin.HandlersChain{t.require(access.RoleGuest), t.upload(chat(cfg))}, true},
		{http.MethodPost, "/assets", gin.HandlersChain{t.require(access.RoleAdmin), t.upload(assets(cfg))}, true},
		{http.MethodPost, "/users/photo", gin.HandlersChain{t.require(access.RoleAgent), t.requireBot, t.upload(avatars())}, true},
		{http.MethodGet, "", gin.HandlersChain{t.get}, false},
		{http.MethodHead, "", gin.HandlersChain{t.get}, false},
		{http.MethodGet, "/download", gin.HandlersChain{t.download}, false},
		{http.MethodHead, "/download", gin.HandlersChain{t.download}, false},
		{http.MethodDelete, "", gin.HandlersChain{t.remove}, false},
	}
	return t
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	inProject := r.Group("/v3/:"+projectParam+"/files", d.enterProject()...)
	for _, e := range d.endpoints {
		inProject.Handle(e.method, e.path, e.handlers...)
	}
	for _, prefix := range []string{"/v3/files", "/files"} {
		outside := r.Group(prefix, d.authenticate)
		for _, e := range d.endpoints {
			if !e.projects {
				outside.Handle(e.method, e.path, e.handlers...)
			}
		}
	}
}

// enterProject is what stands before every route under a project, in the vendor's order.
func (d *Dialect) enterProject() gin.HandlersChain {
	return gin.HandlersChain{d.checkProject, d.authenticate, d.checkMember}
}

// NotFound implements router.Dialect. It serves /{project}/files as well: such a path is told by the form of the project's id. A route with a
// parameter for its first segment would answer in the place of every other API that has a /files.
func (d *Dialect) NotFound(g *gin.Context) bool {
	if project, path, ok := bare(g.Request.URL.Path); ok {
		g.AddParam(projectParam, project)
		d.serveBare(g, path)
		return true
	}
	if !owns(g) {
		return false
	}
	refuse(g, http.StatusNotFound, errorBody{Error: "Not found"})
	return true
}

// bare splits /{project}/files{path}.
func bare(urlPath string) (project, path string, ok bool) {
	project, path, _ = strings.Cut(strings.TrimPrefix(urlPath, "/"), "/")
	path, ok = strings.CutPrefix(path, "files")
	return project, path, ok && isProjectID(project) && (path == "" || path[0] == '/')
}

// serveBare runs the endpoint of a path below /{project}/files.
func (d *Dialect) serveBare(g *gin.Context, path string) {
	var methods []string
	for _, e := range d.endpoints {
		if e.path != path {
			continue
		}
		if methods = append(methods, e.method); e.method == g.Request.Method {
			run(g, slices.Concat(d.enterProject(), e.handlers))
			return
		}
	}
	if methods == nil {
		refuse(g, http.StatusNotFound, errorBody{Error: "Not found"})
		return
	}
	g.Header("Allow", strings.Join(methods, ", "))
	refuse(g, http.StatusMethodNotAllowed, errorBody{Error: "Method not allowed"})
}

// run calls handlers one after the other, until one ends the request.
func run(g *gin.Context, handlers gin.HandlersChain) {
	for _, handle := range handlers {
		if handle(g); g.IsAborted() {
			return
		}
	}
}

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(g *gin.Context) bool {
	if !owns(g) {
		return false
	}
	refuse(g, http.StatusMethodNotAllowed, errorBody{Error: "Method not allowed"})
	return true
}

// owns reports whether a path is one of this dialect's, with a route or without. What is under /files belongs to another.
func owns(g *gin.Context) bool {
	path := g.Request.URL.Path
	return strings.HasPrefix(path, "/v3/") || path == "/files" || path == "/files/download"
}
