package nats

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

var _ bus.DeadLetters = (*Bus)(nil)

// DeadLetters implements bus.DeadLetters. It asks for one letter after the other, by the number of the last, and needs no consumer.
func (b *Bus) DeadLetters(ctx context.Context, after uint64, fn func(bus.DeadLetter) error) error {
	stream, err := b.deadLetters(ctx)
	if err != nil {
		return err
	}
	for sequence := after + 1; ; sequence++ {
		msg, err := getNext(ctx, stream, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return failure("bus.dead_letters", err)
		}
		sequence = msg.Sequence
		if err := fn(letter(msg)); err != nil {
			return err
		}
	}
}

// DeadLetter implements bus.DeadLetters.
func (b *Bus) DeadLetter(ctx context.Context, sequence uint64) (bus.DeadLetter, error) {
	none := file.Errorf(file.NotFound, "bus.dead_letter", "No such letter")
	if sequence == 0 { // which would ask for the newest
		return bus.DeadLetter{}, none
	}
	stream, err := b.deadLetters(ctx)
	if err != nil {
		return bus.DeadLetter{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msg, err := stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return bus.DeadLetter{}, none
	}
	if err != nil {
		return bus.DeadLetter{}, failure("bus.dead_letter", err)
	}
	return letter(msg), nil
}

// CountDeadLetters implements bus.DeadLetters.
func (b *Bus) CountDeadLetters(ctx context.Context) (int, error) {
	stream, err := b.deadLetters(ctx)
	if err != nil {
		return 0, err
	}
	return int(min(stream.CachedInfo().State.Msgs, math.MaxInt32)), nil //nolint:gosec // bounded
}

// DiscardDeadLetter implements bus.DeadLetters.
func (b *Bus) DiscardDeadLetter(ctx context.Context, sequence uint64) error {
	stream, err := b.deadLetters(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err = stream.GetMsg(ctx, sequence); errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err == nil {
		err = stream.DeleteMsg(ctx, sequence)
	}
	return failure("bus.discard_dead_letter", err)
}

func (b *Bus) deadLetters(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, deadStream)
	return stream, failure("bus.dead_letters", err)
}

// getNext returns the first letter with this number or a greater one.
func getNext(ctx context.Context, stream jetstream.Stream, sequence uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return stream.GetMsg(ctx, sequence, jetstream.WithGetMsgSubject(deadPrefix+">"))
}

// letter is the reverse of worker.deadLetter.
func letter(msg *jetstream.RawStreamMsg) bus.DeadLetter {
	m := decode(&nats.Msg{Subject: msg.Subject, Header: msg.Header, Data: msg.Data})
	l := bus.DeadLetter{Sequence: msg.Sequence, Message: m, Work: strings.TrimPrefix(msg.Subject, deadPrefix), At: msg.Time}
	l.Reason, l.Subject = m.Header[headerReason], m.Header[headerSubject]
	l.Attempts, _ = strconv.Atoi(m.Header[headerAttempts]) // 0 for what is no number
	if at, err := time.Parse(time.RFC3339, m.Header[headerTime]); err == nil {
		l.At = at
	}
	_, l.ID, _ = strings.Cut(m.ID, ":") // <work>:<sequence>:<id>
	_, l.ID, _ = strings.Cut(l.ID, ":")
	for _, name := range []string{headerReason, headerAttempts, headerSubject, headerTime} {
		delete(l.Header, name)
	}
	return l
}
