package core

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/meta"
)

// maxEnded is how many deliveries of a webhook that have ended are kept, besides the pending ones.
const maxEnded = 10_000

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

// Tend looks after every webhook: it removes all but the newest deliveries of those that have ended, drops secrets that have, and seals what an
// older key has sealed anew.
func (h *Webhooks) Tend(ctx context.Context) error {
	for after := ""; ; {
		page, err := h.core.meta.ScanWebhooks(ctx, after, careBatch)
		if err != nil {
			return err
		}
		for _, w := range page {
			if err := h.tend(ctx, w); err != nil {
				return err
			}
			after = w.ID
		}
		if len(page) < careBatch {
			return nil
		}
	}
}

// careBatch is how many records Tend looks at in one go.
const careBatch = 100

func (h *Webhooks) tend(ctx context.Context, w *meta.Webhook) error {
	old, err := h.core.meta.Deliveries(ctx, meta.DeliveryQuery{
		Webhook: w.ID, States: []meta.DeliveryState{meta.DeliveryDelivered, meta.DeliveryFailed}, Offset: maxEnded, Limit: meta.MaxLimit,
	})
	if err != nil {
		return err
	}
	if err := h.removeAll(ctx, old); err != nil {
		return err
	}
	if !h.refresh(w) {
		return nil
	}
	_, err = h.modify(ctx, w.Tenant, w.ID, func(w *meta.Webhook) error {
		if !h.refresh(w) {
			return errUnchanged
		}
		return nil
	})
	return ignoreGone(err)
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
