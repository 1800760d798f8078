package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

// requestTimeout is the longest that a request waits.
const requestTimeout = time.Minute

// Headers of a request and of its answer.
const (
	headerTimeout = "Inlet-Timeout" // milliseconds that the requester waits; a time span, so that clocks need not agree
	headerError   = "Inlet-Error"   // the kind of the error that the answer is; its body is a fault
)

// Request implements bus.Requester by a request of core NATS (https://docs.nats.io/nats-concepts/core-nats/reqreply): no stream
// keeps it, and the server says at once when nobody listens.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if !validRequest(subject) {
		return nil, file.Errorf(file.Invalid, "bus.request", "%q is no subject of a request", subject)
	}
	ctx, cancel := b.whileConnected(ctx, requestTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	left := strconv.FormatInt(time.Until(deadline).Milliseconds(), 10)
	header := nats.Header{headerTimeout: {left}}
	carry(ctx, header)
	msg, err := b.conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: subject, Header: header, Data: data})
	if err != nil && errors.Is(context.Cause(ctx), nats.ErrDisconnected) {
		err = nats.ErrDisconnected
	}
	switch {
	case err == nil:
		return readAnswer(msg)
	case errors.Is(err, nats.ErrMaxPayload):
		return nil, &file.Error{Kind: file.Invalid, Op: "bus.request", Public: "the request is too large", Err: err}
	case errors.Is(err, context.Canceled):
		return nil, &file.Error{Kind: file.Cancelled, Op: "bus.request", Err: err}
	default:
		return nil, &file.Error{Kind: file.Unavailable, Op: "bus.request", Public: "nobody answers now", Err: fmt.Errorf("%s: %w", subject, err)}
	}
}

// whileConnected returns a context that also ends after a time and, with nats.ErrDisconnected as its cause, when the connection is lost:
// an answer that was on its way then is lost too.
func (b *Bus) whileConnected(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	ctx, lose := context.WithCancelCause(ctx)
	disconnected := b.disconnected.next()
	go func() {
		select {
		case <-disconnected:
			lose(nats.ErrDisconnected)
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func validRequest(subject string) bool {
	return strings.HasPrefix(subject, bus.RequestPrefix) && validSubject(subject)
}

// fault is what crosses the wire of an error: all but its cause, which is the responder's to log.
type fault struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
}

// answerTo makes the answer to a request.
func answerTo(request *nats.Msg, data []byte, err error) *nats.Msg {
	if err == nil {
		return &nats.Msg{Subject: request.Reply, Data: data}
	}
	body, _ := json.Marshal(fault{Code: file.CodeOf(err), Text: file.PublicText(err, "")}) // two strings: it cannot fail
	return &nats.Msg{Subject: request.Reply, Header: nats.Header{headerError: {string(kindToSend(err))}}, Data: body}
}

// kindToSend is the kind of err for the requester. A responder that was stopped, or ran out of time, is not the requester's doing.
func kindToSend(err error) file.Kind {
	if kind := file.KindOf(err); kind != file.Cancelled && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return kind
	}
	return file.Unavailable
}

// readAnswer returns what an answer holds, or the error that it is.
func readAnswer(msg *nats.Msg) ([]byte, error) {
	if len(msg.Header[headerError]) == 0 {
		return msg.Data, nil
	}
	kind := file.Kind(msg.Header.Get(headerError))
	if !slices.Contains(file.Kinds, kind) {
		return nil, file.Wrap(file.Internal, "bus.request", fmt.Errorf("an error of unknown kind %q", kind))
	}
	var f fault
	if err := json.Unmarshal(msg.Data, &f); err != nil {
		return nil, file.Wrap(file.Internal, "bus.request", err)
	}
	return nil, &file.Error{Kind: kind, Op: "bus.request", Code: f.Code, Public: f.Text}
}
