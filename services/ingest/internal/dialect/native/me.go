package native

import (
	"math"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// About is what the installation says of itself.
type About struct {
	Version  string
	Dialects []string // that are switched on
}

func (d *Dialect) mountMe(v1 gin.IRouter) {
	v1.GET("/me", d.getMe)
}

func (d *Dialect) getMe(g *gin.Context) {
	g.Header("Cache-Control", "no-store")
	g.JSON(http.StatusOK, dataBody{Success: true, Data: d.me(door.Principal(g))})
}

type meBody struct {
	ID        string         `json:"id"`
	Kind      access.Kind    `json:"kind"`
	Name      string         `json:"name"`
	Email     string         `json:"email,omitempty"`
	Tenant    string         `json:"tenant"`
	Plan      string         `json:"plan"` // empty for a tenant that has limits and no plan
	Scopes    []access.Scope `json:"scopes"`
	Operator  bool           `json:"operator"`
	Limits    limitsBody     `json:"limits"`
	ExpiresAt string         `json:"expires_at,omitempty"` // when the credential ends
	Version   string         `json:"version"`
	Dialects  []string       `json:"dialects"`
}

// limitsBody is in bytes; 0 is no limit.
type limitsBody struct {
	MaxFileSize int64 `json:"max_file_size"`
	MaxStorage  int64 `json:"max_storage"`
}

// me is what p may know of itself.
func (d *Dialect) me(p access.Principal) meBody {
	tenant, _ := d.Directory.Tenant(p.Tenant)
	b := meBody{
		ID: p.ID, Kind: p.Kind, Name: p.Name, Tenant: string(p.Tenant), Plan: tenant.Plan, Scopes: p.Scopes, Operator: p.Operates(),
		Limits: d.limits(p), ExpiresAt: timeText(p.Expires), Version: d.about.Version, Dialects: d.about.Dialects,
	}
	if b.Scopes == nil {
		b.Scopes = []access.Scope{}
	}
	if u, known := d.Directory.User(p.Tenant, p.ID); known && p.Kind == access.KindUser {
		b.Email = u.Email
	}
	return b
}

// limits are those of p's tenant.
func (d *Dialect) limits(p access.Principal) limitsBody {
	l := d.Limits(p.Tenant)
	if l.MaxStorage == math.MaxInt64 {
		l.MaxStorage = 0
	}
	return limitsBody{MaxFileSize: l.MaxFile, MaxStorage: l.MaxStorage}
}
