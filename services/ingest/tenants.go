package ingest

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	tenantsLook  = 2 * time.Second  // as often as the directory file is looked at
	tenantsEvery = 10 * time.Minute // where the tenants have not changed: another ingest may have read an older file
)

// tenants tells the webhooks which tenants there are: whoever sends to them does not read the directory file, which has the API keys.
type tenants struct {
	directory *access.Directory
	hooks     *core.Webhooks
	log       *slog.Logger
}

var _ runner = (*tenants)(nil)

// Run implements runner.
func (t *tenants) Run(ctx context.Context) error {
	tick := time.NewTicker(tenantsLook)
	defer tick.Stop()
	var told []file.Tenant
	var at time.Time
	for failing := false; ; {
		if now := t.list(); !slices.Equal(now, told) || time.Since(at) >= tenantsEvery {
			err := t.hooks.FollowTenants(ctx, func(id file.Tenant) bool { return slices.Contains(now, id) })
			if err == nil {
				told, at = now, time.Now()
			} else if ctx.Err() == nil && !failing {
				t.log.WarnContext(ctx, "webhooks were not told of the tenants that there are, and this is tried again", "err", err)
			}
			failing = err != nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// list is the ids of the tenants, in the order of the directory.
func (t *tenants) list() []file.Tenant {
	all := t.directory.Tenants()
	ids := make([]file.Tenant, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids
}
