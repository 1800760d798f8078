package core

import (
	"time"

	"github.com/inlethq/inlet/pkg/meta"
)

// WebhookObserver is told what becomes of deliveries, to count it. It decides nothing. Its methods are called from many goroutines, in the way of
// the work, and return at once.
type WebhookObserver interface {
	// Attempted tells of an attempt, and how long the receiver took.
	Attempted(took time.Duration)
	// Turned tells what has become of a delivery.
	Turned(DeliveryOutcome)
	// SwitchedOff tells of a webhook that Inlet has switched off, with its DisabledReason.
	SwitchedOff(reason string)
}

// DeliveryOutcome is what becomes of a delivery at its turn.
type DeliveryOutcome string

// The outcomes.
const (
	OutcomeDelivered DeliveryOutcome = "delivered"
	OutcomeRetried   DeliveryOutcome = "retried"   // the attempt has failed, and another follows
	OutcomeFailed    DeliveryOutcome = "failed"    // so has the last one, or the receiver is gone
	OutcomeDropped   DeliveryOutcome = "dropped"   // without an attempt: the webhook is off, or its tenant gone
	OutcomeAbandoned DeliveryOutcome = "abandoned" // whoever made the attempt has died or was told to end: it is made again
)

// DeliveryOutcomes lists them all.
var DeliveryOutcomes = []DeliveryOutcome{OutcomeDelivered, OutcomeRetried, OutcomeFailed, OutcomeDropped, OutcomeAbandoned}

// unobservedWebhooks is the observer of Webhooks without one.
type unobservedWebhooks struct{}

func (unobservedWebhooks) Attempted(time.Duration) {}
func (unobservedWebhooks) Turned(DeliveryOutcome)  {}
func (unobservedWebhooks) SwitchedOff(string)      {}

// switchedOff tells that a webhook was switched off.
func (h *Webhooks) switchedOff(w *meta.Webhook) {
	h.core.log.Warn("a webhook is switched off", "tenant", w.Tenant, "webhook", w.ID, "reason", w.DisabledReason)
	h.observer.SwitchedOff(w.DisabledReason)
}
