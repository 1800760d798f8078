package core_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

// narrow is a repository in which every thousandth record stands for all thousand: what lies far ahead is near.
type narrow struct {
	meta.Repo
	counts int
}

func (n *narrow) Find(ctx context.Context, q meta.Query) ([]*file.File, error) {
	if q.Offset > 1000 {
		q.Offset = 9
	}
	return n.Repo.Find(ctx, q)
}

func (n *narrow) Count(ctx context.Context, q meta.Query, most int64) (int64, error) {
	n.counts++
	if most == 10_000 {
		most = 10
	}
	return n.Repo.Count(ctx, q, most)
}

// lists is a Core over 35 files, of which every seventh from the third on is called beach, and every fifth has another parent.
func lists(t *testing.T) (*core.Core, *narrow) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "meta.db"), Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	repo := &narrow{Repo: db}
	c := core.New(core.Config{Meta: repo})
	t.Cleanup(func() {
		c.Close(context.Background())
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := 1; i <= 35; i++ {
		f := &file.File{
			ID: file.ID(fmt.Sprintf("01J%023d", i)), Number: int64(i), Tenant: tenant, Name: fmt.Sprintf("file %d", i), DeclaredType: "image/png",
			State: file.Ready, Parent: file.Parent{Kind: "tag", ID: "a"},
		}
		if i%7 == 3 {
			f.Name = fmt.Sprintf("Beach %d.png", i)
		}
		if i%5 == 0 {
			f.Parent.ID, f.DeclaredType = "b", "text/plain"
		}
		if err := db.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	return c, repo
}

// pages goes through a list and returns the numbers of its files, and how many pages it had.
func pages(t *testing.T, c *core.Core, l core.List) (numbers []int64, n int) {
	t.Helper()
	l.Tenant = tenant
	for {
		page, err := c.List(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, f := range page.Files {
			numbers = append(numbers, f.Number)
		}
		if len(page.Files) > l.Limit || page.More != (page.Next != 0) {
			t.Fatalf("a page of %d, more %t, next %d", len(page.Files), page.More, page.Next)
		}
		if !page.More {
			return numbers, n
		}
		l.After = page.Next
	}
}

// TestSearchGoesOnByWindows: whatever the window, all pages together have every match once, in order.
func TestSearchGoesOnByWindows(t *testing.T) {
	c, _ := lists(t)
	beaches := []int64{3, 10, 17, 24, 31}
	back := slices.Clone(beaches)
	slices.Reverse(back)
	for name, x := range map[string]struct {
		list  core.List
		want  []int64
		pages int
	}{
		"one window at a time": {core.List{Name: "beach", Limit: 5}, beaches, 4},
		"full pages":           {core.List{Name: "BEACH", Limit: 1}, beaches, 6},
		"newest first":         {core.List{Name: "beach", Limit: 5, Descending: true}, back, 4},
		"of a parent":          {core.List{Name: "beach", Limit: 5, Parent: &file.Parent{Kind: "tag", ID: "b"}}, []int64{10}, 1},
		"of a type":            {core.List{Type: "text/*", Limit: 100}, []int64{5, 10, 15, 20, 25, 30, 35}, 4},
		"both":                 {core.List{Type: "text/plain", Name: ".png", Limit: 100}, []int64{10}, 4},
		"nothing":              {core.List{Name: "mountain", Limit: 5}, nil, 4},
		"no search":            {core.List{Limit: 100, States: []file.State{file.Ready}}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, n := pages(t, c, x.list)
			if name == "no search" {
				if len(got) != 35 || n != 1 {
					t.Errorf("%d files on %d pages", len(got), n)
				}
				return
			}
			if !slices.Equal(got, x.want) || n != x.pages {
				t.Errorf("%v on %d pages, want %v on %d", got, n, x.want, x.pages)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	c, repo := lists(t)
	for name, x := range map[string]struct {
		list   core.List
		total  int64
		capped bool
	}{
		"all":           {core.List{Limit: 2}, 35, false},
		"by offset":     {core.List{Limit: 2, Offset: 4}, 35, false},
		"far":           {core.List{Limit: 2, Offset: 100}, 35, false},
		"of a parent":   {core.List{Limit: 2, Parent: &file.Parent{Kind: "tag", ID: "b"}}, 7, false},
		"in the window": {core.List{Limit: 1, Name: "beach"}, 2, true},
		"all in it":     {core.List{Limit: 2, Name: "file", Parent: &file.Parent{Kind: "tag", ID: "b"}}, 6, false},
		"more":          {core.List{Limit: 2, Type: "image/*"}, 8, true},
		"nothing":       {core.List{Limit: 2, Name: "mountain", Parent: &file.Parent{Kind: "tag", ID: "b"}}, 0, false},
	} {
		x.list.Tenant = tenant
		page, err := c.List(t.Context(), x.list)
		if err != nil || page.Total != x.total || page.Capped != x.capped {
			t.Errorf("%s: %d, capped %t, %v; want %d, %t", name, page.Total, page.Capped, err, x.total, x.capped)
		}
	}
	repo.counts = 0
	if _, n := pages(t, c, core.List{Limit: 3}); n != 12 || repo.counts != 1 {
		t.Errorf("for %d pages the files were counted %d times", n, repo.counts)
	}
	if _, err := c.List(t.Context(), core.List{Tenant: tenant, Name: "beach", Offset: 1, Limit: 1}); !file.Is(err, file.Invalid) {
		t.Errorf("a search by offset: %v", err)
	}
	if _, err := c.List(t.Context(), core.List{Tenant: tenant, Name: "b", Limit: 1}); !file.Is(err, file.Invalid) {
		t.Errorf("a search for one letter: %v", err)
	}
}

// BenchmarkSearch is of a tenant with 100,000 files: a page of a word that three of them have, by the tenant and by a tag that has all, and the ordinary
// first page, with its count of all files.
func BenchmarkSearch(b *testing.B) {
	const n = 100_000
	db, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "meta.db"), Synchronous: sqlite.Off})
	if err != nil {
		b.Fatal(err)
	}
	c := core.New(core.Config{Meta: db})
	b.Cleanup(func() {
		c.Close(context.Background())
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	parent := file.Parent{Kind: "tag", ID: "all"}
	var makers errgroup.Group
	for part := range 32 {
		makers.Go(func() error {
			for i := part; i < n; i += 32 {
				name := fmt.Sprintf("IMG_%06d holiday on the coast.jpg", i)
				if i%(n/3) == 7 {
					name = "quarterly figures.pdf"
				}
				err := db.Create(b.Context(), &file.File{
					ID: file.ID(fmt.Sprintf("01J%023d", i)), Number: int64(i + 1), Tenant: tenant, Name: name, OriginalName: name, DetectedType: "image/jpeg",
					State: file.Ready, Parent: parent, Path: fmt.Sprintf("uploads/tags/all/files/%d/%s", i, name), SHA256: strings.Repeat("0123456789abcdef", 4),
					Timeline: []file.Step{{What: "received"}, {What: "verified"}, {What: "thumbnail"}},
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := makers.Wait(); err != nil {
		b.Fatal(err)
	}
	for name, l := range map[string]core.List{
		"Rare":      {Name: "Quarterly", Limit: 20},
		"RareInTag": {Name: "Quarterly", Parent: &parent, Limit: 20},
		"Nothing":   {Name: "no such name", Type: "image/*", Limit: 20, Descending: true},
		"Common":    {Name: "holiday", Limit: 20},
		"Failed":    {States: []file.State{file.Failed}, Limit: 20},
		"FirstPage": {Limit: 20},
		"InTag":     {Parent: &parent, Limit: 20},
		"NextPage":  {Limit: 20, After: n / 2},
	} {
		l.Tenant = tenant
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.List(b.Context(), l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
