package desk

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// Bounds of a list, the vendor's.
const (
	defaultPageSize = 50
	maxPageSize     = 500
	maxPage         = 1_000_000
)

// listRequest is the page of files that a client asks for.
type listRequest struct {
	page       int // from 1
	size       int
	descending bool
	ids        []int64 // only these, when given
	named      bool    // ids were given, though maybe none that can be
}

func (l listRequest) offset() int { return (l.page - 1) * l.size }

// parseList reads the parameters of the vendor's SDK, and those of its RequestCommons that mean something for files. What is malformed or out of
// bounds counts as the nearest value that is not, and what is unknown does not count.
func parseList(q url.Values) listRequest {
	l := listRequest{
		page: bounded(first(q, "page"), 1, maxPage, 0),
		size: bounded(first(q, "per_page", "pageSize"), 1, maxPageSize, defaultPageSize),
	}
	if l.page == 0 {
		l.page = bounded(first(q, "pageOffset"), 0, maxPage-1, 0) + 1 // pages from 0
	}
	switch first(q, "sort_by", "orderBy") {
	case "", "id", "createdAt": // all the same order
		l.descending = strings.EqualFold(first(q, "sort_dir", "orderMode"), "desc")
	}
	for _, text := range items(q, "ids") {
		l.named = true
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && len(l.ids) < maxPageSize {
			l.ids = append(l.ids, n)
		}
	}
	return l
}

// first is the first of several parameters that is there.
func first(q url.Values, names ...string) string {
	for _, name := range names {
		if v := q.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// items splits a parameter that may be repeated, have commas, or both.
func items(q url.Values, name string) []string {
	return slices.DeleteFunc(strings.Split(strings.Join(q[name], ","), ","), func(s string) bool { return s == "" })
}

// bounded reads a number and moves it between low and high; fallback is for what is none.
func bounded(text string, low, high, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fallback
	}
	return min(max(n, low), high)
}

type listAnswer struct {
	Files      []any      `json:"files"`
	Included   struct{}   `json:"included"` // the vendor's related entities; files have none here
	Pagination pagination `json:"pagination"`
	Meta       listMeta   `json:"meta"`
}

type pagination struct {
	Records int64 `json:"records"` // on all pages
	Size    int   `json:"pageSize"`
	Pages   int64 `json:"pages"`
	Page    int   `json:"page"` // from 1
	More    bool  `json:"hasMorePages"`
}

// listMeta says the same in the vendor's newer words.
type listMeta struct {
	Page struct {
		Count  int64 `json:"count"`
		Size   int   `json:"pageSize"`
		Offset int   `json:"pageOffset"` // pages from 0
		Pages  int64 `json:"pages"`
		More   bool  `json:"hasMore"`
	} `json:"page"`
}

// list answers with a page of the tenant's files.
func (d *Dialect) list(g *gin.Context) {
	p := door.Principal(g)
	if !p.CanRead(&file.File{Tenant: p.Tenant}) {
		d.fail(g, &file.Error{Kind: file.Forbidden, Op: "desk.list"})
		return
	}
	q := g.Request.URL.Query()
	l := parseList(q)
	page, err := d.find(g.Request.Context(), p.Tenant, l)
	if err != nil {
		d.fail(g, err)
		return
	}
	a := listAnswer{Files: make([]any, len(page.Files))}
	base, only := d.Base(g.Request), fieldsOf(q)
	for i, f := range page.Files {
		a.Files[i] = sparse(d.whole(f, p, base), only)
	}
	pages := (page.Total + int64(l.size) - 1) / int64(l.size)
	a.Pagination = pagination{Records: page.Total, Size: l.size, Pages: pages, Page: l.page, More: page.More}
	m := &a.Meta.Page
	m.Count, m.Size, m.Offset, m.Pages, m.More = page.Total, l.size, l.page-1, pages, page.More
	g.Header("x-page", strconv.Itoa(l.page))
	g.Header("x-pages", strconv.FormatInt(pages, 10))
	g.Header("x-records", strconv.FormatInt(page.Total, 10))
	g.JSON(http.StatusOK, a)
}

// find returns a page of files that are active.
func (d *Dialect) find(ctx context.Context, t file.Tenant, l listRequest) (core.Page, error) {
	if l.named {
		return d.findNamed(ctx, t, l)
	}
	return d.Core.List(ctx, core.List{Tenant: t, Descending: l.descending, Offset: l.offset(), Limit: l.size})
}

// findNamed is find for files that the client names.
func (d *Dialect) findNamed(ctx context.Context, t file.Tenant, l listRequest) (core.Page, error) {
	slices.Sort(l.ids)
	if l.descending {
		slices.Reverse(l.ids)
	}
	var all []*file.File
	for _, n := range slices.Compact(l.ids) {
		f, err := d.Core.Get(ctx, t, file.ByNumber(n))
		switch {
		case err == nil && state(f, d.now()) == stateActive:
			all = append(all, f)
		case err != nil && !file.Is(err, file.NotFound):
			return core.Page{}, err
		}
	}
	from, to := min(l.offset(), len(all)), min(l.offset()+l.size, len(all))
	return core.Page{Files: all[from:to], Total: int64(len(all)), More: to < len(all)}, nil
}

// fieldsOf reads which members of a file a client wants: all, when it names none.
func fieldsOf(q url.Values) []string { return items(q, "fields") }

// sparse leaves of a file its id and the members that are named, in the order of their names.
func sparse(b fileBody, only []string) any {
	if len(only) == 0 {
		return b
	}
	members := map[string]json.RawMessage{}
	text, err := json.Marshal(b)
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil { // texts and numbers: it cannot be
		return b
	}
	for name := range members {
		if name != "id" && !slices.Contains(only, name) {
			delete(members, name)
		}
	}
	return members
}
