package nats

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// maxWaiting is how many requests a responder lets wait for a turn. One more is refused, so that its requester need not wait in vain.
const maxWaiting = 256

// maxBurst is how many requests may come before the responder has looked at the first: the client library can read them faster than they are refused.
// What comes beyond it the library drops, and its requester waits in vain.
const maxBurst = 16 << 10

// Respond implements bus.Responder with a queue group of core NATS.
func (b *Bus) Respond(ctx context.Context, subject, queue string, concurrency int, fn func(ctx context.Context, data []byte) ([]byte, error)) error {
	if !validRequest(subject) || !validToken(queue) || fn == nil {
		return file.Errorf(file.Invalid, "bus.respond", "%q, %q: it takes the subject of a request, a queue that is one subject token, and a function", subject, queue)
	}
	r := &responder{bus: b, fn: fn, calls: make(chan call, maxWaiting), log: b.log.With("requests", subject)}
	msgs := make(chan *nats.Msg, maxBurst)
	sub, err := b.conn.ChanQueueSubscribe(subject, queue, msgs)
	if err != nil {
		return failure("bus.respond", err)
	}
	base, cancel := b.graceful(ctx)
	defer cancel()
	var handlers sync.WaitGroup
	for range max(concurrency, 1) {
		handlers.Go(func() {
			for c := range r.calls {
				r.serve(base, c)
			}
		})
	}

	r.takeAll(ctx, msgs)
	r.finish(sub, msgs)
	close(r.calls)
	handlers.Wait()
	b.flush()
	if ctx.Err() == nil {
		return failure("bus.respond", nats.ErrConnectionClosed)
	}
	return nil
}

// responder is one Respond.
type responder struct {
	bus   *Bus
	fn    func(ctx context.Context, data []byte) ([]byte, error)
	calls chan call // taken and not begun
	log   *slog.Logger
}

// call is a request in the responder's hands.
type call struct {
	msg   *nats.Msg
	until time.Time // when its requester gives up
}

// takeAll takes requests until ctx ends or the bus is closed.
func (r *responder) takeAll(ctx context.Context, msgs <-chan *nats.Msg) {
	for {
		select {
		case msg := <-msgs:
			r.take(msg)
		case <-ctx.Done():
			return
		case <-r.bus.ctx.Done():
			return
		}
	}
}

// take queues a request, or refuses it when too many wait. What nobody waits for an answer to is none.
func (r *responder) take(msg *nats.Msg) {
	if msg.Reply == "" {
		return
	}
	select {
	case r.calls <- call{msg: msg, until: time.Now().Add(timeout(msg))}:
	default:
		r.reply(context.Background(), msg, nil, file.Errorf(file.Unavailable, "bus.respond", "too many requests wait"))
	}
}

// timeout is how long the requester waits.
func timeout(msg *nats.Msg) time.Duration {
	ms, err := strconv.ParseInt(msg.Header.Get(headerTimeout), 10, 64)
	if err != nil || ms > requestTimeout.Milliseconds() {
		return requestTimeout
	}
	return time.Duration(ms) * time.Millisecond
}

// finish ends the subscription and takes what was still on its way.
func (r *responder) finish(sub *nats.Subscription, msgs <-chan *nats.Msg) {
	if err := sub.Drain(); err == nil && r.bus.conn.IsConnected() {
		r.bus.flush() // its answer comes after all that the server had sent
	}
	for {
		select {
		case msg := <-msgs:
			r.take(msg)
		default:
			return
		}
	}
}

// serve answers one request.
func (r *responder) serve(base context.Context, c call) {
	ctx, cancel := context.WithDeadline(traceparent.With(base, c.msg.Header.Get(traceparent.Header)), c.until)
	defer cancel()
	if err := ctx.Err(); err != nil {
		r.reply(ctx, c.msg, nil, err)
		return
	}
	var data []byte
	err := protect(r.log, func() (err error) {
		data, err = r.fn(ctx, c.msg.Data)
		return err
	})
	r.reply(ctx, c.msg, data, err)
}

// reply sends an answer. When it cannot be sent, the requester runs out of time. The cause of an error ends here, in the log.
func (r *responder) reply(ctx context.Context, msg *nats.Msg, data []byte, err error) {
	if err != nil {
		r.log.Log(ctx, severity(err), "a request failed", "error", err)
	}
	sent := r.bus.conn.PublishMsg(answerTo(msg, data, err))
	switch {
	case sent == nil:
	case errors.Is(sent, nats.ErrMaxPayload) && err == nil:
		r.reply(ctx, msg, nil, file.Wrap(file.Internal, "bus.respond", sent))
	default:
		r.log.WarnContext(ctx, "an answer was not sent", "error", sent)
	}
}

// severity is Error for a fault of ours, Warn for what more of something would mend, and Debug for what the requester did.
func severity(err error) slog.Level {
	switch kindToSend(err) {
	case file.Internal, file.Damaged:
		return slog.LevelError
	case file.Unavailable, file.NoSpace:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}
