package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Webhook is a URL that is told of events, signed as Standard Webhooks has it.
type Webhook struct {
	ID             string          `json:"id"` // wh_<ULID>
	URL            string          `json:"url"`
	Events         []string        `json:"events"` // facts, or "*"
	Description    string          `json:"description"`
	Tag            string          `json:"tag"` // tells only of files of this tag, when set
	Active         bool            `json:"active"`
	DisabledReason string          `json:"disabled_reason,omitempty"`
	Secrets        []WebhookSecret `json:"secrets"`
	Secret         string          `json:"secret,omitempty"` // whsec_…; only in the answers of CreateWebhook and RotateWebhook
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	LastDeliveryAt time.Time       `json:"last_delivery_at,omitzero"`
	FailingSince   time.Time       `json:"failing_since,omitzero"`
}

// WebhookSecret is what is known of a secret that signs. The secret itself is shown once.
type WebhookSecret struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// NewWebhook is what a webhook is made of.
type NewWebhook struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Description string   `json:"description,omitempty"`
	Tag         string   `json:"tag,omitempty"`
}

// WebhookPatch is a change of a webhook. What is nil stays as it is.
type WebhookPatch struct {
	URL         *string   `json:"url,omitempty"`
	Events      *[]string `json:"events,omitempty"`
	Description *string   `json:"description,omitempty"`
	Tag         *string   `json:"tag,omitempty"`
	Active      *bool     `json:"active,omitempty"`
}

// Delivery is an event on its way to a webhook.
type Delivery struct {
	ID          string    `json:"id"` // whd_…
	EventID     string    `json:"event_id"`
	EventType   string    `json:"event_type"`
	FileID      string    `json:"file_id"`
	State       string    `json:"state"` // pending, delivered or failed
	Attempts    int       `json:"attempts"`
	NextAt      time.Time `json:"next_at,omitzero"`
	LastStatus  int       `json:"last_status,omitempty"` // of HTTP
	LastError   string    `json:"last_error,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
}

const webhooks = "/v1/webhooks"

func webhookPath(id string) string { return webhooks + "/" + url.PathEscape(id) }

// CreateWebhook makes a webhook. Its Secret is shown this once.
func (c *Client) CreateWebhook(ctx context.Context, w NewWebhook) (Webhook, error) {
	return send[Webhook](ctx, c, http.MethodPost, webhooks, w, true)
}

// Webhooks goes through the webhooks of the tenant. An error is the last pair.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[Webhook, error] {
	return pages[Webhook](ctx, c, request{method: http.MethodGet, path: webhooks})
}

// Webhook reads one.
func (c *Client) Webhook(ctx context.Context, id string) (Webhook, error) {
	return get[Webhook](ctx, c, webhookPath(id))
}

// UpdateWebhook changes one.
func (c *Client) UpdateWebhook(ctx context.Context, id string, p WebhookPatch) (Webhook, error) {
	return send[Webhook](ctx, c, http.MethodPatch, webhookPath(id), p, false)
}

// DeleteWebhook removes one, and what it was still to be told.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.exec(ctx, request{method: http.MethodDelete, path: webhookPath(id)})
}

// TestWebhook sends a webhook an event of no file.
func (c *Client) TestWebhook(ctx context.Context, id string) (Delivery, error) {
	return send[Delivery](ctx, c, http.MethodPost, webhookPath(id)+"/test", nil, true)
}

// RotateWebhook gives a webhook a new Secret, which is shown this once. The one before signs too until overlap has passed.
func (c *Client) RotateWebhook(ctx context.Context, id string, overlap time.Duration) (Webhook, error) {
	body := struct {
		Overlap string `json:"overlap"`
	}{overlap.String()}
	return send[Webhook](ctx, c, http.MethodPost, webhookPath(id)+"/rotate", body, true)
}

// Deliveries goes through what a webhook was told, or is to be; of one state, when that is not empty. An error is the last pair.
func (c *Client) Deliveries(ctx context.Context, id, state string) iter.Seq2[Delivery, error] {
	r := request{method: http.MethodGet, path: webhookPath(id) + "/deliveries", query: url.Values{}}
	if state != "" {
		r.query.Set("state", state)
	}
	return pages[Delivery](ctx, c, r)
}

// Redrive sends a delivery again, now.
func (c *Client) Redrive(ctx context.Context, webhook, delivery string) (Delivery, error) {
	return send[Delivery](ctx, c, http.MethodPost, webhookPath(webhook)+"/deliveries/"+url.PathEscape(delivery)+"/redrive", nil, true)
}
