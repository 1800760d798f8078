package meta

import (
	"context"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Webhook is a URL of a tenant's that is told of events.
type Webhook struct {
	ID          string // wh_ and a ULID: unique in the whole repository, and in the order of time
	Tenant      file.Tenant
	URL         string
	Events      []string // facts, or "*" alone
	Tag         string   // only of files of this tag; of all when empty
	Description string

	Active         bool
	DisabledReason string          // a code; empty while it is active, and where somebody switched it off
	Secrets        []WebhookSecret // the newest first; each signs until it ends

	CreatedAt      time.Time
	UpdatedAt      time.Time
	LastDeliveryAt time.Time // about when one was last delivered
	FailingSince   time.Time // when the first attempt after that failed; zero while they succeed

	Rev int64 // the revision this value was read at; the repository advances it
}

// WebhookSecret signs what a webhook is sent.
type WebhookSecret struct {
	ID        string
	Sealed    string // never the secret itself
	CreatedAt time.Time
	ExpiresAt time.Time // zero for the one that does not end
}

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID        string // whd_ and a ULID
	Webhook   string
	Tenant    file.Tenant
	EventID   string // unique in a webhook
	EventType string // a fact
	FileID    string
	Body      string // what is sent, to the byte

	State       DeliveryState
	Attempts    int       // that were begun
	NextAt      time.Time // when a pending one is due: the next attempt, or the end of the lease of the one that runs
	LastStatus  int       // of HTTP; 0 when nothing was answered
	LastError   string    // of the last attempt that failed, for people
	CreatedAt   time.Time
	DeliveredAt time.Time
	EndedAt     time.Time // when it was delivered or failed; zero for a pending one
	Claim       file.Claim

	Rev int64 // the revision this value was read at; the repository advances it
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"
)

// DeliveryStates lists every state.
var DeliveryStates = []DeliveryState{DeliveryPending, DeliveryDelivered, DeliveryFailed}

// Webhooks keeps webhooks and their deliveries. A webhook and a delivery are changed by compare-and-set on Rev alone.
type Webhooks interface {
	// CreateWebhook inserts w, whose Rev must be 0, and sets it to 1. A Conflict with ConflictID for an id that is taken.
	CreateWebhook(ctx context.Context, w *Webhook) error
	// Webhook returns a webhook of the tenant.
	Webhook(ctx context.Context, t file.Tenant, id string) (*Webhook, error)
	// WebhooksOf returns up to limit webhooks of the tenant, in the order of ID.
	WebhooksOf(ctx context.Context, t file.Tenant, limit int) ([]*Webhook, error)
	// ScanWebhooks returns up to limit webhooks of all tenants with an ID greater than after, in the order of ID.
	ScanWebhooks(ctx context.Context, after string, limit int) ([]*Webhook, error)
	// UpdateWebhook replaces the webhook if it is still at w.Rev, and advances w.Rev by one; otherwise ConflictRev, also for one that
	// is not there. ID and Tenant never change.
	UpdateWebhook(ctx context.Context, w *Webhook) error
	// RemoveWebhook removes the webhook, and then its deliveries. Those that are left when that breaks off, or that are added meanwhile, are for
	// RemoveDelivery. Without one it does nothing.
	RemoveWebhook(ctx context.Context, t file.Tenant, id string) error

	// AddDelivery inserts d, whose Rev must be 0, and sets it to 1, unless the webhook has a delivery of the same event: then it reports
	// false, and nothing has changed.
	AddDelivery(ctx context.Context, d *Delivery) (added bool, err error)
	// Delivery returns a delivery of the tenant.
	Delivery(ctx context.Context, t file.Tenant, id string) (*Delivery, error)
	// UpdateDelivery replaces the delivery as UpdateWebhook does. ID, Webhook, Tenant and EventID never change.
	UpdateDelivery(ctx context.Context, d *Delivery) error
	// RemoveDelivery removes a delivery. Without one it does nothing.
	RemoveDelivery(ctx context.Context, id string) error
	// Deliveries returns the deliveries that match, the newest first.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]*Delivery, error)
	// DueDeliveries returns up to limit pending deliveries of all tenants whose NextAt is at or before the given time, the oldest first,
	// without those of the webhooks to skip.
	DueDeliveries(ctx context.Context, before time.Time, skip []string, limit int) ([]*Delivery, error)
	// EndedDeliveries returns up to limit deliveries of all tenants whose EndedAt is at or before the given time, the oldest first.
	EndedDeliveries(ctx context.Context, before time.Time, limit int) ([]*Delivery, error)
}

// DeliveryQuery selects deliveries of one webhook.
type DeliveryQuery struct {
	Webhook string
	States  []DeliveryState // any of these; all when empty
	Before  string          // continues after the delivery of this ID; empty starts with the newest
	Offset  int
	Limit   int // 1 … MaxLimit
}

// Validate returns an Invalid error for a query without a webhook or with a limit or an offset out of bounds.
func (q DeliveryQuery) Validate() error {
	if q.Webhook == "" || q.Offset < 0 {
		return invalid("a query of deliveries names a webhook, and its offset is not below 0")
	}
	return ValidateLimit(q.Limit)
}

// Due is when the delivery is due; zero for one that has ended.
func (d *Delivery) Due() time.Time {
	if d.State != DeliveryPending {
		return time.Time{}
	}
	return d.NextAt
}

// Wants reports whether the webhook is to be told of a fact about a file of this parent.
func (w *Webhook) Wants(fact, parentKind, parentID string) bool {
	if w.Tag != "" && (parentKind != tagParent || parentID != w.Tag) {
		return false
	}
	return slices.Contains(w.Events, AllEvents) || slices.Contains(w.Events, fact)
}

// AllEvents stands for every fact in Webhook.Events.
const AllEvents = "*"

// tagParent is the kind of the parent that a tag is.
const tagParent = "tag"
