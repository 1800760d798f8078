package core

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Limits of webhooks.
const (
	MaxWebhooks       = 50   // of a tenant; a few more where several are made at the same moment
	MaxWebhookURL     = 2048 // bytes
	MaxWebhookText    = 255  // bytes of a description
	MaxSecretOverlap  = 7 * 24 * time.Hour
	maxSecrets        = 4  // that sign at once
	webhookSecretSize = 32 // bytes; Standard Webhooks asks for 24 to 64
)

// CodeTooManyWebhooks is the code of the Invalid error for one more webhook than a tenant may have.
const CodeTooManyWebhooks = "too_many_webhooks"

// Why a webhook was switched off by Inlet.
const (
	DisabledGone     = "gone"      // the receiver answered 410
	DisabledFailing  = "failing"   // nothing could be delivered for a day
	DisabledNoTenant = "no_tenant" // its tenant is not there any more; whether it is active says what it is when the tenant is back
)

// WebhookPorts are those of public addresses that a webhook may be at.
var WebhookPorts = []uint16{80, 443, 8080, 8443}

// TestEvent is the type of the event that a tenant asks for to try a webhook.
const TestEvent = "webhook.test"

const (
	webhookPrefix  = "wh_"
	deliveryPrefix = "whd_"
	secretPrefix   = "whsec_" // https://www.standardwebhooks.com, "Signature scheme"
)

// Sealer encrypts the secrets that are kept. place is where one is kept: it can be read nowhere else.
type Sealer interface {
	Seal(secret []byte, place string) string
	Unseal(sealed, place string) (secret []byte, stale bool, err error)
}

// Webhooks are the use cases of webhooks: a tenant's URLs, which are told of events.
type Webhooks struct {
	core     *Core
	seal     Sealer
	observer WebhookObserver
}

// NewWebhooks makes the use cases, over the records of a Core. o may be nil.
func NewWebhooks(c *Core, s Sealer, o WebhookObserver) *Webhooks {
	if o == nil {
		o = unobservedWebhooks{}
	}
	return &Webhooks{core: c, seal: s, observer: o}
}

// WebhookSpec is what a tenant says of a webhook. In a change, what is nil stays.
type WebhookSpec struct {
	URL         *string   // absolute, http or https, without user information or fragment
	Events      *[]string // facts, TestEvent not among them, or "*" alone
	Description *string
	Tag         *string
	Active      *bool
}

// apply changes w by the spec. Errors are Invalid.
func (s WebhookSpec) apply(w *meta.Webhook) error {
	const op = "webhook.spec"
	if s.URL != nil {
		if !isWebhookURL(*s.URL) {
			return file.Errorf(file.Invalid, op, "url must be an absolute http or https URL of at most %d bytes, without user information or fragment", MaxWebhookURL)
		}
		w.URL = *s.URL
	}
	if s.Events != nil {
		events, err := webhookEvents(*s.Events)
		if err != nil {
			return err
		}
		w.Events = events
	}
	if s.Description != nil {
		text, err := displayText("description", *s.Description, MaxWebhookText)
		if err != nil {
			return err
		}
		w.Description = text
	}
	if s.Tag != nil {
		w.Tag = *s.Tag
	}
	if s.Active != nil {
		w.Active, w.DisabledReason = *s.Active, ""
		if w.Active {
			w.FailingSince = time.Time{}
		}
	}
	return nil
}

// isWebhookURL reports whether a webhook may be at a URL. Where it leads is judged when it is used.
func isWebhookURL(raw string) bool {
	if len(raw) > MaxWebhookURL || strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.Fragment == "" &&
		u.Hostname() != "" && !strings.Contains(u.Hostname(), "%")
}

// webhookEvents checks a list of facts, and drops what is named twice.
func webhookEvents(list []string) ([]string, error) {
	events := slices.Compact(slices.Sorted(slices.Values(list)))
	if slices.Contains(events, meta.AllEvents) && len(events) == 1 {
		return events, nil
	}
	var facts []string
	for _, f := range event.Facts {
		facts = append(facts, string(f))
	}
	if len(events) == 0 || slices.ContainsFunc(events, func(e string) bool { return !slices.Contains(facts, e) }) {
		return nil, file.Errorf(file.Invalid, "webhook.events", `events must be ["*"], or a list of %s`, strings.Join(facts, ", "))
	}
	return events, nil
}

// Create makes a webhook, and returns the secret that it signs with, which nobody is told again. Errors are Invalid for a spec that is
// not whole, and with CodeTooManyWebhooks.
func (h *Webhooks) Create(ctx context.Context, t file.Tenant, s WebhookSpec) (*meta.Webhook, string, error) {
	const op = "webhook.create"
	if s.URL == nil || s.Events == nil {
		return nil, "", file.Errorf(file.Invalid, op, "url and events are required")
	}
	now := h.core.now()
	w := &meta.Webhook{ID: webhookPrefix + ulid.Make().String(), Tenant: t, Active: true, CreatedAt: now, UpdatedAt: now}
	if err := s.apply(w); err != nil {
		return nil, "", err
	}
	have, err := h.core.meta.WebhooksOf(ctx, t, MaxWebhooks)
	if err != nil {
		return nil, "", err
	}
	if len(have) >= MaxWebhooks {
		return nil, "", &file.Error{Kind: file.Invalid, Op: op, Code: CodeTooManyWebhooks, Public: "There are as many webhooks as there may be"}
	}
	secret := h.addSecret(w)
	if err := h.core.meta.CreateWebhook(ctx, w); err != nil {
		return nil, "", err
	}
	return w, secret, nil
}

// addSecret gives a webhook a new secret, in front of the others.
func (h *Webhooks) addSecret(w *meta.Webhook) string {
	random := make([]byte, webhookSecretSize)
	_, _ = rand.Read(random) // crypto/rand never fails
	secret := secretPrefix + base64.StdEncoding.EncodeToString(random)
	s := meta.WebhookSecret{ID: ulid.Make().String(), CreatedAt: h.core.now()}
	s.Sealed = h.seal.Seal([]byte(secret), secretPlace(w, s.ID))
	w.Secrets = slices.Insert(w.Secrets, 0, s)
	return secret
}

// secretPlace is what a secret of a webhook is sealed for.
func secretPlace(w *meta.Webhook, id string) string { return string(w.Tenant) + "/" + w.ID + "/" + id }

// List returns the tenant's webhooks, the oldest first.
func (h *Webhooks) List(ctx context.Context, t file.Tenant) ([]*meta.Webhook, error) {
	return h.core.meta.WebhooksOf(ctx, t, meta.MaxLimit)
}

// Get returns a webhook of the tenant.
func (h *Webhooks) Get(ctx context.Context, t file.Tenant, id string) (*meta.Webhook, error) {
	return h.core.meta.Webhook(ctx, t, id)
}

// Update changes a webhook. What is pending goes to the URL that it has when it is sent.
func (h *Webhooks) Update(ctx context.Context, t file.Tenant, id string, s WebhookSpec) (*meta.Webhook, error) {
	return h.modify(ctx, t, id, func(w *meta.Webhook) error {
		w.UpdatedAt = h.core.now()
		return s.apply(w)
	})
}

// Remove removes a webhook and its deliveries. An attempt that runs comes to its end. Without one it is NotFound.
func (h *Webhooks) Remove(ctx context.Context, t file.Tenant, id string) error {
	if _, err := h.core.meta.Webhook(ctx, t, id); err != nil {
		return err
	}
	return h.core.meta.RemoveWebhook(ctx, t, id)
}

// Rotate gives a webhook a new secret and returns it. The one before signs too until the overlap ends, and older ones as long as they were
// to. Errors are Invalid for an overlap that is out of bounds.
func (h *Webhooks) Rotate(ctx context.Context, t file.Tenant, id string, overlap time.Duration) (*meta.Webhook, string, error) {
	if overlap < 0 || overlap > MaxSecretOverlap {
		return nil, "", file.Errorf(file.Invalid, "webhook.rotate", "overlap must be between 0s and %s", MaxSecretOverlap)
	}
	var secret string
	w, err := h.modify(ctx, t, id, func(w *meta.Webhook) error {
		now := h.core.now()
		ends := now.Add(overlap)
		for i, s := range w.Secrets {
			if s.ExpiresAt.IsZero() || s.ExpiresAt.After(ends) {
				w.Secrets[i].ExpiresAt = ends
			}
		}
		w.Secrets = liveSecrets(w, now)
		secret = h.addSecret(w)
		w.Secrets = w.Secrets[:min(len(w.Secrets), maxSecrets)]
		w.UpdatedAt = now
		return nil
	})
	return w, secret, err
}

// liveSecrets are those of a webhook that sign at now.
func liveSecrets(w *meta.Webhook, now time.Time) []meta.WebhookSecret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(s meta.WebhookSecret) bool {
		return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
	})
}

// Deliveries returns the deliveries of a webhook, the newest first.
func (h *Webhooks) Deliveries(ctx context.Context, t file.Tenant, q meta.DeliveryQuery) ([]*meta.Delivery, error) {
	if _, err := h.core.meta.Webhook(ctx, t, q.Webhook); err != nil {
		return nil, err
	}
	return h.core.meta.Deliveries(ctx, q)
}

// Redrive sends a delivery that has ended anew, with as many attempts as the first time. One that is pending is due at once.
func (h *Webhooks) Redrive(ctx context.Context, t file.Tenant, webhook, id string) (*meta.Delivery, error) {
	return h.modifyDelivery(ctx, t, id, func(d *meta.Delivery) error {
		now := h.core.now()
		switch {
		case d.Webhook != webhook:
			return file.Errorf(file.NotFound, "webhook.redrive", "not found")
		case d.Claim.Held(now):
			return errUnchanged // an attempt runs
		}
		d.State, d.Attempts, d.NextAt = meta.DeliveryPending, 0, now
		d.DeliveredAt, d.EndedAt = time.Time{}, time.Time{}
		d.Claim = file.Claim{Token: d.Claim.Token + 1}
		return nil
	})
}

// modify is Core.modify for a webhook.
func (h *Webhooks) modify(ctx context.Context, t file.Tenant, id string, fn func(*meta.Webhook) error) (*meta.Webhook, error) {
	return modifyRecord(ctx, h.core, fn,
		func() (*meta.Webhook, error) { return h.core.meta.Webhook(ctx, t, id) },
		func(w *meta.Webhook) error { return h.core.meta.UpdateWebhook(ctx, w) })
}

// modifyDelivery is Core.modify for a delivery.
func (h *Webhooks) modifyDelivery(ctx context.Context, t file.Tenant, id string, fn func(*meta.Delivery) error) (*meta.Delivery, error) {
	return modifyRecord(ctx, h.core, fn,
		func() (*meta.Delivery, error) { return h.core.meta.Delivery(ctx, t, id) },
		func(d *meta.Delivery) error { return h.core.meta.UpdateDelivery(ctx, d) })
}

// modifyRecord reads a record, lets fn change it, and writes it if nobody else did meanwhile; else it starts over. fn is as that of Core.modify.
func modifyRecord[T any](ctx context.Context, c *Core, fn func(*T) error, get func() (*T, error), update func(*T) error) (*T, error) {
	for attempt := 0; ; attempt++ {
		record, err := get()
		if err != nil {
			return nil, err
		}
		if err := fn(record); err == errUnchanged { //nolint:errorlint // a marker, compared by identity
			return record, nil
		} else if err != nil {
			return nil, err
		}
		err = update(record)
		if err == nil {
			return record, nil
		}
		if file.CodeOf(err) != meta.ConflictRev || attempt == modifyAttempts {
			return nil, err
		}
		if err := c.pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}
