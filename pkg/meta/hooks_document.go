package meta

import (
	"slices"
	"unicode/utf8"

	"github.com/inlethq/inlet/pkg/file"
)

// WebhookRecord is the stored form of a Webhook. Times are as those of Document.
type WebhookRecord struct {
	ID             string         `json:"id" bson:"_id"`
	Tenant         string         `json:"tenant" bson:"tenant"`
	URL            string         `json:"url" bson:"url"`
	Events         []string       `json:"events,omitempty" bson:"events,omitempty"`
	Tag            string         `json:"tag,omitempty" bson:"tag,omitempty"`
	Description    string         `json:"description,omitempty" bson:"description,omitempty"`
	Active         bool           `json:"active,omitempty" bson:"active,omitempty"`
	DisabledReason string         `json:"disabled_reason,omitempty" bson:"disabled_reason,omitempty"`
	Secrets        []SecretRecord `json:"secrets,omitempty" bson:"secrets,omitempty"`
	CreatedAt      int64          `json:"created_at,omitempty" bson:"created_at,omitempty"`
	UpdatedAt      int64          `json:"updated_at,omitempty" bson:"updated_at,omitempty"`
	LastDeliveryAt int64          `json:"last_delivery_at,omitempty" bson:"last_delivery_at,omitempty"`
	FailingSince   int64          `json:"failing_since,omitempty" bson:"failing_since,omitempty"`
	Rev            int64          `json:"rev" bson:"rev"`
}

// SecretRecord is the stored form of a WebhookSecret.
type SecretRecord struct {
	ID        string `json:"id" bson:"id"`
	Sealed    string `json:"sealed" bson:"sealed"`
	CreatedAt int64  `json:"created_at,omitempty" bson:"created_at,omitempty"`
	ExpiresAt int64  `json:"expires_at,omitempty" bson:"expires_at,omitempty"`
}

// DeliveryRecord is the stored form of a Delivery, with what it is found by: Due and Ended are 0 for what is not in that queue.
type DeliveryRecord struct {
	ID          string `json:"id" bson:"_id"`
	Webhook     string `json:"webhook" bson:"webhook"`
	Tenant      string `json:"tenant" bson:"tenant"`
	EventID     string `json:"event_id" bson:"event_id"`
	EventType   string `json:"event_type,omitempty" bson:"event_type,omitempty"`
	FileID      string `json:"file_id,omitempty" bson:"file_id,omitempty"`
	Body        string `json:"body,omitempty" bson:"body,omitempty"`
	State       string `json:"state" bson:"state"`
	Attempts    int    `json:"attempts,omitempty" bson:"attempts,omitempty"`
	NextAt      int64  `json:"next_at,omitempty" bson:"next_at,omitempty"`
	LastStatus  int    `json:"last_status,omitempty" bson:"last_status,omitempty"`
	LastError   string `json:"last_error,omitempty" bson:"last_error,omitempty"`
	CreatedAt   int64  `json:"created_at,omitempty" bson:"created_at,omitempty"`
	DeliveredAt int64  `json:"delivered_at,omitempty" bson:"delivered_at,omitempty"`
	EndedAt     int64  `json:"ended_at,omitempty" bson:"ended_at,omitempty"`
	ClaimBy     string `json:"claim_by,omitempty" bson:"claim_by,omitempty"`
	ClaimUntil  int64  `json:"claim_until,omitempty" bson:"claim_until,omitempty"`
	ClaimToken  int64  `json:"claim_token,omitempty" bson:"claim_token,omitempty"`
	Rev         int64  `json:"rev" bson:"rev"`

	Due int64 `json:"-" bson:"due,omitempty"`
}

// FromWebhook returns the stored form of w at the revision after its own, or an Invalid error for one without id or tenant, or with text that
// is not UTF-8.
func FromWebhook(w *Webhook) (WebhookRecord, error) {
	r := WebhookRecord{
		ID: w.ID, Tenant: string(w.Tenant), URL: w.URL, Events: slices.Clone(w.Events), Tag: w.Tag, Description: w.Description,
		Active: w.Active, DisabledReason: w.DisabledReason,
		Secrets: convert(w.Secrets, func(s WebhookSecret) SecretRecord {
			return SecretRecord{ID: s.ID, Sealed: s.Sealed, CreatedAt: Micros(s.CreatedAt), ExpiresAt: Micros(s.ExpiresAt)}
		}),
		CreatedAt: Micros(w.CreatedAt), UpdatedAt: Micros(w.UpdatedAt), LastDeliveryAt: Micros(w.LastDeliveryAt), FailingSince: Micros(w.FailingSince),
		Rev: w.Rev + 1,
	}
	if err := ValidateTenant(w.Tenant); err != nil {
		return r, err
	}
	if w.ID == "" {
		return r, invalid("a webhook has an id")
	}
	return r, validText(append([]string{w.ID, r.Tenant, w.URL, w.Tag, w.Description, w.DisabledReason}, w.Events...)...)
}

// Webhook returns the webhook that the record describes.
func (r WebhookRecord) Webhook() *Webhook {
	return &Webhook{
		ID: r.ID, Tenant: file.Tenant(r.Tenant), URL: r.URL, Events: slices.Clone(r.Events), Tag: r.Tag, Description: r.Description,
		Active: r.Active, DisabledReason: r.DisabledReason,
		Secrets: convert(r.Secrets, func(s SecretRecord) WebhookSecret {
			return WebhookSecret{ID: s.ID, Sealed: s.Sealed, CreatedAt: Time(s.CreatedAt), ExpiresAt: Time(s.ExpiresAt)}
		}),
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt), LastDeliveryAt: Time(r.LastDeliveryAt), FailingSince: Time(r.FailingSince),
		Rev: r.Rev,
	}
}

// FromDelivery returns the stored form of d at the revision after its own, or an Invalid error for one without ids or tenant, pending without
// a time, or with text that is not UTF-8.
func FromDelivery(d *Delivery) (DeliveryRecord, error) {
	r := DeliveryRecord{
		ID: d.ID, Webhook: d.Webhook, Tenant: string(d.Tenant), EventID: d.EventID, EventType: d.EventType, FileID: d.FileID, Body: d.Body,
		State: string(d.State), Attempts: d.Attempts, NextAt: Micros(d.NextAt), LastStatus: d.LastStatus, LastError: d.LastError,
		CreatedAt: Micros(d.CreatedAt), DeliveredAt: Micros(d.DeliveredAt), EndedAt: Micros(d.EndedAt),
		ClaimBy: d.Claim.By, ClaimUntil: Micros(d.Claim.Until), ClaimToken: d.Claim.Token,
		Rev: d.Rev + 1, Due: Micros(d.Due()),
	}
	if err := ValidateTenant(d.Tenant); err != nil {
		return r, err
	}
	if d.ID == "" || d.Webhook == "" || d.EventID == "" {
		return r, invalid("a delivery has an id, a webhook and an event")
	}
	if !slices.Contains(DeliveryStates, d.State) || (d.State == DeliveryPending) != (r.Due != 0) || (d.State == DeliveryPending) != (r.EndedAt == 0) {
		return r, invalid("a delivery is pending and due at some time, or has ended at some time")
	}
	return r, validText(d.ID, d.Webhook, r.Tenant, d.EventID, d.EventType, d.FileID, d.Body, d.LastError, d.Claim.By)
}

// Delivery returns the delivery that the record describes.
func (r DeliveryRecord) Delivery() *Delivery {
	return &Delivery{
		ID: r.ID, Webhook: r.Webhook, Tenant: file.Tenant(r.Tenant), EventID: r.EventID, EventType: r.EventType, FileID: r.FileID, Body: r.Body,
		State: DeliveryState(r.State), Attempts: r.Attempts, NextAt: Time(r.NextAt), LastStatus: r.LastStatus, LastError: r.LastError,
		CreatedAt: Time(r.CreatedAt), DeliveredAt: Time(r.DeliveredAt), EndedAt: Time(r.EndedAt),
		Claim: file.Claim{By: r.ClaimBy, Until: Time(r.ClaimUntil), Token: r.ClaimToken},
		Rev:   r.Rev,
	}
}

// validText returns an Invalid error unless all is UTF-8.
func validText(texts ...string) error {
	if slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) }) {
		return invalid("the text of a record is UTF-8")
	}
	return nil
}
