package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/event"
)

// EventFilter narrows what Events tells. The zero value is every event, from now on, that the caller may read.
type EventFilter struct {
	Facts []event.Fact
	Tag   string
	File  string    // the id of one file
	Since time.Time // tells first what has happened from then on, as far as the server remembers (72 hours)
	After string    // tells first what has happened after the event of this id
	// OnGap is told that events may be missing: After is too old, or unknown to the server.
	OnGap func(reason string)
}

// silence is how long a stream of events may say nothing: the server pings every 15 seconds.
const silence = 45 * time.Second

// gapEvent begins a stream that cannot go on where it was to.
const gapEvent = "gap"

// Events tells events as they come, until ctx ends, the loop does, or the server refuses; why it ended is the error of the last pair. When the
// connection fails it is made again, and the events from between are told then. An event may come twice, with the same ID.
//
//	for e, err := range c.Events(ctx, client.EventFilter{Facts: []event.Fact{event.Verified}}) {
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		l := &listener{c: c, filter: f, yield: yield}
		if err := l.run(ctx); err != nil {
			yield(event.Event{}, err)
		}
	}
}

// listener is one call of Events.
type listener struct {
	c         *Client
	filter    EventFilter // whose After and Since move on
	yield     func(event.Event, error) bool
	connected bool // once at least
	retry     time.Duration
	failed    int // in a row
}

// run returns nil when the loop has ended.
func (l *listener) run(ctx context.Context) error {
	for {
		more, err := l.listen(ctx)
		switch {
		case !more:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && (!Temporary(err) || !l.connected):
			return err
		}
		if err := sleep(ctx, max(l.retry, l.c.backoff.after(l.failed, err))); err != nil {
			return err
		}
		l.failed++
	}
}

// listen tells the events of one connection. more is whether anybody listens still.
func (l *listener) listen(ctx context.Context) (more bool, err error) {
	resp, err := l.c.do(ctx, l.request())
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	l.connected = true
	if now, err := http.ParseTime(resp.Header.Get("Date")); err == nil && l.filter.After == "" && l.filter.Since.IsZero() {
		l.filter.Since = now // what happens from now on is told, even if this connection fails before its first event
	}
	s := newStream(resp.Body)
	for {
		frame, err := s.next()
		l.retry = s.retry
		if err != nil {
			return true, &transportError{err}
		}
		l.failed = 0
		if more, err := l.tell(frame); !more || err != nil {
			return more, err
		}
	}
}

// tell passes one frame on.
func (l *listener) tell(f frame) (more bool, err error) {
	if f.event == gapEvent {
		var gap struct {
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(f.data, &gap); err != nil {
			gap.Reason = string(f.data)
		}
		if l.filter.OnGap != nil {
			l.filter.OnGap(gap.Reason)
		}
		return true, nil
	}
	e, err := event.Decode(f.data)
	if err != nil {
		return true, fmt.Errorf("inlet: the stream of events: %w", err)
	}
	if f.id != "" {
		l.filter.After = f.id
	}
	return l.yield(e, nil), nil
}

func (l *listener) request() request {
	q := url.Values{}
	if len(l.filter.Facts) > 0 {
		facts := make([]string, len(l.filter.Facts))
		for i, f := range l.filter.Facts {
			facts[i] = string(f)
		}
		q.Set("type", strings.Join(facts, ","))
	}
	if l.filter.Tag != "" {
		q.Set("tag", l.filter.Tag)
	}
	if l.filter.File != "" {
		q.Set("file", l.filter.File)
	}
	h := http.Header{"Accept": {"text/event-stream"}}
	if l.filter.After != "" {
		h.Set("Last-Event-Id", l.filter.After)
	} else if !l.filter.Since.IsZero() {
		q.Set("since", l.filter.Since.UTC().Format(time.RFC3339))
	}
	return request{method: http.MethodGet, path: "/v1/events", query: q, header: h, idle: silence}
}
