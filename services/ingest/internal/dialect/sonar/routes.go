// Package sonar is the files API of Sonar: uploads and downloads by REST, all else by GraphQL.
//
// It decodes, calls the core, and encodes. The GraphQL schema is package graph's. What may be uploaded, who may do what and what happens to
// a file is decided elsewhere.
package sonar

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

const (
	dialectName = "sonar"
	filesPath   = "/api/files"
	graphqlPath = "/api/graphql"
)

// Dialect serves the API.
type Dialect struct {
	*door.Door
	exec *executor.Executor
	log  *slog.Logger
}

// New makes the dialect.
func New(d *door.Door) *Dialect {
	s := &Dialect{Door: d, log: d.Log.With("dialect", dialectName)}
	s.exec = newExecutor(s)
	return s
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	api := r.Group("", d.authenticate)
	api.POST(filesPath, d.upload)
	api.GET(filesPath+"/:id", d.download)
	api.HEAD(filesPath+"/:id", d.download)
	api.POST(graphqlPath, d.graphql)
}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(g *gin.Context) bool {
	if !owns(g.Request.URL.Path) {
		return false
	}
	d.fail(g, file.Errorf(file.NotFound, "sonar.route", "No such endpoint"))
	return true
}

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(g *gin.Context) bool {
	if !owns(g.Request.URL.Path) {
		return false
	}
	answerError(g, answer{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "The endpoint has no such method"})
	return true
}

// owns reports whether a path is one of this dialect's, with a route or without. Enzyme has the paths below a file.
func owns(path string) bool {
	if rest, ok := strings.CutPrefix(path, filesPath); ok {
		return rest == "" || rest[0] == '/' && !strings.Contains(rest[1:], "/")
	}
	return isGraphQL(path)
}

func isGraphQL(path string) bool {
	return path == graphqlPath || strings.HasPrefix(path, graphqlPath+"/")
}

// authenticate lets known callers through.
func (d *Dialect) authenticate(g *gin.Context) {
	p, err := d.Authenticate(g.Request)
	if err != nil {
		d.fail(g, err)
		return
	}
	door.Identify(g, p)
}
