package webhooks

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/inlethq/inlet/test/contract"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
)

const (
	leaverKey = "tagd_test_webhooks_0000000002"
	both      = `
tenants: [{id: main, plan: unlimited}, {id: leaver, plan: unlimited}]
users: [{id: u, tenant: main, roles: {tenant/main: owner}}]
api_keys:
  - {name: k, tenant: main, key: ` + key + `, user: u, scopes: [webhooks:write, files:read]}
  - {name: k, tenant: leaver, key: ` + leaverKey + `, scopes: [webhooks:write]}
`
	stayer = `
tenants: [{id: main, plan: unlimited}]
api_keys: [{name: k, tenant: main, key: ` + key + `, scopes: [webhooks:write]}]
`
)

// A tenant that is taken out of the directory file is called no more, not for what was pending either; one that is put back finds its webhook.
func TestRemovedTenant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	write(t, path, both)
	o := options()
	o.Directory, o.Settings["INLET_DIRECTORY"] = both, path
	s := harness.Single(t, o)
	r := newReluctant(t)
	try(t, s.As(leaverKey), r.URL+"/leaver")
	try(t, s.As(key), r.URL+"/main")
	harness.Eventually(t, harness.Limit, func() error { return errors.Join(r.asked("/leaver", 1), r.asked("/main", 1)) })
	write(t, path, stayer)
	harness.Eventually(t, harness.Limit, func() error { return r.asked("/main", 2) }) // later than the other would be
	if err := r.asked("/leaver", 1); err != nil {
		t.Error(err)
	}
	write(t, path, both)
	harness.Eventually(t, harness.Limit, func() error { // with main's key, as one that is unknown may not be tried often
		resp, err := s.As(key).Do(t.Context(), api.Request{Method: http.MethodGet, Path: "/v1/files"})
		return errors.Join(err, resp.Err())
	})
	wantDropped(t, s.As(leaverKey))
	for _, fault := range r.faults() {
		t.Error(fault)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, path)); err != nil {
		t.Fatal(err)
	}
}

// try makes a webhook and sends it an event to try it with.
func try(t *testing.T, c *api.Client, url string) {
	t.Helper()
	var hook struct{ ID string }
	call(t, c, http.MethodPost, "/v1/webhooks", map[string]any{"url": url, "events": []string{"*"}}, http.StatusCreated, &hook)
	call(t, c, http.MethodPost, "/v1/webhooks/"+hook.ID+"/test", nil, http.StatusAccepted, nil)
}

// wantDropped checks that the one delivery to the tenant's one webhook has ended after its first attempt.
func wantDropped(t *testing.T, c *api.Client) {
	t.Helper()
	var hooks []struct{ ID string }
	call(t, c, http.MethodGet, "/v1/webhooks", nil, http.StatusOK, &hooks)
	if len(hooks) != 1 {
		t.Fatalf("%d webhooks are there, want 1", len(hooks))
	}
	var list []struct {
		State    string
		Attempts int
		Error    string `json:"last_error"`
	}
	call(t, c, http.MethodGet, "/v1/webhooks/"+hooks[0].ID+"/deliveries", nil, http.StatusOK, &list)
	if len(list) != 1 || list[0].State != "failed" || list[0].Attempts != 1 || list[0].Error != "the tenant is not there any more" {
		t.Errorf("the deliveries are %+v", list)
	}
}

// reluctant is a server with a webhook at each path, which wants to be asked again some seconds later, /main the longest. Whatever it is sent must
// be as documented.
type reluctant struct {
	*httptest.Server
	mu         sync.Mutex
	requests   map[string]int // by path
	documented *contract.Events
	wrong      []error
}

func newReluctant(t *testing.T) *reluctant {
	t.Helper()
	documented, err := contract.LoadEvents(contract.EventsDocument())
	if err != nil {
		t.Fatal(err)
	}
	r := &reluctant{requests: map[string]int{}, documented: documented}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

func (r *reluctant) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = errors.Join(err, r.documented.CheckDelivery(req.Header, body)); err != nil {
		r.wrong = append(r.wrong, err)
	}
	r.requests[req.URL.Path]++
	if r.requests[req.URL.Path] == 1 {
		w.Header().Set("Retry-After", map[string]string{"/leaver": "5", "/main": "6"}[req.URL.Path])
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// asked returns nil when a webhook was sent so much.
func (r *reluctant) asked(path string, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.requests[path] != n {
		return fmt.Errorf("%s has had %d requests, want %d", path, r.requests[path], n)
	}
	return nil
}

// faults are the requests that were not as documented.
func (r *reluctant) faults() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong
}
