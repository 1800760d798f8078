// Package native is the API of Inlet itself. It is tagd-ai's files API (its reference is the wire), with more fields and more routes.
//
// It decodes, calls the core once, and encodes. What may be uploaded, who may do what and what happens to a file is decided elsewhere.
package native

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/fetch"
	"github.com/inlethq/inlet/services/ingest/internal/live"
	"github.com/inlethq/inlet/services/ingest/internal/tus"
)

const (
	dialectName = "native"
	tagKind     = "tag"
	// maxTag bounds a tag's id. Tags have no registry: every well-formed one exists.
	maxTag = 128
)

// Dialect serves /v1.
type Dialect struct {
	*door.Door
	policy    content.Policy
	client    *fetch.Client
	announced chan core.Hint // to fetch
	tus       *tus.Handler
	about     About
	hooks     *egress.Guard
	live      *live.Hub
	operate   *core.System
	started   time.Time
	log       *slog.Logger
}

// Config is what the dialect works with. All is required.
type Config struct {
	Door  *door.Door
	Fetch *fetch.Client // of files from URLs
	// UploadLife is how long a resumable upload waits for its next bytes.
	UploadLife time.Duration
	About      About
	Webhooks   *egress.Guard // where they may be
	Live       *live.Hub     // feeds the streams of events; the caller runs it
	System     *core.System  // for operators
}

// New makes the dialect. It answers without Run, but then leaves what was announced to other processes.
func New(c Config) *Dialect {
	return &Dialect{
		Door: c.Door, policy: content.TagdAI, client: c.Fetch, announced: make(chan core.Hint, maxQueue), about: c.About,
		hooks: c.Webhooks, live: c.Live, operate: c.System, started: time.Now(),
		tus: tus.New(tus.Config{Core: c.Door.Core, Path: uploadsPath, Life: c.UploadLife}), log: c.Door.Log.With("dialect", dialectName),
	}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	v1 := r.Group("/v1", d.authenticate, d.limitRate)
	v1.POST("/files", d.upload)
	v1.POST("/tags/:tag/files", d.upload)
	v1.POST("/files/from-url", d.fromURL)
	v1.POST("/tags/:tag/files/from-url", d.fromURL)
	v1.GET("/files", d.list)
	v1.GET("/tags/:tag/files", d.list)
	v1.GET("/files/:id", d.get)
	v1.PATCH("/files/:id", d.update)
	v1.DELETE("/files/:id", d.remove)
	v1.GET("/files/:id/download", d.download)
	v1.HEAD("/files/:id/download", d.download)
	v1.GET("/files/:id/thumbnail", d.thumbnail)
	v1.HEAD("/files/:id/thumbnail", d.thumbnail)
	v1.GET("/files/:id/timeline", d.timeline)
	v1.POST("/files/:id/sign", d.sign)
	d.mountSession(r)
	d.mountMe(v1)
	d.mountStorage(v1)
	d.mountEvents(v1)
	d.mountSystem(v1)
	d.mountUploads(v1)
	d.mountWebhooks(v1)
}

// NotFound implements router.Dialect.
func (d *Dialect) NotFound(g *gin.Context) bool {
	if !owns(g) {
		return false
	}
	d.fail(g, file.Errorf(file.NotFound, "native.route", "No such endpoint"))
	return true
}

// MethodNotAllowed implements router.Dialect.
func (d *Dialect) MethodNotAllowed(g *gin.Context) bool {
	if !owns(g) {
		return false
	}
	g.AbortWithStatusJSON(http.StatusMethodNotAllowed, errorBody{Error: errorInfo{Code: "method_not_allowed", Message: "The endpoint has no such method"}})
	return true
}

// owns reports whether a path is one of this dialect's, with a route or without.
func owns(g *gin.Context) bool { return strings.HasPrefix(g.Request.URL.Path, "/v1/") }

// limitRate counts the request against the plan and says so in tagd-ai's headers.
func (d *Dialect) limitRate(g *gin.Context) {
	p := door.Principal(g)
	tenant, _ := d.Directory.Tenant(p.Tenant)
	rate := tenant.Limits.Rate
	if g.GetBool(sessionKey) {
		rate = rate.Times(sessionShare)
	}
	decision := d.Limiter.Allow(rateKey(g), rate)
	if decision.Limit > 0 {
		h := g.Writer.Header()
		h.Set("X-RateLimit-Limit", strconv.FormatInt(decision.Limit, 10))
		h.Set("X-RateLimit-Remaining", strconv.FormatInt(decision.Remaining, 10))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(decision.Reset.Unix(), 10))
	}
	if err := decision.Err(); err != nil {
		d.fail(g, err)
	}
}

// find reads the file that the path names, if the caller may know of it.
func (d *Dialect) find(g *gin.Context, check func(access.Principal, *file.File) error) (*file.File, error) {
	return d.findID(g, g.Param("id"), check)
}

// findID reads a file by its id in any form, if the caller may know of it.
func (d *Dialect) findID(g *gin.Context, id string, check func(access.Principal, *file.File) error) (*file.File, error) {
	notFound := file.Errorf(file.NotFound, "native.find", "File not found")
	ref, err := file.ParseRef(id)
	if err != nil {
		return nil, notFound // a malformed id is an id that nothing has
	}
	p := door.Principal(g)
	f, err := d.Core.Get(g.Request.Context(), p.Tenant, ref)
	if file.Is(err, file.NotFound) {
		return nil, notFound
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

// tag reads the tag of the path, if the route has one.
func tag(g *gin.Context) (*file.Parent, error) {
	id, ok := g.Params.Get("tag")
	if !ok {
		return nil, nil
	}
	if !validTag(id) {
		return nil, noTag()
	}
	return &file.Parent{Kind: tagKind, ID: id}, nil
}

func noTag() error { return file.Errorf(file.NotFound, "native.tag", "Tag not found") }

func validTag(id string) bool {
	if id == "" || len(id) > maxTag {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
