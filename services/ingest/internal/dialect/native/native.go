// Package native is the API of Inlet itself. It is tagd-ai's files API (its reference is the wire), with more fields and more routes.
//
// It decodes, calls the core once, and encodes. What may be uploaded, who may do what and what happens to a file is decided elsewhere.
package native

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	dialectName = "native"
	tagKind     = "tag"
	// maxTag bounds a tag's id. Tags have no registry: every well-formed one exists.
	maxTag = 128
)

// Config is what the dialect works with.
type Config struct {
	Core      *core.Core
	Auth      *access.Authenticator
	Directory *access.Directory
	Limiter   *access.Limiter
	Uploads   chan struct{} // one element for each upload in flight; its capacity is the bound
	PublicURL string        // where clients find us; from the request when empty
	Wait      time.Duration // longest wait for a verdict
	MaxFile   int64         // bytes of one file, for all tenants; 0 for the plan's alone
	Log       *slog.Logger
}

// Dialect serves /v1.
type Dialect struct {
	Config
	policy content.Policy
	log    *slog.Logger
}

// New makes the dialect.
func New(cfg Config) *Dialect {
	return &Dialect{Config: cfg, policy: content.TagdAI, log: cfg.Log.With("dialect", dialectName)}
}

// Name implements router.Dialect.
func (d *Dialect) Name() string { return dialectName }

// Mount implements router.Dialect.
func (d *Dialect) Mount(r gin.IRouter) {
	v1 := r.Group("/v1", d.authenticate, d.limitRate)
	v1.POST("/files", d.upload)
	v1.POST("/tags/:tag/files", d.upload)
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

const principalKey = "inlet.principal"

// authenticate lets known callers through.
func (d *Dialect) authenticate(g *gin.Context) {
	p, err := d.Auth.Authenticate(g, access.Request{
		Authorization: g.Request.Header.Values("Authorization"),
		APIKey:        g.Request.Header.Values("X-Api-Key"),
		RemoteAddr:    g.Request.RemoteAddr,
	})
	if err != nil {
		d.fail(g, err)
		return
	}
	g.Set(principalKey, p)
}

func principal(g *gin.Context) access.Principal { return g.MustGet(principalKey).(access.Principal) }

// limitRate counts the request against the plan and says so in tagd-ai's headers.
func (d *Dialect) limitRate(g *gin.Context) {
	p := principal(g)
	tenant, _ := d.Directory.Tenant(p.Tenant)
	decision := d.Limiter.Allow(p.RateKey(), tenant.Limits.Rate)
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

// limits are the bounds of the caller's tenant.
func (d *Dialect) limits(t file.Tenant) core.Limits {
	tenant, _ := d.Directory.Tenant(t)
	l := core.Limits{MaxFile: tenant.Limits.MaxFile, MaxStorage: tenant.Limits.MaxStorage}
	if d.MaxFile > 0 && (l.MaxFile <= 0 || d.MaxFile < l.MaxFile) {
		l.MaxFile = d.MaxFile
	}
	if l.MaxFile == math.MaxInt64 {
		l.MaxFile = 0
	}
	return l
}

// base is the URL that clients reach us at.
func (d *Dialect) base(r *http.Request) string {
	if d.PublicURL != "" {
		return d.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// scopedKey ties an Idempotency-Key to the principal who sent it.
func scopedKey(p access.Principal, key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(string(p.Kind) + "\x00" + p.ID + "\x00" + p.KeyID + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

// find reads the file that the path names, if the caller may know of it.
func (d *Dialect) find(g *gin.Context, check func(access.Principal, *file.File) error) (*file.File, error) {
	notFound := file.Errorf(file.NotFound, "native.find", "File not found")
	ref, err := file.ParseRef(g.Param("id"))
	if err != nil {
		return nil, notFound // a malformed id is an id that nothing has
	}
	p := principal(g)
	f, err := d.Core.Get(g, p.Tenant, ref)
	if file.Is(err, file.NotFound) {
		return nil, notFound
	}
	if err != nil {
		return nil, err
	}
	if err := check(p, f); err != nil {
		return nil, err
	}
	g.Header("Inlet-File-Id", string(f.ID))
	return f, nil
}

// tag reads the tag of the path, if the route has one.
func tag(g *gin.Context) (*file.Parent, error) {
	id, ok := g.Params.Get("tag")
	if !ok {
		return nil, nil
	}
	if !validTag(id) {
		return nil, file.Errorf(file.NotFound, "native.tag", "Tag not found")
	}
	return &file.Parent{Kind: tagKind, ID: id}, nil
}

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
