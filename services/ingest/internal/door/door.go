// Package door holds what every dialect does in the same way around its core call: it tells who is calling, bounds what comes in, takes uploads
// from forms, waits for verdicts, and sends bytes.
//
// It writes no error and no JSON, and knows no route: an answer's form, its status and the order of checks are the dialect's.
//
// The core is always handed the request's context and never a *gin.Context: gin gives that to another request, while a driver may
// still ask it whether it has ended.
package door

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Config is what a Door works with.
type Config struct {
	Core       *core.Core
	Auth       *access.Authenticator
	Directory  *access.Directory
	Limiter    *access.Limiter
	Keys       *sign.Ring // of signed URLs and of upload policies
	MaxUploads int        // in flight
	MaxShare   int        // of them, for one tenant; half when 0
	PublicURL  string     // where clients find us; from the request when empty
	Wait       time.Duration
	MaxFile    int64 // bytes of one file, for all tenants; 0 for the plan's alone
	Log        *slog.Logger
}

// Door is shared by all dialects. Its methods may be called concurrently.
type Door struct {
	Config
	places  *places // for uploads in flight
	origins *http.CrossOriginProtection
}

// New makes a Door.
func New(cfg Config) *Door {
	return &Door{Config: cfg, places: newPlaces(cfg.MaxUploads, cfg.MaxShare), origins: protection(cfg.PublicURL)}
}

// Authenticate tells who a request comes from.
func (d *Door) Authenticate(r *http.Request) (access.Principal, error) {
	return d.Auth.Authenticate(r.Context(), access.Request{
		Authorization: r.Header.Values("Authorization"),
		APIKey:        r.Header.Values("X-Api-Key"),
		RemoteAddr:    r.RemoteAddr,
	})
}

const principalKey = "inlet.principal"

// Identify notes who a request comes from, for Principal and for the log.
func Identify(g *gin.Context, p access.Principal) {
	g.Set(principalKey, p)
	telemetry.Note(g.Request.Context(), slog.String("tenant", string(p.Tenant)))
}

// Principal is who Identify has noted; nobody when there is none.
func Principal(g *gin.Context) access.Principal {
	p, _ := g.Get(principalKey)
	known, _ := p.(access.Principal)
	return known
}

// Limits are the bounds of a tenant: its plan's, lowered to those of this installation.
func (d *Door) Limits(t file.Tenant) core.Limits {
	tenant, _ := d.Directory.Tenant(t)
	l := core.Limits{MaxFile: tenant.Limits.MaxFile, MaxStorage: tenant.Limits.MaxStorage}
	if l.MaxFile == math.MaxInt64 {
		l.MaxFile = 0
	}
	return Lower(l, d.MaxFile)
}

// Lower bounds a file's size further; 0 leaves it.
func Lower(l core.Limits, maxFile int64) core.Limits {
	if maxFile > 0 && (l.MaxFile <= 0 || maxFile < l.MaxFile) {
		l.MaxFile = maxFile
	}
	return l
}

// Base is the URL that clients reach us at.
func (d *Door) Base(r *http.Request) string {
	if d.PublicURL != "" {
		return d.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// maxIdempotencyKey bounds the header.
const maxIdempotencyKey = 255

// IdempotencyKey ties the Idempotency-Key of a request to the principal who sent it, and to the part of the request that is meant where it
// uploads several files. It is empty for a request without one.
func IdempotencyKey(g *gin.Context, part ...string) (string, error) {
	key := g.GetHeader("Idempotency-Key")
	switch {
	case key == "":
		return "", nil
	case len(key) > maxIdempotencyKey:
		return "", file.Errorf(file.Invalid, "door.idempotency", "Idempotency-Key is longer than %d bytes", maxIdempotencyKey)
	}
	p := Principal(g)
	text := append([]string{string(p.Kind), p.ID, p.KeyID, key}, part...)
	sum := sha256.Sum256([]byte(strings.Join(text, "\x00")))
	return hex.EncodeToString(sum[:]), nil
}

// Show puts the id of the file that an answer is about into its header: every dialect's answers carry it, whatever their own form of id.
// The log of the request names it, too.
func Show(g *gin.Context, f *file.File) {
	g.Header("Inlet-File-Id", string(f.ID))
	telemetry.Note(g.Request.Context(), slog.String("file", string(f.ID)))
}
