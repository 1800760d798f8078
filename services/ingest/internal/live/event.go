package live

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Event is an event on its way to clients. Many streams share one: read only.
type Event struct {
	event.Event
	place bus.Place
	frame []byte // as it is sent
}

// read takes the event from a message; false for what is none, or is not told where its tenant's events are.
func read(k bus.Kept) (*Event, bool) {
	e, err := event.Decode(k.Data)
	if err != nil || k.Subject != event.Subject(e.Fact(), e.Data.File.Tenant) || !oneLine(e.ID) || !slices.Contains(event.Facts, e.Fact()) {
		return nil, false
	}
	var data bytes.Buffer
	if err := json.Compact(&data, k.Data); err != nil { // one line, whatever the publisher wrote
		return nil, false
	}
	return &Event{Event: e, place: k.Place, frame: frame(e.ID, string(e.Fact()), data.Bytes())}, true
}

// Filter says which of its tenant's events a stream wants. The zero value wants all.
type Filter struct {
	Facts  []event.Fact // any of these
	Parent *file.Parent // of the files
	File   file.ID
}

func (f Filter) match(e *Event) bool {
	switch about := e.Data.File; {
	case len(f.Facts) > 0 && !slices.Contains(f.Facts, e.Fact()):
		return false
	case f.Parent != nil && *f.Parent != file.Parent{Kind: about.ParentKind, ID: about.ParentID}:
		return false
	default:
		return f.File == "" || f.File == about.ID
	}
}

// subjects are where the bus has what a stream may want: the facts of one tenant.
func subjects(t file.Tenant, facts []event.Fact) []string {
	if len(facts) == 0 {
		facts = event.Facts
	}
	list := make([]string, len(facts))
	for i, f := range facts {
		list[i] = event.Subject(f, t)
	}
	return list
}

// Why events are missing, as a gap says it.
const (
	gapUnknown = "unknown_id" // of Last-Event-ID: no such event is kept, or not any more
	gapLost    = "lost"       // the bus has lost what it kept, or part of it
)

// item is what waits for a client: an event or a gap.
type item struct {
	event *Event
	gap   string
}
