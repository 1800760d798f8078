package core

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/meta"
)

const (
	// maxEnded is how many deliveries of a webhook that have ended are kept, besides the pending ones.
	maxEnded = 10_000
	// careBatch is how many records Tend looks at in one go.
	careBatch = 100
)

// PurgeDue removes deliveries that ended longer than keep ago, limit at most, and returns how many that were.
func (h *Webhooks) PurgeDue(ctx context.Context, keep time.Duration, limit int) (int, error) {
	ended, err := h.core.meta.EndedDeliveries(ctx, h.core.now().Add(-keep), limit)
	if err != nil {
		return 0, err
	}
	return len(ended), h.removeAll(ctx, ended)
}

func (h *Webhooks) removeAll(ctx context.Context, list []*meta.Delivery) error {
	for _, d := range list {
		if err := h.core.meta.RemoveDelivery(ctx, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// WebhookState is whether a webhook is told of events and, if it is not, why: the DisabledReason, or because somebody wants it so.
type WebhookState string

// The states besides the reasons.
const (
	WebhookActive WebhookState = "active"
	WebhookOff    WebhookState = "off"
)

// WebhookStates lists them all.
var WebhookStates = []WebhookState{WebhookActive, WebhookOff, DisabledGone, DisabledFailing, DisabledNoTenant}

// stateOf is the state of a webhook.
func stateOf(w *meta.Webhook) WebhookState {
	switch {
	case w.DisabledReason != "":
		return WebhookState(w.DisabledReason)
	case w.Active:
		return WebhookActive
	}
	return WebhookOff
}

// Tend looks after every webhook, and returns how many there are in each state: it removes all but the newest deliveries of those that have ended,
// drops secrets that have, and seals what an older key has sealed anew. For a webhook whose tenant is not there any more it ends what is pending, and
// after a week it removes it.
func (h *Webhooks) Tend(ctx context.Context) (map[WebhookState]int, error) {
	count := map[WebhookState]int{}
	err := h.each(ctx, func(w *meta.Webhook) error {
		w, err := h.tend(ctx, w)
		if err == nil {
			count[stateOf(w)]++
		}
		return ignoreGone(err)
	})
	return count, err
}

// each calls fn for every webhook, until its first error.
func (h *Webhooks) each(ctx context.Context, fn func(*meta.Webhook) error) error {
	for after := ""; ; {
		page, err := h.core.meta.ScanWebhooks(ctx, after, careBatch)
		if err != nil {
			return err
		}
		for _, w := range page {
			after = w.ID
			if err := fn(w); err != nil {
				return err
			}
		}
		if len(page) < careBatch {
			return nil
		}
	}
}

// tend looks after one webhook, and returns it as it is then. Without it it is NotFound.
func (h *Webhooks) tend(ctx context.Context, w *meta.Webhook) (*meta.Webhook, error) {
	if err := h.trim(ctx, w); err != nil {
		return nil, err
	}
	if h.refresh(w) {
		var err error
		w, err = h.modify(ctx, w.Tenant, w.ID, func(w *meta.Webhook) error {
			if !h.refresh(w) {
				return errUnchanged
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if w.DisabledReason == DisabledNoTenant {
		return w, h.forsake(ctx, w)
	}
	return w, nil
}

// trim removes all but the newest deliveries of a webhook that have ended.
func (h *Webhooks) trim(ctx context.Context, w *meta.Webhook) error {
	old, err := h.core.meta.Deliveries(ctx, meta.DeliveryQuery{
		Webhook: w.ID, States: []meta.DeliveryState{meta.DeliveryDelivered, meta.DeliveryFailed}, Offset: maxEnded, Limit: meta.MaxLimit,
	})
	if err != nil {
		return err
	}
	return h.removeAll(ctx, old)
}

// refresh drops the secrets of a webhook that have ended, seals those anew that an older key has sealed, and reports whether it changed anything.
// What cannot be read stays as it is: its key may come back.
func (h *Webhooks) refresh(w *meta.Webhook) bool {
	live := liveSecrets(w, h.core.now())
	changed := len(live) != len(w.Secrets)
	for i, s := range live {
		secret, stale, err := h.seal.Unseal(s.Sealed, secretPlace(w, s.ID))
		if err == nil && stale {
			live[i].Sealed = h.seal.Seal(secret, secretPlace(w, s.ID))
			changed = true
		}
	}
	w.Secrets = live
	return changed
}
