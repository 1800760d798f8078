package core

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Notify makes, durably, a delivery of an event for every webhook of its tenant that wants it, and reports whether there is one that was not
// there before. It may be called with the same event any number of times: a webhook gets one delivery of it. A webhook is not told of what
// happened before it was made. body is the event as it was published, which is what is sent.
func (h *Webhooks) Notify(ctx context.Context, e event.Event, body []byte) (added bool, err error) {
	f := e.Data.File
	webhooks, err := h.core.meta.WebhooksOf(ctx, f.Tenant, meta.MaxLimit)
	if err != nil {
		return false, err
	}
	for _, w := range webhooks {
		if !sends(w) || e.Time.Before(w.CreatedAt) || !w.Wants(string(e.Fact()), f.ParentKind, f.ParentID) {
			continue
		}
		d := h.newDelivery(w, e.ID, string(e.Fact()), body)
		d.FileID = string(f.ID)
		fresh, err := h.core.meta.AddDelivery(ctx, d)
		if err != nil {
			return added, err
		}
		added = added || fresh
	}
	return added, nil
}

// sends reports whether a webhook is told of what happens.
func sends(w *meta.Webhook) bool { return w.Active && w.DisabledReason != DisabledNoTenant }

func (h *Webhooks) newDelivery(w *meta.Webhook, id, eventType string, body []byte) *meta.Delivery {
	now := h.core.now()
	return &meta.Delivery{
		ID: deliveryPrefix + ulid.Make().String(), Webhook: w.ID, Tenant: w.Tenant, EventID: id, EventType: eventType, Body: string(body),
		State: meta.DeliveryPending, NextAt: now, CreatedAt: now,
	}
}

// testEvent is the CloudEvent of TestEvent.
type testEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        testData  `json:"data"`
}

type testData struct {
	Webhook string      `json:"webhook"`
	Tenant  file.Tenant `json:"tenant"`
}

// Test makes a delivery of a TestEvent, which goes the way of all others, to a webhook that is switched off too.
func (h *Webhooks) Test(ctx context.Context, t file.Tenant, id string) (*meta.Delivery, error) {
	w, err := h.core.meta.Webhook(ctx, t, id)
	if err != nil {
		return nil, err
	}
	e := testEvent{
		SpecVersion: "1.0", ID: ulid.Make().String(), Source: "inlet/" + string(t), Type: event.Prefix + TestEvent, Subject: w.ID,
		Time: h.core.now().UTC(), ContentType: "application/json", Data: testData{Webhook: w.ID, Tenant: t},
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, file.Wrap(file.Internal, "webhook.test", err)
	}
	d := h.newDelivery(w, e.ID, TestEvent, body)
	if _, err := h.core.meta.AddDelivery(ctx, d); err != nil {
		return nil, err
	}
	return d, nil
}
