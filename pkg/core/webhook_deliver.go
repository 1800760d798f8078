package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// retryDelays are between the attempts of a delivery, ±10 %: one more attempt than delays, over 23 hours.
var retryDelays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

const (
	maxRetryAfter   = 12 * time.Hour   // that a receiver may ask for
	failingLimit    = 20 * time.Hour   // without a success, at the end of a delivery: about as long as its attempts take
	noteEvery       = 10 * time.Second // between notes of a success in the webhook's record
	takeUpFor       = time.Hour        // an attempt that nobody has ended, at least
	undeliveredText = "the webhook is not active"
	noTenantText    = "the tenant is not there any more"
	unendedText     = "no attempt came to its end"
)

// Sending is what an attempt sends.
type Sending struct {
	URL     string
	Secrets []string // to sign with, the newest first
	EventID string
	Body    string
	Attempt int // 1 for the first
}

// Sent is how an attempt ended.
type Sent struct {
	Delivered  bool
	Gone       bool          // the receiver wants nothing any more
	Status     int           // of HTTP; 0 when nothing was answered
	RetryAfter time.Duration // that the receiver asked for
	Text       string        // why it failed, for people: no address, no secret
}

// Send makes one attempt. It returns when its context ends at the latest.
type Send func(context.Context, Sending) Sent

// Due returns deliveries whose next attempt is due, the oldest first, without those of the webhooks to skip.
func (h *Webhooks) Due(ctx context.Context, skip []string, limit int) ([]*meta.Delivery, error) {
	return h.core.meta.DueDeliveries(ctx, h.core.now(), skip, limit)
}

// Target returns the webhook of a delivery; nil for one that was removed, and then the delivery is too.
func (h *Webhooks) Target(ctx context.Context, d *meta.Delivery) (*meta.Webhook, error) {
	w, err := h.core.meta.Webhook(ctx, d.Tenant, d.Webhook)
	if file.Is(err, file.NotFound) {
		return nil, h.core.meta.RemoveDelivery(ctx, d.ID)
	}
	return w, err
}

// Attempt is one attempt of a delivery, under a lease.
type Attempt struct {
	hooks    *Webhooks
	webhook  *meta.Webhook
	delivery *meta.Delivery
}

// Begin takes the lease on a delivery that is due to its webhook. It returns nil when there is nothing to do: somebody else is at it, or the
// webhook was switched off or its tenant has gone, which ends the delivery. Run must end before the lease does: where a process dies or hangs in it,
// another makes the attempt after the lease, and the receiver may see two, both with the event's id.
func (h *Webhooks) Begin(ctx context.Context, w *meta.Webhook, d *meta.Delivery, lease time.Duration) (*Attempt, error) {
	why := ""
	switch {
	case w.DisabledReason == DisabledNoTenant:
		why = noTenantText
	case !w.Active && d.EventType != TestEvent:
		why = undeliveredText
	}
	var outcome DeliveryOutcome // none for an attempt that is begun for the first time
	d, err := h.modifyDelivery(ctx, d.Tenant, d.ID, func(d *meta.Delivery) error {
		now := h.core.now()
		if d.State != meta.DeliveryPending || now.Before(d.NextAt) {
			return errNoWork
		}
		if why != "" {
			outcome = OutcomeDropped
			h.drop(d, why)
			return nil
		}
		outcome = h.claim(d, now, lease)
		return nil
	})
	if errors.Is(err, errNoWork) || file.Is(err, file.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if outcome != "" {
		h.observer.Turned(outcome)
	}
	if d.State != meta.DeliveryPending {
		return nil, nil
	}
	return &Attempt{hooks: h, webhook: w, delivery: d}, nil
}

// claim takes the lease for an attempt. One that was begun and not ended, since its maker has died or was told to end, is taken up again and not
// counted a second time: a notifier that dies takes no attempt from a receiver. That goes on for as long as the next attempt would be waited for, for
// an hour at least, and under leases that double that time; then the attempt has failed. So a delivery that kills whoever makes it ends, too, and not
// before a day has passed.
func (h *Webhooks) claim(d *meta.Delivery, now time.Time, lease time.Duration) DeliveryOutcome {
	var outcome DeliveryOutcome
	id, begun := attemptID(d.Claim)
	if begun {
		outcome = OutcomeAbandoned
	}
	spent := d.Claim.Until.Sub(ulid.Time(id.Time())) // not until now: nobody may have been there
	switch {
	case begun && spent < max(takeUpFor, delayAfter(d.Attempts)):
		lease = max(lease, spent)
	case d.Attempts > len(retryDelays):
		h.drop(d, unendedText)
		return OutcomeFailed
	default:
		id = ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy())
		d.Attempts++
	}
	d.Claim = file.Claim{By: h.core.name + "/" + id.String(), Until: now.Add(lease), Token: d.Claim.Token + 1}
	d.NextAt = d.Claim.Until
	return outcome
}

// attemptID is the id of the attempt that a claim is for, whoever makes it. It is a ULID of the time at which the attempt was first begun.
func attemptID(c file.Claim) (ulid.ULID, bool) {
	id, err := ulid.ParseStrict(c.By[strings.LastIndexByte(c.By, '/')+1:])
	return id, err == nil
}

// delayAfter is how long the attempt after so many is waited for; 0 for none that follows.
func delayAfter(attempts int) time.Duration {
	if attempts < 1 || attempts > len(retryDelays) {
		return 0
	}
	return retryDelays[attempts-1]
}

// drop ends a delivery that nothing more is sent of.
func (h *Webhooks) drop(d *meta.Delivery, why string) {
	h.end(d, meta.DeliveryFailed)
	d.LastError = why
}

// Run makes the attempt, and records how it ended. Its errors are those of the records; a receiver that fails is none.
func (a *Attempt) Run(ctx context.Context, timeout time.Duration, send Send) error {
	sent := a.send(ctx, timeout, send)
	if ctx.Err() != nil && !sent.Delivered { // this process ends: that is no fault of the receiver's
		return a.giveBack(ctx)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	return a.settle(ctx, sent)
}

func (a *Attempt) send(ctx context.Context, timeout time.Duration, send Send) Sent {
	secrets, err := a.hooks.secrets(a.webhook)
	if err != nil {
		a.hooks.core.log.Error("the secret of a webhook cannot be read: is the key that sealed it still in the ring?",
			"tenant", a.webhook.Tenant, "webhook", a.webhook.ID, "err", err)
		return Sent{Text: "the webhook's secret cannot be read: rotate it"}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	defer func() { a.hooks.observer.Attempted(time.Since(began)) }()
	return send(ctx, Sending{URL: a.webhook.URL, Secrets: secrets, EventID: a.delivery.EventID, Body: a.delivery.Body, Attempt: a.delivery.Attempts})
}

// secrets are what a webhook signs with now.
func (h *Webhooks) secrets(w *meta.Webhook) ([]string, error) {
	var list []string
	for _, s := range liveSecrets(w, h.core.now()) {
		secret, _, err := h.seal.Unseal(s.Sealed, secretPlace(w, s.ID))
		if err != nil {
			return nil, err
		}
		list = append(list, string(secret))
	}
	return list, nil
}

// giveBack ends the lease without an outcome: the delivery is due at once, for another process to take the same attempt up.
func (a *Attempt) giveBack(ctx context.Context) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	_, err := a.change(ctx, func(d *meta.Delivery) error {
		if d.State != meta.DeliveryPending || !a.delivery.Claim.Same(d.Claim) {
			return errUnchanged
		}
		d.Claim.Until = a.hooks.core.now()
		d.NextAt = d.Claim.Until
		return nil
	})
	return ignoreGone(err)
}

func (a *Attempt) change(ctx context.Context, fn func(*meta.Delivery) error) (*meta.Delivery, error) {
	return a.hooks.modifyDelivery(ctx, a.delivery.Tenant, a.delivery.ID, fn)
}

// settle records how the attempt ended: in the delivery, and then in the webhook. A success counts even when the lease was lost meanwhile.
func (a *Attempt) settle(ctx context.Context, sent Sent) error {
	h := a.hooks
	var outcome DeliveryOutcome
	d, err := a.change(ctx, func(d *meta.Delivery) error {
		outcome = ""
		if d.State != meta.DeliveryPending || !sent.Delivered && !a.delivery.Claim.Same(d.Claim) {
			return errUnchanged
		}
		d.LastStatus = sent.Status
		if sent.Delivered {
			outcome = OutcomeDelivered
			h.end(d, meta.DeliveryDelivered)
			d.DeliveredAt, d.LastError = d.EndedAt, ""
			return nil
		}
		d.LastError = sent.Text
		if sent.Gone || d.Attempts > len(retryDelays) {
			outcome = OutcomeFailed
			h.end(d, meta.DeliveryFailed)
			return nil
		}
		outcome = OutcomeRetried
		d.Claim.By, d.Claim.Until = "", time.Time{}
		d.NextAt = h.core.now().Add(max(jittered(delayAfter(d.Attempts)), min(sent.RetryAfter, maxRetryAfter)))
		return nil
	})
	if err != nil || outcome == "" { // somebody else has taken it over
		return ignoreGone(err)
	}
	h.observer.Turned(outcome)
	return h.note(ctx, a.webhook, d, sent)
}

// end ends a delivery.
func (h *Webhooks) end(d *meta.Delivery, state meta.DeliveryState) {
	d.State, d.EndedAt = state, h.core.now()
	d.Claim.By, d.Claim.Until = "", time.Time{}
}

// note records in a webhook how it is doing, and switches it off when its receiver is gone, or when a delivery has ended in failure and none
// has succeeded for a day. w, which was read before the attempt, spares a write where nothing would change.
func (h *Webhooks) note(ctx context.Context, w *meta.Webhook, d *meta.Delivery, sent Sent) error {
	now := h.core.now()
	off := false
	change := func(w *meta.Webhook) error {
		off = false
		switch {
		case sent.Delivered && w.FailingSince.IsZero() && now.Sub(w.LastDeliveryAt) < noteEvery:
			return errUnchanged
		case sent.Delivered:
			w.LastDeliveryAt, w.FailingSince = now, time.Time{}
			return nil
		}
		first := w.FailingSince.IsZero()
		if first {
			w.FailingSince = now
		}
		switch {
		case sent.Gone && w.Active:
			w.Active, w.DisabledReason, off = false, DisabledGone, true
		case d.State == meta.DeliveryFailed && w.Active && now.Sub(w.FailingSince) >= failingLimit:
			w.Active, w.DisabledReason, off = false, DisabledFailing, true
		case !first:
			return errUnchanged
		}
		return nil
	}
	before := *w
	if change(&before) != nil {
		return nil
	}
	after, err := h.modify(ctx, w.Tenant, w.ID, change)
	if err == nil && off {
		h.switchedOff(after)
	}
	return ignoreGone(err)
}

// ignoreGone is nil for a record that was removed meanwhile.
func ignoreGone(err error) error {
	if file.Is(err, file.NotFound) {
		return nil
	}
	return err
}

// jittered is d ±10 %, so that what failed together does not come back together.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // jitter is no secret
}
