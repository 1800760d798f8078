// Package live tells clients over HTTP what happens to files as it happens: one reader of the bus for the whole process, and many streams of
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) that it feeds.
//
// A stream can begin in the past, with an event that its client has seen or a time: then it reads what the bus keeps before it joins the others.
// Between the two nothing is lost and nothing comes twice. A client that does not keep up is cut off, and continues where it was.
// The package knows no route and no credential: who may read what is asked of a Viewer.
package live

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Settings bound the streams of one process.
type Settings struct {
	Max      int `env:"INLET_EVENTS_MAX" envDefault:"1024" desc:"event streams (GET /v1/events) at once; one more is answered with 503"`
	MaxShare int `env:"INLET_EVENTS_MAX_TENANT" envDefault:"0" desc:"event streams at once of one tenant; one more is answered with 429; 0 is half of INLET_EVENTS_MAX"`
	Buffer   int `env:"INLET_EVENTS_BUFFER" envDefault:"256" desc:"events that may wait for one client; with one more it is cut off, to continue with its Last-Event-ID"`
}

// Validate implements config.Validator. A value of 0 takes the default.
func (s *Settings) Validate() error {
	for _, v := range []struct {
		name  string
		value int
	}{{"INLET_EVENTS_MAX", s.Max}, {"INLET_EVENTS_MAX_TENANT", s.MaxShare}, {"INLET_EVENTS_BUFFER", s.Buffer}} {
		if v.value < 0 {
			return config.Bad(v.name, fmt.Sprint(v.value), "0 or more")
		}
	}
	return nil
}

const (
	defaultMax    = 1024
	defaultBuffer = 256
	maxReplays    = 8 // streams that read the past at once; others wait for their turn
)

// Timing of every stream.
const (
	pingEvery  = 15 * time.Second       // a comment that keeps proxies from ending a silent connection
	renewEvery = 30 * time.Second       // between two looks at whether the viewer is still let in
	retryEvery = 500 * time.Millisecond // between two looks for a bus that is out
	writeLimit = 10 * time.Second       // for the client to take what is sent
)

// Hub reads the bus and feeds the streams. Its methods may be called by many goroutines.
type Hub struct {
	settings   Settings
	bus        bus.Replayer
	log        *slog.Logger
	ping       time.Duration
	renew      time.Duration
	retry      time.Duration
	writeLimit time.Duration

	replays  chan struct{} // a token for each that runs
	attached chan struct{} // closed when the hub has a place on the bus
	closed   chan struct{} // closed when Run ends

	mu      sync.Mutex
	out     bool // the bus
	taken   int
	shares  map[file.Tenant]int
	streams map[file.Tenant]map[*Stream]struct{} // that are fed
}

// NewHub makes a Hub. Its streams get nothing until Run runs.
func NewHub(s Settings, b bus.Replayer, log *slog.Logger) *Hub {
	s.Max = cmp.Or(s.Max, defaultMax)
	s.MaxShare = cmp.Or(s.MaxShare, (s.Max+1)/2)
	s.Buffer = cmp.Or(s.Buffer, defaultBuffer)
	return &Hub{
		settings: s, bus: b, log: log.With("component", "live"), ping: pingEvery, renew: renewEvery, retry: retryEvery, writeLimit: writeLimit,
		replays: make(chan struct{}, maxReplays), attached: make(chan struct{}), closed: make(chan struct{}),
		shares: map[file.Tenant]int{}, streams: map[file.Tenant]map[*Stream]struct{}{},
	}
}

// Run feeds the streams until ctx ends, and then ends them all. It returns nil. The bus may be out at any time: the streams stay, and get what
// they have missed when it is back.
func (h *Hub) Run(ctx context.Context) error {
	defer close(h.closed)
	t := tail{hub: h}
	for {
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		h.setOut(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(h.retry):
		}
	}
}

// tail is the hub's place on the bus.
type tail struct {
	hub      *Hub
	from     bus.Start
	attached bool
}

// follow hands on what the bus stores, from where the tail is, until the bus is out.
func (t *tail) follow(ctx context.Context) error {
	end, err := t.hub.bus.End(ctx)
	if err != nil {
		return err
	}
	t.hub.setOut(nil)
	if !t.attached {
		t.from, t.attached = bus.Start{After: end}, true
		close(t.hub.attached)
	}
	take := func(k bus.Kept) error {
		t.from = bus.Start{After: k.Place}
		if e, ok := read(k); ok {
			t.hub.feed(e)
		}
		return nil
	}
	err = t.hub.bus.Follow(ctx, t.from, []string{event.All}, take)
	if file.Is(err, file.NotFound) {
		t.from = bus.Start{}
		t.hub.tellGap(gapLost)
		err = t.hub.bus.Follow(ctx, t.from, []string{event.All}, take)
	}
	return err
}

// setOut notes whether the bus is out, and logs when that changes.
func (h *Hub) setOut(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was := h.out; was != (err != nil) {
		h.out = err != nil
		if h.out {
			h.log.Warn("event streams wait for the bus", "err", err)
		} else {
			h.log.Info("event streams go on")
		}
	}
}

func (h *Hub) isOut() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.out
}

// feed hands an event to the streams that want it.
func (h *Hub) feed(e *Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams[e.Data.File.Tenant] {
		if s.want.Filter.match(e) {
			h.give(s, item{event: e})
		}
	}
}

// tellGap tells all streams that events are lost.
func (h *Hub) tellGap(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, streams := range h.streams {
		for s := range streams {
			h.give(s, item{gap: reason})
		}
	}
}

// give puts an item into a stream's queue, or cuts the stream off when that is full.
func (h *Hub) give(s *Stream, it item) {
	select {
	case s.queue <- it:
	default:
		close(s.cut)
		h.drop(s)
	}
}

// add begins to feed a stream.
func (h *Hub) add(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := s.want.Tenant
	if h.streams[t] == nil {
		h.streams[t] = map[*Stream]struct{}{}
	}
	h.streams[t][s] = struct{}{}
}

func (h *Hub) drop(s *Stream) {
	t := s.want.Tenant
	delete(h.streams[t], s)
	if len(h.streams[t]) == 0 {
		delete(h.streams, t)
	}
}

// Join takes a place for a stream. The caller runs it by Serve, which gives the place back. Errors are Unavailable when there is no place, and
// RateLimited when the tenant has its share.
func (h *Hub) Join(w Want) (*Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.taken >= h.settings.Max:
		return nil, file.Errorf(file.Unavailable, "live.join", "Too many event streams at once")
	case h.shares[w.Tenant] >= h.settings.MaxShare:
		return nil, file.Errorf(file.RateLimited, "live.join", "Too many event streams at once")
	}
	h.taken++
	h.shares[w.Tenant]++
	return &Stream{hub: h, want: w, queue: make(chan item, h.settings.Buffer), cut: make(chan struct{})}, nil
}

// leave gives a stream's place back.
func (h *Hub) leave(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
	h.taken--
	if h.shares[s.want.Tenant]--; h.shares[s.want.Tenant] == 0 {
		delete(h.shares, s.want.Tenant)
	}
}
