package live

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// clockMargin is how far the clock of who made an event may be ahead of the bus's for its id to be found: the id tells when it was made, and
// the search begins so much earlier. Behind it may be by any time.
const clockMargin = time.Minute

// Want is what a client asks for.
type Want struct {
	Tenant file.Tenant
	Filter Filter
	LastID string    // of the last event that it has seen: the stream begins behind it
	Since  time.Time // else the stream begins with what was stored then
}

// fromThePast reports whether the client wants more than what happens from now on.
func (w Want) fromThePast() bool { return w.LastID != "" || !w.Since.IsZero() }

// Viewer is who looks at a stream, with the rights of now. Its methods are called by one goroutine.
type Viewer interface {
	// Renew asks whether the viewer is still let in. Unauthorized ends the stream; any other error is no answer, and it is asked again.
	Renew(ctx context.Context) error
	// MayRead reports whether the viewer may know of a file of its tenant.
	MayRead(ctx context.Context, f event.File) (bool, error)
}

// Stream is what one client gets.
type Stream struct {
	hub   *Hub
	want  Want
	queue chan item     // from the hub
	cut   chan struct{} // closed by the hub when the queue was full

	out     *writer
	viewer  Viewer
	from    bus.Start // of what the bus keeps
	behind  bool      // what the bus keeps after from is to be read
	renewed time.Time
}

var (
	errEnded = errors.New("the stream has ended")
	errFound = errors.New("found")
)

// Serve answers with the stream, and returns when the client has gone or was cut off, the viewer is not let in any more, or the hub ends.
func (s *Stream) Serve(ctx context.Context, w http.ResponseWriter, v Viewer) {
	defer s.hub.leave(s)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.hub.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	s.out, s.viewer, s.renewed = newWriter(w, s.hub.writeLimit), v, time.Now()
	defer s.out.end()
	if !s.want.fromThePast() {
		s.hub.add(s) // before the client learns that it is connected
	}
	if s.out.begin() == nil && s.catchUp(ctx) == nil {
		s.live(ctx)
	}
}

// catchUp brings the client to where the hub feeds the stream. It reads the past twice: the long part while nothing is queued, and again, with
// the queue growing, what has come meanwhile.
func (s *Stream) catchUp(ctx context.Context) error {
	if !s.want.fromThePast() {
		return nil
	}
	s.behind, s.from = true, bus.Start{Since: s.want.Since}
	// What the hub had before it was attached it does not feed, so that is read from the bus.
	if err := s.wait(ctx, s.hub.attached); err != nil {
		return err
	}
	if err := s.persist(ctx, s.locate); err != nil {
		return err
	}
	if err := s.persist(ctx, s.replay); err != nil {
		return err
	}
	s.hub.add(s)
	return s.persist(ctx, s.replay)
}

// persist repeats what could not be done while the bus was out.
func (s *Stream) persist(ctx context.Context, do func(context.Context) error) error {
	for told := false; ; told = true {
		err := do(ctx)
		if err == nil || ctx.Err() != nil || !file.Is(err, file.Unavailable) {
			return errors.Join(err, ctx.Err(), s.out.flush())
		}
		if !told {
			if err := s.out.comment("the event bus is out"); err != nil {
				return err
			}
		}
		again, stop := context.WithTimeout(ctx, s.hub.retry)
		err = s.wait(ctx, again.Done())
		stop()
		if err != nil {
			return err
		}
	}
}

// locate finds the place of the last event that the client has seen. Without it the client is told of a gap, and gets what came since its time.
func (s *Stream) locate(ctx context.Context) error {
	if s.want.LastID == "" {
		return nil
	}
	id, err := ulid.ParseStrict(s.want.LastID)
	made := ulid.Time(id.Time())
	if err != nil || made.After(time.Now().Add(clockMargin)) {
		s.behind = false // there is no time to begin with
		return s.out.now(gapFrame(gapUnknown))
	}
	since := bus.Start{Since: made.Add(-clockMargin)}
	err = s.read(ctx, since, nil, func(k bus.Kept) error {
		if k.ID == s.want.LastID {
			s.from = bus.Start{After: k.Place}
			return errFound
		}
		return s.upkeep(ctx)
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return err
	}
	s.from = since
	return s.out.now(gapFrame(gapUnknown))
}

// replay sends what the bus keeps behind the stream's place.
func (s *Stream) replay(ctx context.Context) error {
	if !s.behind {
		return nil
	}
	err := s.read(ctx, s.from, s.want.Filter.Facts, func(k bus.Kept) error {
		if err := s.upkeep(ctx); err != nil {
			return err
		}
		if e, ok := read(k); ok && s.want.Filter.match(e) {
			if err := s.send(ctx, e); err != nil {
				return err
			}
		}
		s.from = bus.Start{After: k.Place}
		return nil
	})
	if !file.Is(err, file.NotFound) || s.from.After.Store == "" {
		return err
	}
	s.from = bus.Start{} // all that there is now
	if err := s.out.now(gapFrame(gapLost)); err != nil {
		return err
	}
	return s.replay(ctx)
}

// read reads the tenant's events of some facts, or of all, from the bus, when it is the stream's turn.
func (s *Stream) read(ctx context.Context, from bus.Start, facts []event.Fact, fn func(bus.Kept) error) error {
	select {
	case s.hub.replays <- struct{}{}:
		defer func() { <-s.hub.replays }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.hub.bus.Replay(ctx, from, subjects(s.want.Tenant, facts), fn)
}

// live sends what the hub feeds.
func (s *Stream) live(ctx context.Context) {
	tick := time.NewTicker(min(s.hub.ping, s.hub.renew) / 2)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.cut:
			_ = s.out.comment("too slow: connect again with Last-Event-ID") // it may not hear that either
			return
		case it := <-s.queue:
			if err = s.take(ctx, it); err == nil && len(s.queue) == 0 {
				err = s.out.flush()
			}
		case <-tick.C:
			err = s.upkeep(ctx)
		}
		if err != nil {
			return
		}
	}
}

// take sends what the hub has fed, but for what the stream has read from the bus already.
func (s *Stream) take(ctx context.Context, it item) error {
	if it.gap != "" {
		return s.out.write(gapFrame(it.gap))
	}
	if at, seen := it.event.place, s.from.After; at.Store == seen.Store && at.Sequence <= seen.Sequence {
		return nil
	}
	return s.send(ctx, it.event)
}

// send sends an event if the viewer may know of its file.
func (s *Stream) send(ctx context.Context, e *Event) error {
	may, err := s.viewer.MayRead(ctx, e.Data.File)
	if err != nil || !may {
		return err
	}
	return s.out.write(e.frame)
}

// wait waits for done, and keeps the stream up meanwhile.
func (s *Stream) wait(ctx context.Context, done <-chan struct{}) error {
	tick := time.NewTicker(min(s.hub.ping, s.hub.renew) / 2)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := s.upkeep(ctx); err != nil {
				return err
			}
		}
	}
}

// upkeep does what is due: a sign of life for the client, and a look at its rights. It ends a stream whose viewer is not let in any more.
func (s *Stream) upkeep(ctx context.Context) error {
	now := time.Now()
	if now.Sub(s.renewed) >= s.hub.renew {
		s.renewed = now
		if err := s.viewer.Renew(ctx); file.Is(err, file.Unauthorized) {
			return errEnded
		}
	}
	if now.Sub(s.out.sent) < s.hub.ping {
		return nil
	}
	if s.hub.isOut() {
		return s.out.comment("the event bus is out")
	}
	return s.out.comment("ping")
}
