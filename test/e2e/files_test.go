package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

func testPatch(t *testing.T, s *harness.System) {
	f := mustUpload(t, s, s.Client, upload(newTag(t), samples.Text(500, 1)))
	for _, x := range []struct {
		body, name, description string
	}{
		{`{"name": "Shown"}`, "Shown", ""},
		{`{"description": "Two\nlines"}`, "Shown", "Two\nlines"},
		{`{"name": "Shown", "description": "Two\nlines"}`, "Shown", "Two\nlines"}, // changes nothing
		{`{"name": "", "description": ""}`, "notes.txt", ""},
	} {
		got, err := s.Patch(t.Context(), f.ID, x.body)
		if err != nil || got.Name != x.name || got.Description != x.description {
			t.Errorf("%s gives %q and %q: %v", x.body, got.Name, got.Description, err)
		}
	}
	resp := do(t, s.Client, api.Request{Method: http.MethodPatch, Path: "/v1/files/" + f.ID, Header: headers("If-Match", `"other"`), Body: strings.NewReader(`{"name": "x"}`)})
	wantError(t, resp.Err(), http.StatusPreconditionFailed, "precondition_failed")
	harness.Eventually(t, harness.Limit, func() error {
		got := facts(s.Events.Of(f.ID))
		if n := len(slices.DeleteFunc(got, func(f event.Fact) bool { return f != event.Updated })); n != 3 {
			return fmt.Errorf("%d updates were told, want 3", n)
		}
		return nil
	})
}

func testLists(t *testing.T, s *harness.System) {
	tag, other := newTag(t), newTag(t)
	var ids []string
	for i := range 5 {
		u := upload(tag, samples.Text(200+i, 1))
		u.Name = fmt.Sprintf("notes-%d.txt", i)
		ids = append(ids, mustUpload(t, s, s.Client, u).ID)
	}
	stranger := mustUpload(t, s, s.Client, upload(other, samples.Text(100, 1)))
	backward := slices.Clone(ids)
	slices.Reverse(backward)

	for _, x := range []struct {
		query string
		want  []string
		more  bool
	}{
		{"", ids, false},
		{"limit=2", ids[:2], true},
		{"limit=5", ids, false},
		{"limit=2&offset=4", ids[4:], false},
		{"limit=2&offset=1&order=desc", backward[1:3], true},
		{"order=desc", backward, false},
		{"offset=99", nil, false},
		{"state=rejected", nil, false},
		{"state=ready,pending", ids, false},
	} {
		q, _ := url.ParseQuery(x.query)
		page, err := s.List(t.Context(), tag, q)
		if err != nil {
			t.Errorf("%s: %v", x.query, err)
			continue
		}
		if got := idsOf(page.Files); !slices.Equal(got, x.want) || page.Pagination.HasMore != x.more {
			t.Errorf("%s gives %v (more: %t), want %v (more: %t)", x.query, got, page.Pagination.HasMore, x.want, x.more)
		}
		if want := int64(len(ids)); page.Pagination.Total != want && x.query != "state=rejected" {
			t.Errorf("%s counts %d, want %d", x.query, page.Pagination.Total, want)
		}
	}
	for order, want := range map[string][]string{"asc": ids, "desc": backward} {
		if got := walk(t, s.Client, tag, order); !slices.Equal(got, want) {
			t.Errorf("cursors give %v in order %s, want %v", got, order, want)
		}
	}
	page, err := s.List(t.Context(), other, nil)
	if err != nil || !slices.Equal(idsOf(page.Files), []string{stranger.ID}) {
		t.Errorf("the other tag has %v: %v", idsOf(page.Files), err)
	}
	if page, err = s.List(t.Context(), newTag(t), nil); err != nil || len(page.Files) != 0 {
		t.Errorf("an unused tag has %v: %v", idsOf(page.Files), err)
	}
	f, err := s.Get(t.Context(), ids[0])
	if err != nil || f.TagID != tag {
		t.Errorf("the file is of tag %q: %v", f.TagID, err)
	}
}

func idsOf(files []api.File) []string {
	var ids []string
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	return ids
}

// walk reads a list to its end by cursors, two files a page.
func walk(t *testing.T, c *api.Client, tag, order string) []string {
	t.Helper()
	var ids []string
	q := url.Values{"limit": {"2"}, "order": {order}}
	for range 10 {
		page, err := c.List(t.Context(), tag, q)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, idsOf(page.Files)...)
		if !page.Pagination.HasMore {
			return ids
		}
		q.Set("cursor", page.Pagination.Next)
	}
	t.Fatal("the list does not end")
	return nil
}

// fileRoutes are all the routes of one file.
var fileRoutes = []struct{ method, suffix, body string }{
	{http.MethodGet, "", ""},
	{http.MethodPatch, "", `{"name": "x"}`},
	{http.MethodGet, "/download", ""},
	{http.MethodHead, "/download", ""},
	{http.MethodGet, "/thumbnail", ""},
	{http.MethodHead, "/thumbnail", ""},
	{http.MethodGet, "/timeline", ""},
	{http.MethodDelete, "", ""},
}

// wantNoFile checks that every route of a file says 404, whichever of its ids is asked for.
func wantNoFile(t *testing.T, c *api.Client, f api.File) {
	t.Helper()
	for _, id := range []string{f.ID, f.Bare(), strings.ToLower(f.Bare()), strconv.FormatInt(f.Number, 10)} {
		for _, r := range fileRoutes {
			resp := do(t, c, api.Request{Method: r.method, Path: "/v1/files/" + id + r.suffix, Body: strings.NewReader(r.body)})
			if resp.Status != http.StatusNotFound {
				t.Errorf("%s %s%s is %d, want 404", r.method, id, r.suffix, resp.Status)
			}
			if r.method != http.MethodHead {
				wantError(t, resp.Err(), http.StatusNotFound, "not_found")
			}
		}
	}
}

func testDelete(t *testing.T, s *harness.System) {
	tag := newTag(t)
	f := mustUpload(t, s, s.Client, upload(tag, samples.PNG(320, 240, 2)))
	for _, id := range []string{f.Bare(), strconv.FormatInt(f.Number, 10)} {
		if got, err := s.Get(t.Context(), id); err != nil || got.ID != f.ID {
			t.Errorf("by %s: %v, %v", id, got.ID, err)
		}
	}
	if err := s.Delete(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	wantNoFile(t, s.Client, f)
	page, err := s.List(t.Context(), tag, nil)
	if err != nil || len(page.Files) != 0 || page.Pagination.Total != 0 {
		t.Errorf("still listed: %v, %v", idsOf(page.Files), err)
	}
	if _, err := s.Events.Wait(harness.Context(t), f.ID, event.Deleted); err != nil {
		t.Error(err)
	}
}

func testExpiry(t *testing.T, s *harness.System) {
	tag := newTag(t)
	u := upload(tag, samples.PNG(320, 240, 3))
	u.Fields = map[string]string{"expires_in": "5"}
	f := mustUpload(t, s, s.Client, u)
	const (
		life     = 5 * time.Second        // longer than a verdict takes where MongoDB's stand-in is slow
		rounding = time.Second            // the answer's times are whole seconds, cut off
		late     = 500 * time.Millisecond // of one request, on a busy machine
	)
	end := f.ExpiresAt.Add(rounding)
	if left := time.Until(end); left <= 0 || left > life+rounding {
		t.Errorf("a life of %s ends in %s", life, left)
	}
	var seen time.Time // when it was there for the last time
	harness.Eventually(t, harness.Limit, func() error {
		at := time.Now()
		_, err := s.Get(t.Context(), f.ID)
		if api.Status(err) == http.StatusNotFound {
			return nil
		}
		seen = at
		return fmt.Errorf("still there: %w", err)
	})
	if seen.After(end) || time.Now().After(end.Add(late)) || time.Now().Before(f.ExpiresAt) {
		t.Errorf("it was seen until %s, and is gone at %s; its end is %s", seen, time.Now(), f.ExpiresAt)
	}
	wantNoFile(t, s.Client, f)
	page, err := s.List(t.Context(), tag, nil)
	if err != nil || len(page.Files) != 0 || page.Pagination.Total != 0 {
		t.Errorf("still listed: %v, %v", idsOf(page.Files), err)
	}
	if _, err := s.Events.Wait(harness.Context(t), f.ID, event.Expired); err != nil {
		t.Error(err)
	}
}

func testTenants(t *testing.T, s *harness.System) {
	other := s.Tenant(t, "other")
	tag := newTag(t)
	u := upload(tag, samples.PNG(320, 240, 4))
	u.Header = headers("Idempotency-Key", "the same for both")
	f := mustUpload(t, s, s.Client, u)
	wantNoFile(t, other, f)
	if page, err := other.List(t.Context(), tag, nil); err != nil || len(page.Files) != 0 || page.Pagination.Total != 0 {
		t.Errorf("another tenant lists %v: %v", idsOf(page.Files), err)
	}
	if page, err := other.List(t.Context(), "", nil); err != nil || slices.Contains(idsOf(page.Files), f.ID) {
		t.Errorf("another tenant lists %v: %v", idsOf(page.Files), err)
	}
	theirs := mustUpload(t, s, other, u)
	if theirs.ID == f.ID {
		t.Error("an Idempotency-Key reaches into another tenant")
	}
	if got, err := s.Get(t.Context(), f.ID); err != nil || got.Name != f.Name {
		t.Errorf("what another tenant did has reached the file: %v, %v", got, err)
	}
}
