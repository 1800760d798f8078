// Package e2e tests Inlet from outside, as it is shipped: each case is written once, against the public API and the events, and runs on
// one process, on one process for each service, and on a cluster that is up already.
//
// It tests no package and looks into no store. Run it with -count=1: the go command does not see that the programs under test have changed.
package e2e

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// cases run side by side on one System. Each keeps to tags or tenants of its own.
var cases = []struct {
	name string
	run  func(*testing.T, *harness.System)
}{
	{"kinds", testKinds},
	{"thumbnails", testThumbnails},
	{"renders", testRenders},
	{"refused at the door", testRefusedAtTheDoor},
	{"rejected by the verdict", testRejectedByTheVerdict},
	{"bad uploads", testBadUploads},
	{"bad requests", testBadRequests},
	{"raw bodies", testRawBodies},
	{"prefer", testPrefer},
	{"idempotency", testIdempotency},
	{"patch", testPatch},
	{"lists", testLists},
	{"delete", testDelete},
	{"expiry", testExpiry},
	{"tenants", testTenants},
	{"downloads", testDownloads},
	{"names", testNames},
	{"quota", testQuota},
	{"quota race", testQuotaRace},
	{"rate", testRate},
	{"event stream", testEventStream},
	{"event stream of a tenant", testEventStreamTenants},
}

// tenants are those that the cases use besides main, one case each.
var tenants = []harness.Tenant{
	{ID: "strict", MaxFile: strictFile, MaxStorage: strictStorage},
	{ID: "quota", MaxStorage: quotaStorage},
	{ID: "race", MaxStorage: raceRoom * raceFile},
	{ID: "busy", PerMinute: busyRate},
	{ID: "other"},
}

func TestSingle(t *testing.T) {
	slow(t)
	runCases(t, harness.Single(t, harness.Options{Tenants: tenants}))
}

func TestProcesses(t *testing.T) {
	slow(t)
	runCases(t, harness.Processes(t, harness.Options{Tenants: tenants}))
}

func TestRemote(t *testing.T) {
	runCases(t, harness.Remote(t))
}

// slow marks a test that starts programs.
func slow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
}

func runCases(t *testing.T, s *harness.System) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, s)
		})
	}
}

// newTag returns a tag that nobody else uses.
func newTag(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return name[max(0, len(name)-64):] + "-" + rand.Text()[:8]
}

// upload is a sample on its way into a tag.
func upload(tag string, s samples.Sample) api.Upload {
	return api.Upload{Tag: tag, Name: s.Name, Type: s.Type, Data: s.Data}
}

// mustUpload uploads a sample and expects its verdict to be good. Where the answer came first, it waits.
func mustUpload(t *testing.T, s *harness.System, c *api.Client, u api.Upload) api.File {
	t.Helper()
	f, err := c.Upload(t.Context(), u)
	if err != nil {
		t.Fatalf("upload of %s: %v", u.Name, err)
	}
	if f.State != "ready" {
		f = s.WaitState(t, c, f.ID, "ready")
	}
	return f
}

// wantError checks that err is an answer with a status and a code.
func wantError(t *testing.T, err error, status int, code string) {
	t.Helper()
	if err == nil {
		t.Errorf("success, want %d %s", status, code)
		return
	}
	var got *api.Error
	if !errors.As(err, &got) {
		t.Errorf("no answer: %v; want %d %s", err, status, code)
		return
	}
	if got.Status != status || got.Code != code {
		t.Errorf("%v; want %d %s", err, status, code)
	}
}

// do sends a request by hand and expects a whole answer.
func do(t *testing.T, c *api.Client, r api.Request) api.Response {
	t.Helper()
	resp, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	return resp
}

func get(path string, header ...string) api.Request {
	return api.Request{Method: http.MethodGet, Path: path, Header: headers(header...)}
}

// headers makes a Header of names and values in turn.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for pair := range slices.Chunk(pairs, 2) {
		h.Add(pair[0], pair[1])
	}
	return h
}

// facts lists what events tell, in their order.
func facts(events []event.Event) []event.Fact {
	out := make([]event.Fact, len(events))
	for i, e := range events {
		out[i] = e.Fact()
	}
	return out
}

// wantFacts waits for the facts of a file and checks that they are all, in any order but with stored first.
func wantFacts(t *testing.T, s *harness.System, id string, want ...event.Fact) {
	t.Helper()
	events, err := s.Events.Wait(harness.Context(t), id, want...)
	if err != nil {
		t.Error(err)
		return
	}
	got := facts(events)
	if got[0] != event.Stored || !sameSet(got, want) {
		t.Errorf("facts of %s are %v, want %v", id, got, want)
	}
}

func sameSet(a, b []event.Fact) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// wantOnly checks that of a tag, in lists of every state and in the events, there is nothing but the given files.
// The last of them must have been uploaded last: its events show that those of earlier uploads would have come.
func wantOnly(t *testing.T, s *harness.System, c *api.Client, tag string, files ...api.File) {
	t.Helper()
	page, err := c.List(t.Context(), tag, map[string][]string{"state": {"pending,ready,rejected,failed"}, "limit": {"100"}})
	if err != nil {
		t.Fatal(err)
	}
	var want, listed []string
	for _, f := range files {
		want = append(want, f.ID)
	}
	for _, f := range page.Files {
		listed = append(listed, f.ID)
	}
	if !slices.Equal(listed, want) || page.Pagination.Total != int64(len(want)) {
		t.Errorf("the list has %v (total %d), want %v", listed, page.Pagination.Total, want)
	}
	last := files[len(files)-1]
	if _, err := s.Events.Wait(harness.Context(t), last.ID, event.Stored, event.Verified); err != nil {
		t.Error(err)
	}
	strangers := s.Events.Select(func(e event.Event) bool {
		return e.Data.File.ParentID == tag && !slices.Contains(want, "file_"+e.Subject)
	})
	for _, e := range strangers {
		t.Errorf("an event tells of a file that should not be: %s of %s (%s)", e.Type, e.Subject, e.Data.File.Name)
	}
}
