package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// Headers of a dead letter, beside those of the message itself.
const (
	headerReason   = "Inlet-Reason"
	headerAttempts = "Inlet-Attempts"
	headerSubject  = "Inlet-Subject" // the message's own subject
	headerTime     = "Inlet-Time"    // when it was given up, RFC 3339
	maxReason      = 1024            // bytes
)

// delivery is a message in the worker's hands.
type delivery struct {
	bus.Delivery
	msg      *nats.Msg
	sequence uint64 // in the stream
}

// take puts a message that came into the worker's hands.
func (k *worker) take(msg *nats.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		k.log.Error("a message that JetStream did not send", "subject", msg.Subject, "error", err)
		return
	}
	attempt := int(min(meta.NumDelivered, 1<<30)) //nolint:gosec // bounded
	d := &delivery{
		Delivery: bus.Delivery{Message: decode(msg), Attempt: attempt, Last: attempt >= k.attempts()},
		msg:      msg,
		sequence: meta.Sequence.Stream,
	}
	k.leases.add(d)
	k.held.Add(1)
	k.queue <- d
}

// release lets a settled delivery go, and tells the session when there may be room for a batch.
func (k *worker) release(d *delivery) {
	k.leases.drop(d)
	if int(k.held.Add(-1)) > k.limit/2 {
		return
	}
	select {
	case k.freed <- struct{}{}:
	default:
	}
}

// process handles one delivery and settles it. When the worker was told to stop (ctx), it is given back as it is; a handler
// that has begun goes on under base.
func (k *worker) process(ctx, base context.Context, d *delivery) {
	defer k.release(d)
	if ctx.Err() != nil {
		k.putOff(d, 0)
		return
	}
	work, cancel := context.WithCancelCause(traceparent.With(base, d.Header[traceparent.Header]))
	defer cancel(nil)
	if !k.leases.begin(d, cancel) {
		return
	}
	err := protect(k.log, func() error { return k.work.Handle(work, d.Delivery) })
	k.settle(work, d, err)
}

// settle tells the server what became of the delivery.
func (k *worker) settle(ctx context.Context, d *delivery, err error) {
	log := k.log.With("id", d.ID, "subject", d.Subject, "attempt", d.Attempt)
	switch {
	case err == nil:
		// Not waited for: an acknowledgement that is lost costs a second look at a record, waiting costs most of the rate.
		k.answer(d, "+ACK")
	case errors.Is(context.Cause(ctx), errLost):
		log.WarnContext(ctx, "lost while it was worked on", "error", err)
	case ctx.Err() != nil: // the grace is over: not the fault of the message
		log.WarnContext(ctx, "given back unfinished", "error", err)
		k.putOff(d, k.delay(1))
	case bus.IsPermanent(err) || d.Last:
		log.ErrorContext(ctx, "given up", "error", err)
		if err := k.giveUp(ctx, d, err); err != nil {
			log.ErrorContext(ctx, "could not be given up", "error", err)
			k.putOff(d, k.delay(d.Attempt))
		}
	default:
		log.WarnContext(ctx, "failed", "error", err)
		k.putOff(d, k.delay(d.Attempt))
	}
}

// giveUp tells Work.Dead, keeps a dead letter and ends the message, in this order: whatever is cut off is done again.
func (k *worker) giveUp(ctx context.Context, d *delivery, cause error) error {
	if k.work.Dead != nil {
		if err := protect(k.log, func() error { return k.work.Dead(ctx, d.Delivery, cause) }); err != nil {
			return err
		}
	}
	reason := cause.Error()
	reason = reason[:min(len(reason), maxReason)]
	if err := k.bus.store(ctx, k.deadLetter(d, reason)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := k.bus.conn.RequestWithContext(ctx, d.msg.Reply, []byte("+TERM "+reason)); err != nil {
		return fmt.Errorf("terminate: %w", err)
	}
	return nil
}

func (k *worker) deadLetter(d *delivery, reason string) bus.Message {
	h := make(map[string]string, len(d.Header)+4)
	for name, v := range d.Header {
		h[name] = v
	}
	h[headerReason] = reason
	h[headerAttempts] = strconv.Itoa(d.Attempt)
	h[headerSubject] = d.Subject
	h[headerTime] = time.Now().UTC().Format(time.RFC3339)
	return bus.Message{
		ID:      fmt.Sprintf("%s:%d:%s", k.work.Name, d.sequence, d.ID),
		Subject: deadPrefix + k.work.Name,
		Header:  h,
		Data:    d.Data,
	}
}

// delay is how long to wait after the n-th failed attempt.
func (k *worker) delay(n int) time.Duration {
	if len(k.work.Backoff) == 0 {
		return k.bus.jitter(bus.DefaultBackoff[0])
	}
	return k.bus.jitter(k.work.Backoff[min(n, len(k.work.Backoff))-1])
}

// putOff brings the message again after d. A plain nak would burn all attempts within a millisecond.
func (k *worker) putOff(d *delivery, delay time.Duration) {
	if delay <= 0 {
		k.answer(d, "-NAK")
		return
	}
	k.answer(d, fmt.Sprintf(`-NAK {"delay": %d}`, delay.Nanoseconds()))
}

// answer acknowledges one way or the other. When it cannot be sent, the message comes again after AckWait.
func (k *worker) answer(d *delivery, what string) {
	if err := k.bus.conn.Publish(d.msg.Reply, []byte(what)); err != nil {
		k.log.Debug("the answer was not sent", "id", d.ID, "error", err)
	}
}
