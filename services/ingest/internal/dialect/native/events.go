package native

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/live"
)

// lastEventID is the header that an EventSource sends when it connects again.
const lastEventID = "Last-Event-ID"

// maxKnown bounds what a stream remembers of who has uploaded which file.
const maxKnown = 1000

func (d *Dialect) mountEvents(v1 gin.IRouter) {
	v1.GET("/events", d.events)
}

// events tells what happens to the files that the caller may read, as it happens.
func (d *Dialect) events(g *gin.Context) {
	want, err := d.wantedEvents(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	stream, err := d.live.Join(want)
	if err != nil {
		d.fail(g, err)
		return
	}
	stream.Serve(g.Request.Context(), g.Writer, &viewer{dialect: d, g: g, p: door.Principal(g), known: map[file.ID]string{}})
}

// wantedEvents reads type, tag, file, since and last_event_id. The header is the better Last-Event-ID: who connects again sends its first URL.
func (d *Dialect) wantedEvents(g *gin.Context) (live.Want, error) {
	p := door.Principal(g)
	q := g.Request.URL.Query()
	w := live.Want{Tenant: p.Tenant, LastID: g.GetHeader(lastEventID)}
	if w.LastID == "" {
		w.LastID = q.Get("last_event_id")
	}
	var err error
	if w.Filter.Facts, err = facts(q.Get("type")); err != nil {
		return w, err
	}
	if w.Since, err = since(q); err != nil {
		return w, err
	}
	if id := q.Get("tag"); id != "" {
		if !validTag(id) {
			return w, noTag()
		}
		w.Filter.Parent = &file.Parent{Kind: tagKind, ID: id}
	}
	if id := q.Get("file"); id != "" {
		f, err := d.findID(g, id, access.Principal.CheckRead)
		if err != nil {
			return w, err
		}
		w.Filter.File = f.ID
		return w, nil
	}
	// Who can read nothing at all shall hear of that, rather than nothing. Whoever is not a key may have uploaded a file.
	if p.Kind == access.KindKey {
		return w, p.CheckRead(&file.File{Tenant: p.Tenant})
	}
	return w, nil
}

// facts reads a list of facts.
func facts(text string) ([]event.Fact, error) {
	if text == "" {
		return nil, nil
	}
	var list []event.Fact
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(event.Facts, event.Fact(name)) {
			return nil, file.Errorf(file.Invalid, "native.events", "type must be a list of facts such as file.stored,file.verified; %q is none", name)
		}
		if !slices.Contains(list, event.Fact(name)) {
			list = append(list, event.Fact(name))
		}
	}
	return list, nil
}

func since(q url.Values) (time.Time, error) {
	if !q.Has("since") {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, q.Get("since"))
	if err != nil || t.Year() < 1970 || t.Year() > 9998 {
		return time.Time{}, file.Errorf(file.Invalid, "native.events", "since must be a time such as 2026-01-15T10:30:00Z")
	}
	return t, nil
}

// viewer is who looks at a stream of events. It implements live.Viewer.
type viewer struct {
	dialect *Dialect
	g       *gin.Context
	p       access.Principal
	known   map[file.ID]string // who has uploaded what
}

var _ live.Viewer = (*viewer)(nil)

// Renew takes the credentials of the request for what they are worth now.
func (v *viewer) Renew(context.Context) error {
	p, err := v.dialect.credentials(v.g)
	if err == nil {
		v.p = p
	}
	return err
}

// MayRead judges by what the event tells of the file. Only who has not the right by that is asked of the record, which knows its uploader.
func (v *viewer) MayRead(ctx context.Context, about event.File) (bool, error) {
	f := &file.File{Tenant: about.Tenant, Parent: file.Parent{Kind: about.ParentKind, ID: about.ParentID}}
	if v.p.CanRead(f) || v.p.Kind == access.KindKey || v.p.Tenant != about.Tenant {
		return v.p.CanRead(f), nil
	}
	by, known := v.known[about.ID]
	if !known {
		record, err := v.dialect.Core.Record(ctx, about.Tenant, file.ByID(about.ID))
		if file.Is(err, file.NotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if len(v.known) == maxKnown {
			clear(v.known)
		}
		by = record.Created.ID
		v.known[about.ID] = by
	}
	f.Created.ID = by
	return v.p.CanRead(f), nil
}
