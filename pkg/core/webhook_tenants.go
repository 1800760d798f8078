package core

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// tenantGrace is how long the webhooks of a tenant that is not there any more are kept, for who has removed it by mistake. Nothing is sent meanwhile.
const tenantGrace = 7 * 24 * time.Hour

// FollowTenants notes in every webhook whether its tenant is there. Nothing is sent for a tenant that is not; one that is back finds its webhooks active
// or not as they were, without what has happened meanwhile.
func (h *Webhooks) FollowTenants(ctx context.Context, there func(file.Tenant) bool) error {
	return h.each(ctx, func(w *meta.Webhook) error {
		change := func(w *meta.Webhook) error {
			is, was := there(w.Tenant), w.DisabledReason != DisabledNoTenant
			if is == was {
				return errUnchanged
			}
			w.DisabledReason, w.UpdatedAt = "", h.core.now()
			if !is {
				w.DisabledReason = DisabledNoTenant
			}
			return nil
		}
		before := *w
		if change(&before) != nil {
			return nil
		}
		after, err := h.modify(ctx, w.Tenant, w.ID, change)
		if err != nil {
			return ignoreGone(err)
		}
		if after.DisabledReason == DisabledNoTenant {
			h.switchedOff(after)
		}
		return nil
	})
}

// forsake ends what is pending for a webhook without a tenant, and removes it in the end. An attempt that runs comes to its end.
func (h *Webhooks) forsake(ctx context.Context, w *meta.Webhook) error {
	if h.core.now().Sub(w.UpdatedAt) >= tenantGrace {
		return h.core.meta.RemoveWebhook(ctx, w.Tenant, w.ID)
	}
	pending, err := h.core.meta.Deliveries(ctx, meta.DeliveryQuery{Webhook: w.ID, States: []meta.DeliveryState{meta.DeliveryPending}, Limit: meta.MaxLimit})
	if err != nil {
		return err
	}
	for _, d := range pending {
		dropped := false
		_, err := h.modifyDelivery(ctx, d.Tenant, d.ID, func(d *meta.Delivery) error {
			if dropped = d.State == meta.DeliveryPending && !d.Claim.Held(h.core.now()); !dropped {
				return errUnchanged
			}
			h.drop(d, noTenantText)
			return nil
		})
		if err != nil && !file.Is(err, file.NotFound) {
			return err
		}
		if err == nil && dropped {
			h.observer.Turned(OutcomeDropped)
		}
	}
	return nil
}
