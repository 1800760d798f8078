package metatest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// wantFound checks Find, and Count beside it.
func wantFound(t *testing.T, e env, q meta.Query, want ...*file.File) {
	t.Helper()
	q.Tenant, q.Limit = acme, 100
	found, err := e.Find(t.Context(), q)
	if err != nil {
		t.Fatalf("Find %+v: %v", q, err)
	}
	wantIDs(t, found, want...)
	if n, err := e.Count(t.Context(), q, 1000); err != nil || n != int64(len(want)) {
		t.Fatalf("Count %+v = %d, %v, want %d", q, n, err, len(want))
	}
}

func getMany(t *testing.T, e env) {
	a, b, c := newFile(), with(func(f *file.File) { f.State = file.Gone }), newFile()
	foreign := with(func(f *file.File) { f.Tenant = "globex" })
	mustCreate(t, e, a, b, c, foreign)
	most := []file.ID{a.ID}
	for len(most) < meta.MaxLimit {
		most = append(most, newID())
	}
	for name, x := range map[string]struct {
		ids  []file.ID
		want []*file.File
	}{
		"none":          {nil, nil},
		"one":           {[]file.ID{a.ID}, []*file.File{a}},
		"in any state":  {[]file.ID{c.ID, b.ID, a.ID}, []*file.File{a, b, c}},
		"twice":         {[]file.ID{a.ID, c.ID, a.ID}, []*file.File{a, c}},
		"unknown":       {[]file.ID{newID(), c.ID, "", "a'b"}, []*file.File{c}},
		"other tenant":  {[]file.ID{foreign.ID, a.ID}, []*file.File{a}},
		"as many as go": {most, []*file.File{a}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := e.GetMany(t.Context(), acme, x.ids)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(found, func(a, b *file.File) int { return cmp.Compare(a.Number, b.Number) })
			wantIDs(t, found, x.want...)
			for i, f := range found {
				wantFile(t, f, x.want[i])
			}
		})
	}
	if _, err := e.GetMany(t.Context(), acme, append(most, newID())); !file.Is(err, file.Invalid) {
		t.Errorf("more than go: %v", err)
	}
}

func findBy(t *testing.T, e env) {
	parent := func(kind, id string) func(*file.File) {
		return func(f *file.File) { f.Parent = file.Parent{Kind: kind, ID: id} }
	}
	state := func(s file.State) func(*file.File) { return func(f *file.File) { f.State = s } }
	expires := func(at time.Time) func(*file.File) { return func(f *file.File) { f.ExpiresAt = at } }
	a := with(parent("channel", "general"))
	b := with(parent("channel", "ops"), state(file.Pending))
	c := with(parent("tag", "general"), state(file.Deleting))
	d := with(parent("", ""), expires(start))
	x := with(parent("channel", "general"), expires(start.Add(time.Microsecond)))
	mustCreate(t, e, a, b, c, d, x, with(func(f *file.File) { f.Tenant = "globex" }))

	for name, q := range map[string]struct {
		meta.Query
		want []*file.File
	}{
		"all":             {meta.Query{}, []*file.File{a, b, c, d, x}},
		"newest first":    {meta.Query{Descending: true}, []*file.File{x, d, c, b, a}},
		"parent":          {meta.Query{Parent: &file.Parent{Kind: "channel", ID: "general"}}, []*file.File{a, x}},
		"other parent":    {meta.Query{Parent: &file.Parent{Kind: "tag", ID: "general"}}, []*file.File{c}},
		"no parent":       {meta.Query{Parent: &file.Parent{}}, []*file.File{d}},
		"unknown parent":  {meta.Query{Parent: &file.Parent{Kind: "channel", ID: "gen"}}, nil},
		"state":           {meta.Query{States: []file.State{file.Pending}}, []*file.File{b}},
		"states":          {meta.Query{States: []file.State{file.Pending, file.Deleting, file.Gone}}, []*file.File{b, c}},
		"not expired":     {meta.Query{NotExpiredAt: start}, []*file.File{a, b, c, x}},
		"not yet expired": {meta.Query{NotExpiredAt: start.Add(-time.Hour)}, []*file.File{a, b, c, d, x}},
		"everything": {meta.Query{
			Parent: &file.Parent{Kind: "channel", ID: "general"}, States: []file.State{file.Ready}, NotExpiredAt: start.Add(time.Hour), Descending: true,
		}, []*file.File{a}},
	} {
		t.Run(name, func(t *testing.T) { wantFound(t, e, q.Query, q.want...) })
	}
}

func findLinks(t *testing.T, e env) {
	link := func(links ...file.Link) func(*file.File) { return func(f *file.File) { f.Links = links } }
	a := with(link(file.Link{Type: "ticket", ID: "1"}, file.Link{Type: "ticket", ID: "2"}))
	b := with(link(file.Link{Type: "ticket", ID: "1"}, file.Link{Type: "ticket", ID: "1", At: start}))
	c := with(link(file.Link{Type: "a:b", ID: "c"}))
	d := with(link(file.Link{Type: "a", ID: "b:c"}))
	mustCreate(t, e, a, b, c, d)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "1"}}, a, b)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "1"}, Descending: true}, b, a)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "1"}, Parent: &a.Parent, States: []file.State{file.Ready}, NotExpiredAt: start}, a, b)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "2"}}, a)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "a:b", ID: "c"}}, c)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "a", ID: "b:c"}}, d)
	mustUpdate(t, e, a, link(file.Link{Type: "ticket", ID: "3"}, file.Link{Type: "ticket", ID: "2"}))
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "1"}}, b)
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "3"}}, a)
	mustUpdate(t, e, a, link())
	wantFound(t, e, meta.Query{Link: &file.Link{Type: "ticket", ID: "2"}})
}

// findVersions checks the paths that files share: none is refused for its path, and the path alone finds none of them.
func findVersions(t *testing.T, e env) {
	const path = "uploads/users/u1/images/photo.jpg"
	avatar := func(f *file.File) { f.Class, f.Path, f.State = file.ClassAvatar, path, file.Ready }
	a, b := with(avatar), with(avatar)
	other := with(avatar, func(f *file.File) { f.Path = path + "2" })
	single := with(func(f *file.File) { f.Class, f.Path = file.ClassAsset, path })
	mustCreate(t, e, a, b, other, single)
	wantFound(t, e, meta.Query{Path: path}, a, b)
	wantFound(t, e, meta.Query{Path: path, States: []file.State{file.Ready}, Descending: true, NotExpiredAt: start}, b, a)
	wantFound(t, e, meta.Query{Path: path + "3"})
	if f, err := e.Get(t.Context(), acme, file.ByPath(path)); err != nil || f.ID != single.ID {
		t.Errorf("Get by path = %v, %v; want the one file that has it to itself", f, err)
	}
	if _, err := e.Find(t.Context(), meta.Query{Tenant: acme, Path: path, Link: &file.Link{Type: "a"}, Limit: 1}); !file.Is(err, file.Invalid) {
		t.Errorf("a query by link and path: %v", err)
	}
}

func findPages(t *testing.T, e env) {
	var all []*file.File
	for range 7 {
		all = append(all, newFile())
	}
	for _, i := range []int{3, 0, 6, 1, 5, 2, 4} { // the order of Number is not that of creation
		mustCreate(t, e, all[i])
	}
	find := func(q meta.Query) []*file.File {
		t.Helper()
		q.Tenant = acme
		found, err := e.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	wantIDs(t, find(meta.Query{Limit: 3}), all[:3]...)
	wantIDs(t, find(meta.Query{Limit: 3, After: all[2].Number}), all[3:6]...)
	wantIDs(t, find(meta.Query{Limit: 3, After: all[5].Number}), all[6])
	wantIDs(t, find(meta.Query{Limit: 3, After: all[6].Number}))
	wantIDs(t, find(meta.Query{Limit: 2, After: all[2].Number, Descending: true}), all[1], all[0])
	wantIDs(t, find(meta.Query{Limit: 2, Offset: 2}), all[2], all[3])
	wantIDs(t, find(meta.Query{Limit: 2, Offset: 1, After: all[0].Number}), all[2], all[3])
	wantIDs(t, find(meta.Query{Limit: 2, Offset: 2, Descending: true}), all[4], all[3])
	wantIDs(t, find(meta.Query{Limit: 2, Offset: 99}))
	wantIDs(t, find(meta.Query{Limit: 9, Until: all[2].Number}), all[:3]...)
	wantIDs(t, find(meta.Query{Limit: 9, After: all[0].Number, Until: all[2].Number}), all[1], all[2])
	wantIDs(t, find(meta.Query{Limit: 1, After: all[0].Number, Until: all[2].Number}), all[1])
	wantIDs(t, find(meta.Query{Limit: 9, After: all[2].Number, Until: all[2].Number}))
	wantIDs(t, find(meta.Query{Limit: 9, Descending: true, Until: all[5].Number}), all[6], all[5])
	wantIDs(t, find(meta.Query{Limit: 9, Descending: true, After: all[3].Number, Until: all[1].Number}), all[2], all[1])
	if n, err := e.Count(t.Context(), meta.Query{Tenant: acme, Limit: 2, Offset: 2, After: all[4].Number}, 1000); err != nil || n != 7 {
		t.Errorf("Count = %d, %v; limit, offset and cursor do not matter to it", n, err)
	}
	for _, descending := range []bool{false, true} {
		if n, err := e.Count(t.Context(), meta.Query{Tenant: acme, After: all[3].Number, Until: all[4].Number, Descending: descending}, 1000); err != nil || n != map[bool]int64{false: 5, true: 3}[descending] {
			t.Errorf("Count to the fifth, descending %t = %d, %v", descending, n, err)
		}
	}
	for most, want := range map[int64]int64{1: 1, 6: 6, 7: 7, 8: 7} {
		if n, err := e.Count(t.Context(), meta.Query{Tenant: acme}, most); err != nil || n != want {
			t.Errorf("Count up to %d = %d, %v, want %d", most, n, err, want)
		}
	}
	if _, err := e.Count(t.Context(), meta.Query{Tenant: acme}, 0); !file.Is(err, file.Invalid) {
		t.Errorf("a count up to 0: %v", err)
	}
}

// findStable: a walk by cursor sees what was there at its start exactly once, whatever comes meanwhile.
func findStable(t *testing.T, e env) {
	early, late := newFile(), newFile()
	var all []*file.File
	for range 6 {
		all = append(all, newFile())
	}
	mustCreate(t, e, all...)
	var seen []*file.File
	for after := int64(0); ; {
		page, err := e.Find(t.Context(), meta.Query{Tenant: acme, Descending: true, After: after, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		seen = append(seen, page...)
		after = page[len(page)-1].Number
		mustCreate(t, e, newFile()) // newer than the cursor
	}
	want := make([]*file.File, 0, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		want = append(want, all[i])
	}
	wantIDs(t, seen, want...)
	mustCreate(t, e, late, early)
	wantFoundFirst(t, e, early, late)
}

func wantFoundFirst(t *testing.T, e env, want ...*file.File) {
	t.Helper()
	found, err := e.Find(t.Context(), meta.Query{Tenant: acme, Limit: len(want)})
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, found, want...)
}

func wantDue(t *testing.T, e env, d meta.Due, before time.Time, want ...*file.File) {
	t.Helper()
	found, err := e.Due(t.Context(), d, before, 100)
	if err != nil {
		t.Fatalf("Due %s: %v", d, err)
	}
	wantIDs(t, found, want...)
}

// inQueue makes a file that is due in the queue at the given time.
var inQueue = map[meta.Due]func(f *file.File, at time.Time){
	meta.DueExpiry: func(f *file.File, at time.Time) { f.ExpiresAt = at },
	meta.DueOutbox: func(f *file.File, at time.Time) {
		f.Outbox = []file.OutboxEntry{{ID: "late", At: at.Add(time.Hour)}, {ID: "early", At: at}}
	},
	meta.DueFinish: func(f *file.File, at time.Time) { f.State, f.Created.At = file.Temp, at },
	meta.DueVerify: func(f *file.File, at time.Time) { f.State, f.Claim = file.Pending, file.Claim{By: "v", Until: at} },
	meta.DueThumbnail: func(f *file.File, at time.Time) {
		f.Thumbnail, f.Timeline = file.ThumbnailOwed, []file.Step{{At: at, What: "verified"}}
	},
	meta.DueErase: func(f *file.File, at time.Time) {
		f.State, f.Timeline = file.Deleting, []file.Step{{At: at, What: "deleted"}}
	},
	meta.DuePurge: func(f *file.File, at time.Time) { f.State, f.Deleted.At = file.Gone, at },
}

func due(t *testing.T, e env) {
	base := start.Add(24 * time.Hour)
	for d, put := range inQueue {
		t.Run(string(d), func(t *testing.T) {
			at := func(us int) time.Time { return base.Add(time.Duration(us) * time.Microsecond) }
			third, first, second := newFile(), newFile(), newFile()
			first.Tenant = "globex"
			put(third, at(3))
			put(first, at(1))
			put(second, at(2))
			mustCreate(t, e, third, first, second, newFile())
			wantDue(t, e, d, at(0))
			wantDue(t, e, d, at(1), first)
			wantDue(t, e, d, at(2), first, second)
			wantDue(t, e, d, at(3), first, second, third)
			found, err := e.Due(t.Context(), d, at(9), 2)
			if err != nil {
				t.Fatal(err)
			}
			wantIDs(t, found, first, second)
			wantFile(t, found[1], second)
			for _, f := range []*file.File{first, second, third} { // out of the way of the other queues
				mustUpdate(t, e, f, func(f *file.File) {
					f.State, f.ExpiresAt, f.Outbox, f.Thumbnail, f.Deleted.At = file.Gone, time.Time{}, nil, "", time.Time{}
				})
			}
			wantDue(t, e, d, at(9))
		})
	}
}

func dueSettles(t *testing.T, e env) {
	now := start.Add(24 * time.Hour)
	f := with(func(f *file.File) { f.State, f.ExpiresAt, f.Created.At = file.Temp, now, now })
	f.Owe(file.OutboxEntry{ID: "e1", Fact: "file.stored", At: now})
	mustCreate(t, e, f)
	queues := func(want ...meta.Due) {
		t.Helper()
		in := map[meta.Due]bool{}
		for _, d := range want {
			in[d] = true
		}
		for d := range inQueue {
			if in[d] {
				wantDue(t, e, d, now, f)
			} else {
				wantDue(t, e, d, now)
			}
		}
	}
	queues(meta.DueFinish, meta.DueExpiry, meta.DueOutbox)
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Pending })
	queues(meta.DueVerify, meta.DueExpiry, meta.DueOutbox)
	mustUpdate(t, e, f, func(f *file.File) { f.Claim = file.Claim{By: "v", Until: now.Add(time.Minute)} })
	queues(meta.DueExpiry, meta.DueOutbox)
	mustUpdate(t, e, f, func(f *file.File) { f.State, f.Thumbnail, f.Claim = file.Ready, file.ThumbnailOwed, file.Claim{} })
	queues(meta.DueThumbnail, meta.DueExpiry, meta.DueOutbox)
	mustUpdate(t, e, f, func(f *file.File) { f.Thumbnail = file.ThumbnailMade; f.Paid("e1") })
	queues(meta.DueExpiry)
	mustUpdate(t, e, f, func(f *file.File) { f.State, f.Deleted.At = file.Deleting, now })
	queues(meta.DueErase)
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Gone })
	queues(meta.DuePurge)
	if err := e.Purge(t.Context(), f.Tenant, f.ID, f.Rev); err != nil {
		t.Fatal(err)
	}
	queues()
}

func scan(t *testing.T, e env) {
	var all []*file.File
	for i := range 5 {
		all = append(all, with(func(f *file.File) {
			f.State = file.States[i+2]
			if i%2 == 0 {
				f.Tenant = "globex"
			}
		}))
	}
	for _, i := range []int{4, 1, 0, 3, 2} {
		mustCreate(t, e, all[i])
	}
	var seen []*file.File
	for after := file.ID(""); ; {
		page, err := e.Scan(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			t.Fatalf("a page of %d", len(page))
		}
		seen = append(seen, page...)
		after = page[len(page)-1].ID
	}
	wantIDs(t, seen, all...)
}
