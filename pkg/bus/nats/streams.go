package nats

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/event"
)

// The streams.
const (
	eventStream  = "INLET"
	deadStream   = "INLET_DEAD"
	noticeStream = "INLET_NOTICES"
)

// DefaultMaxBytes bounds the stream of events.
const DefaultMaxBytes = 1 << 30

const (
	deadPrefix    = "inlet.dead.v1."
	deadMaxBytes  = 128 << 20
	noticeBytes   = 16 << 20
	eventMaxAge   = 72 * time.Hour
	deadMaxAge    = 30 * 24 * time.Hour
	dedupeWindow  = 5 * time.Minute
	ensureTimeout = 10 * time.Second
)

// configs lists the streams as they should be. A full stream of events refuses what is new: the records owe those events and
// send them later. Dead letters and notices are for people: there the oldest go.
func (b *Bus) configs() []jetstream.StreamConfig {
	maxBytes := b.cfg.MaxBytes
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	return []jetstream.StreamConfig{
		{
			Name: eventStream, Description: "what happened to files", Subjects: []string{event.All},
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
			MaxAge: eventMaxAge, MaxBytes: maxBytes, Duplicates: dedupeWindow, Replicas: max(b.cfg.Replicas, 1),
		},
		{
			Name: deadStream, Description: "messages that a worker gave up", Subjects: []string{deadPrefix + ">"},
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
			MaxAge: deadMaxAge, MaxBytes: deadMaxBytes, Duplicates: dedupeWindow, Replicas: max(b.cfg.Replicas, 1),
		},
		{
			// The net below the dead letters: JetStream parks a message without a word to anybody but these subjects.
			Name: noticeStream, Description: "messages that the server gave up",
			Subjects: []string{
				"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
				"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
			},
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
			MaxAge: deadMaxAge, MaxBytes: noticeBytes, Duplicates: dedupeWindow, Replicas: max(b.cfg.Replicas, 1),
		},
	}
}

// ensureStreams makes the streams as configs has them. Callers at the same time share one run, so a stream that vanishes
// during a run may be missing after it: callers come again.
func (b *Bus) ensureStreams(ctx context.Context) error {
	done := b.streams.DoChan("streams", func() (any, error) {
		ctx, cancel := context.WithTimeout(b.ctx, ensureTimeout)
		defer cancel()
		for _, cfg := range b.configs() {
			if err := b.ensureStream(ctx, cfg); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ensureStream leaves a stream that is as it should be alone: an update of it by every service that starts would be for nothing.
func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := b.js.Stream(ctx, want.Name)
	if err == nil && alike(s.CachedInfo().Config, want) {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	_, err = b.js.CreateOrUpdateStream(ctx, want)
	return err
}

// alike compares what configs sets; the server fills in the rest.
func alike(a, b jetstream.StreamConfig) bool {
	return a.Description == b.Description && slices.Equal(a.Subjects, b.Subjects) && a.Discard == b.Discard &&
		a.MaxAge == b.MaxAge && a.MaxBytes == b.MaxBytes && a.Duplicates == b.Duplicates && a.Replicas == b.Replicas
}

// keepStreams makes the streams anew after each connection, for it may be to a server whose store was lost, until Close.
func (b *Bus) keepStreams() {
	for failed := 0; b.ctx.Err() == nil; {
		connected := b.connected.next()
		if b.conn.IsConnected() {
			err := b.ensureStreams(b.ctx)
			if err != nil {
				if failed == 0 && b.ctx.Err() == nil { // after Close nobody misses them
					b.log.Warn("the streams cannot be made", "error", err)
				}
				b.pause(b.ctx, failed, connected)
				failed++
				continue
			}
			failed = 0
		}
		select {
		case <-b.ctx.Done():
		case <-connected:
		}
	}
}
