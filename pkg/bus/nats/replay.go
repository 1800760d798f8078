package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	readAhead  = 256         // messages that a reader asks for at once
	readerLife = time.Minute // of a reader's consumer that nobody asks any more: its process died
	endWait    = time.Second // for a message that is said to be before the end, until the stream is asked for it
)

var (
	errDisconnected = errors.New("the connection was lost")
	errMissed       = errors.New("a message was lost on its way")
)

// End implements bus.Replayer. It makes the streams when they are missing.
func (b *Bus) End(ctx context.Context) (bus.Place, error) {
	stream, err := b.events(ctx)
	if err != nil {
		return bus.Place{}, failure("bus.end", err)
	}
	info := stream.CachedInfo()
	return bus.Place{Store: storeOf(info), Sequence: info.State.LastSeq}, nil
}

// Replay implements bus.Replayer.
func (b *Bus) Replay(ctx context.Context, from bus.Start, subjects []string, fn func(bus.Kept) error) error {
	return b.read(ctx, "bus.replay", from, subjects, fn, true)
}

// Follow implements bus.Replayer. It ends with the connection.
func (b *Bus) Follow(ctx context.Context, from bus.Start, subjects []string, fn func(bus.Kept) error) error {
	return b.read(ctx, "bus.follow", from, subjects, fn, false)
}

// read reads until fn fails, the connection is lost or ctx ends, and where it ends with the stream, until there.
func (b *Bus) read(ctx context.Context, op string, from bus.Start, subjects []string, fn func(bus.Kept) error, ends bool) error {
	disconnected := b.disconnected.next()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-disconnected:
			stop(errDisconnected)
		case <-ctx.Done():
		}
	}()
	failed := func(err error) error {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return failure(op, err)
	}
	r, err := b.openReader(ctx, op, from, subjects)
	if file.Is(err, file.NotFound) {
		return err
	}
	if err != nil {
		return failed(err)
	}
	defer r.close(ctx)
	for {
		var kept bus.Kept
		var done bool
		if ends {
			kept, done, err = r.nextUntilEnd(ctx)
		} else {
			kept, err = r.next(ctx)
		}
		if done || err != nil {
			return failed(err)
		}
		if err := fn(kept); err != nil {
			return err
		}
	}
}

// reader reads the stream of events through a consumer of its own that acknowledges nothing. It is what the client library calls an ordered
// consumer, but ends where that one would go on by itself: it would wait for ever behind the end of a stream that was lost and made anew.
type reader struct {
	bus      *Bus
	stream   jetstream.Stream
	store    string
	end      uint64 // the last sequence when the reading began
	subjects []string
	consumer string
	messages jetstream.MessagesContext
	told     uint64 // deliveries so far
	last     uint64 // stream sequence behind which the next message is
	pending  uint64 // messages that the consumer still has, as it said last
}

func (b *Bus) openReader(ctx context.Context, op string, from bus.Start, subjects []string) (*reader, error) {
	opening, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := b.events(opening)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if err := stillKept(op, info, from.After); err != nil {
		return nil, err
	}
	var after uint64
	switch {
	case from.After.Store != "":
		after = from.After.Sequence
	case !from.Since.IsZero():
		if after, err = b.lastBefore(opening, stream, from.Since); err != nil {
			return nil, err
		}
	}
	consumer, err := stream.CreateConsumer(opening, readerConfig(after, subjects))
	if err != nil {
		return nil, err
	}
	made := consumer.CachedInfo()
	r := &reader{
		bus: b, stream: stream, store: storeOf(info), end: info.State.LastSeq, subjects: subjects,
		consumer: made.Name, last: made.Delivered.Stream, pending: made.NumPending,
	}
	r.messages, err = consumer.Messages(jetstream.PullMaxMessages(readAhead), jetstream.PullExpiry(pullExpires), jetstream.PullHeartbeat(pullHeartbeat))
	return r, err
}

func readerConfig(after uint64, subjects []string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: readerLife, MemoryStorage: true, Replicas: 1,
	}
}

// lastBefore is the sequence in front of the first message that was stored at a time or later. It asks a consumer of all subjects, which it then removes:
// one of several subjects that begins at a time may begin too late. (nats-server 2.12 moves its start to the first message that any of the subjects
// has in the whole stream, and overlooks subjects that had one before the time and have more behind it.)
func (b *Bus) lastBefore(ctx context.Context, stream jetstream.Stream, at time.Time) (uint64, error) {
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: readerLife, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return 0, err
	}
	made := consumer.CachedInfo()
	b.forget(ctx, stream, made.Name)
	return made.Delivered.Stream, nil
}

// stillKept is NotFound unless the stream has all that came behind a place.
func stillKept(op string, info *jetstream.StreamInfo, after bus.Place) error {
	var cause error
	switch store := storeOf(info); {
	case after.Store == "":
	case after.Store != store:
		cause = fmt.Errorf("the place is of the stream made %s, this one was made %s", after.Store, store)
	case after.Sequence > info.State.LastSeq:
		cause = fmt.Errorf("the place is %d, and the stream ends at %d", after.Sequence, info.State.LastSeq)
	case after.Sequence+1 < info.State.FirstSeq:
		cause = fmt.Errorf("the place is %d, and the stream begins at %d", after.Sequence, info.State.FirstSeq)
	}
	if cause == nil {
		return nil
	}
	return &file.Error{Kind: file.NotFound, Op: op, Public: "what came after is not kept any more", Err: cause}
}

// next waits for the next message.
func (r *reader) next(ctx context.Context) (bus.Kept, error) {
	msg, err := r.messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		return bus.Kept{}, err
	}
	at, err := msg.Metadata()
	if err != nil {
		return bus.Kept{}, err
	}
	if r.told++; at.Sequence.Consumer != r.told {
		return bus.Kept{}, errMissed
	}
	r.last, r.pending = at.Sequence.Stream, at.NumPending
	return bus.Kept{
		Message: decode(&nats.Msg{Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data()}),
		Place:   bus.Place{Store: r.store, Sequence: r.last},
		At:      at.Timestamp,
	}, nil
}

// nextUntilEnd is next until the reader has what the stream had when the reading began. What a consumer says of how many messages it has left is not
// waited for for long: it counts on while messages are stored and removed.
func (r *reader) nextUntilEnd(ctx context.Context) (kept bus.Kept, done bool, err error) {
	for range 2 {
		if done, err := r.atEnd(ctx); done || err != nil {
			return bus.Kept{}, done, err
		}
		waiting, cancel := context.WithTimeout(ctx, endWait)
		kept, err = r.next(waiting)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return kept, false, err
		}
		r.pending = 0
	}
	return bus.Kept{}, false, errMissed
}

// atEnd reports whether the reader has all that the stream had when the reading began. When its consumer has no more, that is for the leader
// of the stream to say: the consumer may be on a server that lags behind.
func (r *reader) atEnd(ctx context.Context) (bool, error) {
	if r.last >= r.end {
		return true, nil
	}
	if r.pending > 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, subject := range r.subjects {
		msg, err := r.stream.GetMsg(ctx, r.last+1, jetstream.WithGetMsgSubject(subject))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return false, err
		case msg.Sequence <= r.end:
			return false, nil
		}
	}
	return true, nil
}

// close ends the reading.
func (r *reader) close(ctx context.Context) {
	r.messages.Stop()
	r.bus.forget(context.WithoutCancel(ctx), r.stream, r.consumer)
}

// forget removes a reader's consumer at once. Where that fails the server does so after readerLife.
func (b *Bus) forget(ctx context.Context, stream jetstream.Stream, consumer string) {
	if !b.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := stream.DeleteConsumer(ctx, consumer); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		b.log.Debug("a reader's consumer is left to the server", "error", err)
	}
}

// events returns the stream of events as it is now, and makes it when it is missing.
func (b *Bus) events(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = b.ensureStreams(ctx); err == nil {
			stream, err = b.js.Stream(ctx, eventStream)
		}
	}
	return stream, err
}

// storeOf names a stream: one that was lost and made anew has another time.
func storeOf(info *jetstream.StreamInfo) string { return info.Created.UTC().Format(time.RFC3339Nano) }
