package conformance

import (
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/mongo"
)

// everyHookCommand has the store send each kind of command that it knows for webhooks.
func everyHookCommand(t *testing.T, s *mongo.Store, check func(error)) {
	t.Helper()
	ctx := t.Context()
	at := mongoFile(1).Created.At
	w := &meta.Webhook{ID: "wh_1", Tenant: mongoFile(1).Tenant, URL: "https://example.com", Events: []string{meta.AllEvents}, Active: true}
	d := &meta.Delivery{
		ID: "whd_1", Webhook: w.ID, Tenant: w.Tenant, EventID: "e", EventType: "file.stored", Body: "{}", State: meta.DeliveryPending, NextAt: at,
	}
	check(s.CreateWebhook(ctx, w))
	check(s.UpdateWebhook(ctx, w))
	_, err := s.Webhook(ctx, w.Tenant, w.ID)
	check(err)
	_, err = s.WebhooksOf(ctx, w.Tenant, 10)
	check(err)
	_, err = s.ScanWebhooks(ctx, "wh_", 10)
	check(err)
	_, err = s.AddDelivery(ctx, d)
	check(err)
	check(s.UpdateDelivery(ctx, d))
	_, err = s.Delivery(ctx, d.Tenant, d.ID)
	check(err)
	for _, q := range []meta.DeliveryQuery{{}, {Before: "whd_2"}, {States: meta.DeliveryStates, Offset: 1}} {
		q.Webhook, q.Limit = w.ID, 10
		_, err = s.Deliveries(ctx, q)
		check(err)
	}
	for _, skip := range [][]string{nil, {"wh_2", "wh_3"}} {
		_, err = s.DueDeliveries(ctx, at.Add(time.Hour), skip, 10)
		check(err)
	}
	_, err = s.EndedDeliveries(ctx, at.Add(time.Hour), 10)
	check(err)
	check(s.RemoveDelivery(ctx, d.ID))
	check(s.RemoveWebhook(ctx, w.Tenant, w.ID))
}
