package native

import (
	"time"

	"github.com/inlethq/inlet/pkg/meta"
)

// The JSON of webhooks and their deliveries. It is ours; tagd-ai only has announced its own.

type webhookBody struct {
	ID             string       `json:"id"`
	URL            string       `json:"url"`
	Events         []string     `json:"events"`
	Description    string       `json:"description"`
	Tag            string       `json:"tag"`
	Active         bool         `json:"active"`
	DisabledReason string       `json:"disabled_reason,omitempty"`
	Secrets        []secretBody `json:"secrets"`
	CreatedAt      string       `json:"created_at"`
	UpdatedAt      string       `json:"updated_at"`
	LastDeliveryAt string       `json:"last_delivery_at,omitempty"`
	FailingSince   string       `json:"failing_since,omitempty"`
	Secret         string       `json:"secret,omitempty"` // of the answers that make one, and never again
}

// secretBody tells of a secret, and not the secret.
type secretBody struct {
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"`
	ExpiresAt string `json:"expires_at,omitempty"`
}

type deliveryBody struct {
	ID          string             `json:"id"`
	EventID     string             `json:"event_id"`
	EventType   string             `json:"event_type"`
	FileID      string             `json:"file_id,omitempty"`
	State       meta.DeliveryState `json:"state"`
	Attempts    int                `json:"attempts"`
	NextAt      string             `json:"next_at,omitempty"`
	LastStatus  int                `json:"last_status,omitempty"`
	LastError   string             `json:"last_error,omitempty"`
	CreatedAt   string             `json:"created_at"`
	DeliveredAt string             `json:"delivered_at,omitempty"`
}

type deliveriesBody struct {
	Success    bool           `json:"success"` // true
	Data       []deliveryBody `json:"data"`
	Pagination *deliveryPage  `json:"pagination"`
}

// deliveryPage has no total: deliveries come and go while they are counted.
type deliveryPage struct {
	Limit   int    `json:"limit"`
	HasMore bool   `json:"has_more"`
	Next    string `json:"next_cursor,omitempty"`
}

func webhookOf(w *meta.Webhook) webhookBody {
	b := webhookBody{
		ID: w.ID, URL: w.URL, Events: w.Events, Description: w.Description, Tag: w.Tag, Active: w.Active, DisabledReason: w.DisabledReason,
		Secrets: []secretBody{}, CreatedAt: timeText(w.CreatedAt), UpdatedAt: timeText(w.UpdatedAt),
		LastDeliveryAt: timeText(w.LastDeliveryAt), FailingSince: timeText(w.FailingSince),
	}
	for _, s := range w.Secrets {
		b.Secrets = append(b.Secrets, secretBody{ID: s.ID, CreatedAt: timeText(s.CreatedAt), ExpiresAt: timeText(s.ExpiresAt)})
	}
	return b
}

func webhookWithSecret(w *meta.Webhook, secret string) webhookBody {
	b := webhookOf(w)
	b.Secret = secret
	return b
}

func deliveryOf(d *meta.Delivery) deliveryBody {
	b := deliveryBody{
		ID: d.ID, EventID: d.EventID, EventType: d.EventType, State: d.State, Attempts: d.Attempts, LastStatus: d.LastStatus, LastError: d.LastError,
		CreatedAt: timeText(d.CreatedAt), DeliveredAt: timeText(d.DeliveredAt), NextAt: preciseText(d.Due()),
	}
	if d.FileID != "" {
		b.FileID = "file_" + d.FileID
	}
	return b
}

// preciseText is a time to the millisecond, for what is seconds away.
func preciseText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
