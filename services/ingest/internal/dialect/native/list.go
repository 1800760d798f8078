package native

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// Bounds of a page.
const (
	defaultLimit = 20
	maxLimit     = 100
	maxOffset    = 1_000_000
)

const (
	channelKind = "channel"
	maxChannel  = 128 // bytes of a channel's id
)

// list answers with a page of the caller's tenant's files, or of those of one tag or channel.
func (d *Dialect) list(g *gin.Context) {
	parent, err := tag(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	l, counted, err := parseList(g.Request.URL.Query())
	if err != nil {
		d.fail(g, err)
		return
	}
	if parent != nil && l.Parent != nil {
		d.fail(g, file.Errorf(file.Invalid, "native.list", "tag and channel do not go with the tag of the path"))
		return
	}
	if parent != nil {
		l.Parent = parent
	}
	p := door.Principal(g)
	where := file.Parent{}
	if l.Parent != nil {
		where = *l.Parent
	}
	if !p.CanRead(&file.File{Tenant: p.Tenant, Parent: where}) {
		d.fail(g, file.Errorf(file.Forbidden, "native.list", "you do not have permission to do this"))
		return
	}
	l.Tenant = p.Tenant
	page, err := d.Core.List(g.Request.Context(), l)
	if err != nil {
		d.fail(g, err)
		return
	}
	if l.After == 0 {
		counted = total{page.Total, page.Capped}
	}
	base := d.Base(g.Request)
	files := make([]fileBody, len(page.Files))
	for i, f := range page.Files {
		files[i] = listed(f, base)
	}
	body := dataBody{Success: true, Data: files, Pagination: &pagination{
		Total: counted.files, Limit: l.Limit, Offset: l.Offset, HasMore: page.More, TotalCapped: counted.capped,
	}}
	if page.More {
		body.Pagination.Next = listCursor(page.Next, counted)
	}
	g.JSON(http.StatusOK, body)
}

// parseList reads the query of a list: what to find, in which order, and which page. Behind a cursor it returns what was counted for the first page.
func parseList(q url.Values) (l core.List, counted total, err error) {
	if l.Limit, err = number(q, "limit", defaultLimit, 1, maxLimit); err != nil {
		return l, counted, err
	}
	if l.Offset, err = number(q, "offset", 0, 0, maxOffset); err != nil {
		return l, counted, err
	}
	if text := q.Get("cursor"); text != "" {
		if l.After, counted, err = parseListCursor(text); err != nil {
			return l, counted, err
		}
		if q.Has("offset") {
			return l, counted, badList("cursor and offset do not go together")
		}
	}
	switch q.Get("order") {
	case "", "asc":
	case "desc":
		l.Descending = true
	default:
		return l, counted, badList("order must be asc or desc")
	}
	if l.States, err = parseStates(q.Get("state")); err != nil {
		return l, counted, err
	}
	if l.Parent, err = parseParent(q); err != nil {
		return l, counted, err
	}
	l.Name, l.Type = q.Get("q"), q.Get("type")
	switch {
	case q.Has("q") && (len(l.Name) < meta.MinName || len(l.Name) > meta.MaxName):
		return l, counted, badList("q must have %d to %d bytes", meta.MinName, meta.MaxName)
	case (l.Name != "" || l.Type != "") && l.Offset > 0:
		return l, counted, badList("q and type go on by cursor, and not by offset")
	}
	return l, counted, nil
}

func parseStates(text string) ([]file.State, error) {
	if text == "" {
		return nil, nil
	}
	var states []file.State
	for s := range strings.SplitSeq(text, ",") {
		switch state := file.State(s); state {
		case file.Pending, file.Ready, file.Rejected, file.Failed:
			states = append(states, state)
		default:
			return nil, badList("state must be pending, ready, rejected or failed")
		}
	}
	return states, nil
}

// parseParent reads tag or channel; nil when there is neither.
func parseParent(q url.Values) (*file.Parent, error) {
	id, channel := q.Get(tagKind), q.Get(channelKind)
	switch {
	case q.Has(tagKind) && q.Has(channelKind):
		return nil, badList("tag and channel do not go together")
	case q.Has(tagKind) && !validTag(id):
		return nil, badList("tag is not the id of a tag")
	case q.Has(tagKind):
		return &file.Parent{Kind: tagKind, ID: id}, nil
	case q.Has(channelKind) && (channel == "" || len(channel) > maxChannel):
		return nil, badList("channel is not the id of a channel")
	case q.Has(channelKind):
		return &file.Parent{Kind: channelKind, ID: channel}, nil
	}
	return nil, nil
}

func number(q url.Values, name string, fallback, low, high int) (int, error) {
	if !q.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < low || n > high {
		return 0, badList("%s must be a whole number between %d and %d", name, low, high)
	}
	return n, nil
}

// total is how many files a list has.
type total struct {
	files  int64
	capped bool // there may be more
}

// capped marks a total in a cursor behind which there may be more.
const capped = "+"

// listCursor is a cursor with what was counted for the first page, which is not counted again.
func listCursor(next int64, t total) string {
	text := "l" + strconv.FormatInt(next, 36) + "." + strconv.FormatInt(t.files, 36)
	if t.capped {
		text += capped
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func parseListCursor(s string) (after int64, t total, err error) {
	text, errText := base64.RawURLEncoding.DecodeString(s)
	rest, ok := strings.CutPrefix(string(text), "l")
	position, files, found := strings.Cut(rest, ".")
	files, t.capped = strings.CutSuffix(files, capped)
	after, errAfter := strconv.ParseInt(position, 36, 64)
	t.files, err = strconv.ParseInt(files, 36, 64)
	if errText != nil || err != nil || errAfter != nil || !ok || !found || after < 1 || t.files < 0 {
		return 0, total{}, badCursor()
	}
	return after, t, nil
}

// cursor hides the number that a page ends with: it is not for clients to build.
func cursor(n int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("n" + strconv.FormatInt(n, 36)))
}

func parseCursor(s string) (int64, error) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(text) > 1 && text[0] == 'n' {
		if n, err := strconv.ParseInt(string(text[1:]), 36, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, badCursor()
}

func badCursor() error { return badList("cursor is not one that this API gave out") }

func badList(format string, args ...any) error {
	return file.Errorf(file.Invalid, "native.list", format, args...)
}
