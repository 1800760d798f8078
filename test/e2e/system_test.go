package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

const (
	operatorKey = "tagd_test_operator_00000000000000000000"
	memberKey   = "tagd_test_member_00000000000000000000"
)

// systemStatus is the answer of GET /v1/system.
type systemStatus struct {
	Version   string
	StartedAt time.Time `json:"started_at"`
	Dialects  []string
	Bus       struct {
		OK    bool
		Error string
	}
	Queues []struct {
		Name    string
		Pending int
		Waiting int
	}
	Outbox struct {
		OldestAt time.Time `json:"oldest_at"`
		AgeS     float64   `json:"age_s"`
	}
	Due     map[string]float64
	Dead    struct{ Count int }
	Unknown []string
}

// deadLetter is an item of GET /v1/system/dead.
type deadLetter struct {
	ID, Queue, Tenant, Error string
	EventType                string `json:"event_type"`
	FileID                   string `json:"file_id"`
}

// ask sends a request and decodes the data of its answer, which must have a status.
func ask[T any](t *testing.T, c *api.Client, method, path string, status int) T {
	t.Helper()
	var data T
	resp := do(t, c, api.Request{Method: method, Path: path})
	if resp.Status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, resp.Status, resp.Body, status)
	}
	if status == http.StatusNoContent {
		return data
	}
	if err := api.Decode(resp, &data); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, resp.Body)
	}
	return data
}

// TestProcessesSystem: an operator sees how a cluster is doing, also while its bus is out, and replays what was given up. Nobody else does.
func TestProcessesSystem(t *testing.T) {
	slow(t)
	s := harness.Processes(t, harness.Options{Directory: fmt.Sprintf(`
tenants: [{id: main, plan: unlimited}]
users: [{id: u1, tenant: main, roles: {tenant/main: owner}}]
api_keys:
  - {name: ops, tenant: main, key: %s, user: u1, scopes: [files:read, files:write, system:operate]}
  - {name: ci, tenant: main, key: %s, user: u1, scopes: [files:read, files:write]}
`, operatorKey, memberKey)})
	operator, member := s.As(operatorKey), s.As(memberKey)
	for _, path := range []string{"/v1/system", "/v1/system/dead", "/v1/system/dead/1"} {
		wantError(t, do(t, member, get(path)).Err(), http.StatusForbidden, "forbidden")
	}

	f := mustUpload(t, s, member, upload("", samples.Text(100, 1)))
	var st systemStatus
	harness.Eventually(t, harness.Limit, func() error { // services start in any order, each with its own queue
		st = ask[systemStatus](t, operator, http.MethodGet, "/v1/system", http.StatusOK)
		names := []string{}
		for _, q := range st.Queues {
			names = append(names, q.Name)
		}
		if st.Outbox.AgeS != 0 || len(st.Unknown) > 0 || !slices.Contains(names, "verifier") || !slices.Contains(names, "thumbnailer") {
			return fmt.Errorf("the status is %+v", st)
		}
		return nil
	})
	if !st.Bus.OK || len(st.Due) != 5 || st.Dead.Count != 0 ||
		st.Version == "" || len(st.Dialects) == 0 || time.Since(st.StartedAt) > harness.Limit {
		t.Errorf("the status is %+v", st)
	}

	leaveLetter(t, s, f)
	leaveLetter(t, s, f)
	list := ask[[]deadLetter](t, operator, http.MethodGet, "/v1/system/dead?limit=1", http.StatusOK)
	want := deadLetter{ID: "1", Queue: "verifier", Tenant: "main", Error: "broken", EventType: string(event.Stored), FileID: f.ID}
	if len(list) != 1 || list[0] != want {
		t.Fatalf("the letters are %+v, want %+v", list, want)
	}
	if one := ask[deadLetter](t, operator, http.MethodGet, "/v1/system/dead/1", http.StatusOK); one != want {
		t.Errorf("the letter is %+v", one)
	}
	if n := ask[systemStatus](t, operator, http.MethodGet, "/v1/system", http.StatusOK).Dead.Count; n != 2 {
		t.Errorf("%d letters, want 2", n)
	}
	ask[any](t, operator, http.MethodPost, "/v1/system/dead/1/replay", http.StatusAccepted)
	ask[any](t, operator, http.MethodDelete, "/v1/system/dead/2", http.StatusNoContent)
	for _, r := range []api.Request{get("/v1/system/dead/1"), get("/v1/system/dead/x"), {Method: http.MethodPost, Path: "/v1/system/dead/2/replay"},
		{Method: http.MethodDelete, Path: "/v1/system/dead/2"}} {
		wantError(t, do(t, operator, r).Err(), http.StatusNotFound, "not_found")
	}
	if list := ask[[]deadLetter](t, operator, http.MethodGet, "/v1/system/dead", http.StatusOK); len(list) != 0 {
		t.Errorf("letters are left: %+v", list)
	}

	s.Bus.Stop()
	asynchronous := upload("", samples.Text(100, 2))
	asynchronous.Header = headers("Prefer", "respond-async")
	if _, err := member.Upload(harness.Context(t), asynchronous); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Limit, func() error {
		began := time.Now()
		st := ask[systemStatus](t, operator, http.MethodGet, "/v1/system", http.StatusOK)
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("the status took %s", took)
		}
		if st.Bus.OK || st.Bus.Error == "" || !slices.Equal(st.Unknown, []string{"dead", "queues"}) || st.Outbox.AgeS == 0 {
			return fmt.Errorf("without a bus the status is %+v", st)
		}
		return nil
	})
	wantError(t, do(t, operator, get("/v1/system/dead")).Err(), http.StatusServiceUnavailable, "unavailable")
}

// TestSingleSystem: the key that the first start makes is an operator's.
func TestSingleSystem(t *testing.T) {
	slow(t)
	m := newMachine(t)
	m.ready(samples.Text(100, 1))
	st := ask[systemStatus](t, m.client, http.MethodGet, "/v1/system", http.StatusOK)
	if !st.Bus.OK || len(st.Unknown) > 0 || len(st.Queues) < 2 {
		t.Errorf("the status is %+v", st)
	}
	if list := ask[[]deadLetter](t, m.client, http.MethodGet, "/v1/system/dead", http.StatusOK); len(list) != 0 {
		t.Errorf("letters: %+v", list)
	}
}
