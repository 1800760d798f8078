package core

import (
	"context"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Bounds of a List.
const (
	// maxTotal is how far the files of a List are counted: as far as offsets reach through every API.
	maxTotal = 1_000_000
	// maxFound is how far they are counted where they are searched by name or type.
	maxFound = 10_000
	// searchWindow is how many records are looked at for one page of a search.
	searchWindow = 100_000
)

// List selects files of one tenant that exist for their users.
type List struct {
	Tenant     file.Tenant
	Parent     *file.Parent
	Link       *file.Link
	States     []file.State // of Pending, Ready, Rejected, Failed; Pending and Ready when empty
	Name       string       // what a name or an original name holds, in any case, when set
	Type       string       // a media type, or a family as in image/*, when set
	Descending bool
	After      int64 // cursor: Page.Next of the page before
	Offset     int   // not in a search, which goes by cursors
	Limit      int
}

// search reports whether l looks for files by what they are called or what they are.
func (l List) search() bool { return l.Name != "" || l.Type != "" }

// Page is one page of a List.
type Page struct {
	Files []*file.File
	// Total is how many there are on all pages. They are counted for a first page, and not again behind a cursor, where it is 0.
	Total int64
	// Capped tells that there may be more than Total. A list is counted to a million; a search to ten thousand, and only among the records that its
	// first page looks at.
	Capped bool
	More   bool // there is a next page
	// Next is the cursor of the next page. In a search a page may have fewer files than asked for, even none, and not be the last.
	Next int64
}

// List returns a page of files in the order in which they came. A search looks at a bounded number of records for each page.
func (c *Core) List(ctx context.Context, l List) (Page, error) {
	q := meta.Query{
		Tenant: l.Tenant, Parent: l.Parent, Link: l.Link, States: l.States, Name: l.Name, Type: l.Type, NotExpiredAt: c.now(),
		Descending: l.Descending, After: l.After, Offset: l.Offset, Limit: l.Limit + 1,
	}
	if len(q.States) == 0 {
		q.States = []file.State{file.Pending, file.Ready}
	}
	most := int64(maxTotal)
	if l.search() {
		if l.Offset > 0 {
			return Page{}, file.Errorf(file.Invalid, "list", "A search goes on by its cursor, and has no offset")
		}
		var err error
		if q.Until, err = c.endOfWindow(ctx, q); err != nil {
			return Page{}, err
		}
		most = maxFound
	}
	files, err := c.meta.Find(ctx, q)
	if err != nil {
		return Page{}, err
	}
	p := Page{Files: files, Next: q.Until}
	if len(files) > l.Limit {
		p.Files = files[:l.Limit]
		p.Next = p.Files[l.Limit-1].Number
	}
	p.More = p.Next != 0
	switch {
	case l.After != 0:
	case len(files) <= l.Limit && (len(files) > 0 || l.Offset == 0): // the page has the last of them
		p.Total, p.Capped = int64(l.Offset+len(files)), q.Until != 0
	default:
		p.Total, err = c.meta.Count(ctx, q, most)
		p.Capped = p.Total == most || q.Until != 0
	}
	return p, err
}

// endOfWindow is the Number of the last record that a page of a search looks at; 0 when there are no more than that.
func (c *Core) endOfWindow(ctx context.Context, q meta.Query) (int64, error) {
	last, err := c.meta.Find(ctx, meta.Query{
		Tenant: q.Tenant, Parent: q.Parent, Link: q.Link, Descending: q.Descending, After: q.After, Offset: searchWindow - 1, Limit: 1,
	})
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Number, nil
}
