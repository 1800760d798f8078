// Package desk is the files API of Teamwork Desk. A file comes in three steps: its announcement is answered with a form, the form takes the
// bytes to a store that speaks S3's POST Object, and the client says that it has sent them.
//
// It decodes, calls the core, and encodes, and it is that store's door where the bytes come to us. It makes no signature and judges
// none: pkg/sign does. Where the blobs are in an S3 the client posts to the bucket itself.
package desk

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

const (
	dialectName = "desk"
	// apiPath is the API's own place; shortPath is how the vendor's text writes it.
	apiPath   = "/desk/api/v2"
	shortPath = "/v2"
	// uploadsPath is where our forms go.
	uploadsPath = "/desk/uploads/"
)

// policy is what may be uploaded. The vendor names no types.
var policy = content.Generic

// Dialect serves the API.
type Dialect struct {
	*door.Door
	log *slog.Logger
	now func() time.Time
}

// New makes the dialect.
func New(d *door.Door) *Dialect {
	return &Dialect{Door: d, log: d.Log.With("dialect", dialectName), now: d.Core.Now}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	for _, prefix := range []string{apiPath, shortPath} {
		api := r.Group(prefix, d.authenticate)
		api.POST("/files/ref.json", d.announce)
		api.GET("/files.json", d.list)
		api.GET("/files/:id", d.get) // gin has no parameter that ends before ".json"
		api.PATCH("/files/:id", d.finish)
		api.PUT("/files/:id", d.finish)
		open := r.Group(prefix) // a proxyKey is a credential, too
		open.GET("/files/:id/download", d.download)
		open.HEAD("/files/:id/download", d.download)
	}
	r.POST(uploadsPath, d.receive)
}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(g *gin.Context) bool {
	if !owns(g) {
		return false
	}
	d.fail(g, file.Errorf(file.NotFound, "desk.route", "No such endpoint"))
	return true
}

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(g *gin.Context) bool {
	switch {
	case g.Request.URL.Path == uploadsPath:
		d.refusePost(g, http.StatusMethodNotAllowed, "MethodNotAllowed", "Only POST is allowed here")
	case owns(g):
		d.answerErrors(g, http.StatusMethodNotAllowed, newError("method_not_allowed", "Method not allowed", "The endpoint has no such method"))
	default:
		return false
	}
	return true
}

// owns reports whether a path is one of this dialect's, with a route or without.
func owns(g *gin.Context) bool {
	path := g.Request.URL.Path
	return strings.HasPrefix(path, "/desk/") || strings.HasPrefix(path, shortPath+"/")
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

// record reads the file that the path names in whatever state it is, if the caller may know of it. A promise is its maker's alone.
//
// (The core is handed the request's context and never g itself: gin gives that to another request while a driver may still ask it for its end.)
func (d *Dialect) record(g *gin.Context, check func(access.Principal, *file.File) error) (*file.File, error) {
	ref, err := fileRef(g)
	if err != nil {
		return nil, err
	}
	p := door.Principal(g)
	f, err := d.Core.Record(g.Request.Context(), p.Tenant, ref)
	if file.Is(err, file.NotFound) || err == nil && f.State == file.Temp && f.Created.ID != p.ID {
		return nil, errNotFound()
	}
	if err != nil {
		return nil, err
	}
	if err := check(p, f); err != nil {
		return nil, err
	}
	door.Show(g, f)
	return f, nil
}

// fileRef reads the path's id: the number, as the vendor has it, or one of our own forms, each with .json behind it or not.
func fileRef(g *gin.Context) (file.Ref, error) {
	ref, err := file.ParseRef(strings.TrimSuffix(g.Param("id"), ".json"))
	if err != nil {
		return file.Ref{}, errNotFound() // a malformed id is an id that nothing has
	}
	return ref, nil
}

func errNotFound() error { return file.Errorf(file.NotFound, "desk.find", "File not found") }
