package nats

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// Publish sends m and waits for the stream's word that it is stored, at most two seconds. Within minutes a message with the
// same ID is taken for the same. A full stream is Unavailable; a message that no stream ever takes is Invalid.
func (b *Bus) Publish(ctx context.Context, m bus.Message) error {
	if !strings.HasPrefix(m.Subject, event.Prefix) || !validSubject(m.Subject) {
		return file.Errorf(file.Invalid, "bus.publish", "%q is no subject of an event", m.Subject)
	}
	return b.store(ctx, m)
}

// store publishes to whichever stream has the subject, and makes the streams when none answers.
func (b *Bus) store(ctx context.Context, m bus.Message) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msg := encode(ctx, m)
	_, err := b.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err = b.ensureStreams(ctx); err == nil {
			_, err = b.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		}
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return &file.Error{Kind: file.Invalid, Op: "bus.publish", Public: "the message is too large", Err: err}
	}
	return failure("bus.publish", err)
}

// encode adds the place in its trace to a message that has none.
func encode(ctx context.Context, m bus.Message) *nats.Msg {
	h := make(nats.Header, len(m.Header)+2)
	carry(ctx, h)
	for k, v := range m.Header {
		h[k] = []string{v}
	}
	if m.ID != "" {
		h[jetstream.MsgIDHeader] = []string{m.ID}
	}
	return &nats.Msg{Subject: m.Subject, Header: h, Data: m.Data}
}

// carry puts the place of ctx in its trace into the headers of what is sent.
func carry(ctx context.Context, h nats.Header) {
	if at := traceparent.Of(ctx); at != "" {
		h[traceparent.Header] = []string{at}
	}
}

// decode leaves out the server's own headers.
func decode(msg *nats.Msg) bus.Message {
	m := bus.Message{ID: msg.Header.Get(jetstream.MsgIDHeader), Subject: msg.Subject, Data: msg.Data}
	for k, v := range msg.Header {
		if len(v) == 0 || strings.HasPrefix(k, "Nats-") {
			continue
		}
		if m.Header == nil {
			m.Header = make(map[string]string, len(msg.Header))
		}
		m.Header[k] = v[0]
	}
	return m
}

// validSubject reports whether s names exactly one subject (https://docs.nats.io/nats-concepts/subjects).
func validSubject(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if !validToken(token) {
			return false
		}
	}
	return true
}

// validToken reports whether s is one token of a subject: no separator, no wildcard, no white space.
func validToken(s string) bool { return s != "" && !strings.ContainsAny(s, ".*> \t\r\n\x00") }
