package native

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

func TestParseList(t *testing.T) {
	next := listCursor(5, total{})
	for _, query := range []string{"limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "offset=-1", "offset=x", "offset=1000001",
		"cursor=x", "cursor=bjA", "cursor=" + cursor(5), "order=up", "state=gone", "state=ready,x", "cursor=" + next + "&offset=1",
		"q=", "q=x", "q=" + strings.Repeat("x", 101), "q=xx&offset=1", "type=image/*&offset=1", "tag=", "tag=a/b", "tag=a&channel=b", "channel=",
		"channel=" + strings.Repeat("x", 129)} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := parseList(q); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %v", query, err)
		}
	}
	l, counted, err := parseList(url.Values{"limit": {"100"}, "cursor": {listCursor(1<<52, total{7, true})}, "order": {"desc"}, "state": {"ready,failed"},
		"q": {"Büro"}, "type": {"image/*"}, "channel": {"general"}})
	if err != nil || l.Limit != 100 || l.After != 1<<52 || !l.Descending || len(l.States) != 2 || counted != (total{7, true}) ||
		l.Name != "Büro" || l.Type != "image/*" || *l.Parent != (file.Parent{Kind: "channel", ID: "general"}) {
		t.Errorf("%+v, %+v, %v", l, counted, err)
	}
}

func FuzzListCursor(f *testing.F) {
	for _, s := range []string{"", "bA", listCursor(1, total{}), listCursor(1<<52, total{1 << 40, true}), cursor(5), "bDEuMSsr", "bC0xLjE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		after, counted, err := parseListCursor(s)
		if err != nil {
			if !file.Is(err, file.Invalid) || after != 0 || counted != (total{}) {
				t.Errorf("%q: %d, %+v, %v", s, after, counted, err)
			}
			return
		}
		a, c, err := parseListCursor(listCursor(after, counted))
		if after < 1 || counted.files < 0 || err != nil || a != after || c != counted {
			t.Errorf("%q is %d, %+v, and again %d, %+v, %v", s, after, counted, a, c, err)
		}
	})
}

// listing is a page as it is answered.
type listing struct {
	Data []struct {
		Name      string
		Thumbnail string
		Parent    *struct{ Kind, ID string }
	}
	Pagination struct {
		Total       int64
		TotalCapped bool   `json:"total_capped"`
		HasMore     bool   `json:"has_more"`
		Next        string `json:"next_cursor"`
	}
}

func (b *bench) list(query string, headers ...string) listing {
	b.t.Helper()
	w := b.do(http.MethodGet, "/v1/"+query, "", headers...)
	var l listing
	if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("%s: %d %s, %v", query, w.Code, w.Body, err)
	}
	return l
}

func (l listing) names() (names []string) {
	for _, f := range l.Data {
		names = append(names, f.Name)
	}
	return names
}

func TestListFilters(t *testing.T) {
	b := newBench(t, door.Config{})
	b.change("tenants: [{id: acme, plan: pro}", "tenants: [{id: acme}") // without its rates
	for i, f := range []*file.File{
		{Name: "Beach.jpg", DetectedType: "image/jpeg", Parent: file.Parent{Kind: "tag", ID: "t"}, Thumbnail: file.ThumbnailMade},
		{Name: "report", OriginalName: "beach-report.pdf", DeclaredType: "application/pdf", Parent: file.Parent{Kind: "channel", ID: "general"}},
		{Name: "BEACH 100%.png", DeclaredType: "image/png", Thumbnail: file.ThumbnailOwed},
		{Name: "beach of another", DeclaredType: "image/png", Tenant: "globex"},
		{Name: "beach.gif", DeclaredType: "image/gif", State: file.Rejected, Thumbnail: file.ThumbnailFailed},
	} {
		f.ID, f.Number = file.ID(fmt.Sprintf("01J%023d", i)), int64(i+1)
		if f.Tenant == "" {
			f.Tenant = "acme"
		}
		if f.State == "" {
			f.State = file.Ready
		}
		if err := b.repo.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	ann := b.signIn(annSignsIn)
	for query, want := range map[string][]string{
		"files":                                   {"Beach.jpg", "report", "BEACH 100%.png"},
		"files?q=beach":                           {"Beach.jpg", "report", "BEACH 100%.png"},
		"files?q=beach&order=desc":                {"BEACH 100%.png", "report", "Beach.jpg"},
		"files?q=100%25":                          {"BEACH 100%.png"},
		"files?q=.*":                              nil,
		"files?type=image/*":                      {"Beach.jpg", "BEACH 100%.png"},
		"files?type=image/png":                    {"BEACH 100%.png"},
		"files?type=image/*&q=jpg":                {"Beach.jpg"},
		"files?tag=t":                             {"Beach.jpg"},
		"files?channel=general":                   {"report"},
		"files?channel=none":                      nil,
		"files?q=beach&state=rejected":            {"beach.gif"},
		"tags/t/files?q=beach":                    {"Beach.jpg"},
		"tags/t/files?type=application/pdf":       nil,
		"files?q=beach&type=image/*&tag=t&limit=": nil,
	} {
		if strings.HasSuffix(query, "limit=") {
			b.want(b.do(http.MethodGet, "/v1/"+query, "", "Cookie", ann), http.StatusBadRequest, `"invalid_request"`)
			continue
		}
		if got := b.list(query, "Cookie", ann).names(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"files?q=x", "files?type=image", "files?q=%ff%fe", "files?q=a%0Ab", "tags/t/files?tag=t", "tags/t/files?channel=general"} {
		b.want(b.do(http.MethodGet, "/v1/"+query, "", "Cookie", ann), http.StatusBadRequest, `"invalid_request"`)
	}
	guest := b.signIn(`{"email": "guest@acme.test", "password": "two"}`)
	b.want(b.do(http.MethodGet, "/v1/files?q=beach&channel=general", "", "Cookie", guest), http.StatusForbidden, `"forbidden"`)

	first := b.list("files?q=beach&limit=1", "Cookie", ann)
	if first.Pagination.Total != 3 || first.Pagination.TotalCapped || !first.Pagination.HasMore {
		t.Errorf("the first page: %+v", first.Pagination)
	}
	second := b.list("files?q=beach&limit=1&cursor="+first.Pagination.Next, "Cookie", ann)
	if second.Pagination.Total != 3 || !slices.Equal(second.names(), []string{"report"}) {
		t.Errorf("the second page: %+v", second)
	}
	all := b.list("files?state=ready,rejected", "Cookie", ann).Data
	if all[0].Thumbnail != "made" || all[1].Thumbnail != "none" || all[2].Thumbnail != "owed" || all[3].Thumbnail != "failed" {
		t.Errorf("thumbnails: %+v", all)
	}
	if all[0].Parent == nil || *all[0].Parent != struct{ Kind, ID string }{"tag", "t"} || all[2].Parent != nil {
		t.Errorf("parents: %+v", all)
	}
}
