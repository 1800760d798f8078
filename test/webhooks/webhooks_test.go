// Package webhooks tests from outside that no event of a file fails to reach a webhook, whatever dies in between. Its receiver knows nothing of
// Inlet: it verifies with the reference library of Standard Webhooks, and holds what comes to the AsyncAPI document.
package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/contract"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

var files = flag.Int("webhooks.files", 60, "how many files TestSingle uploads")

const (
	key       = "tagd_test_webhooks_0000000001"
	directory = `
tenants: [{id: main, plan: unlimited}]
users: [{id: u, tenant: main, roles: {tenant/main: owner}}]
api_keys: [{name: k, tenant: main, key: ` + key + `, user: u, scopes: [files:read, files:write, webhooks:write]}]
`
)

func options() harness.Options {
	return harness.Options{Directory: directory, Notifier: true, Settings: map[string]string{
		"INLET_WEBHOOK_ALLOW":   "127.0.0.0/8",
		"INLET_WEBHOOK_TIMEOUT": "1s", // and so a lease of two: what a process that died leaves behind
	}}
}

// TestSingle kills the one process again and again.
func TestSingle(t *testing.T) {
	testNoneLost(t, harness.Single(t, options()), *files, []string{"inlet", "inlet", "inlet"})
}

// TestProcesses kills the notifier alone.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts MongoDB's stand-in and six programs")
	}
	testNoneLost(t, harness.Processes(t, options()), 12, []string{"notifier", "notifier"})
}

// testNoneLost uploads files, kills each victim in its turn on the way, and waits until the webhook was told that every one is verified. All
// that it is told must verify; what it is told twice must have the same id; and the ids must be those of the events on NATS.
func testNoneLost(t *testing.T, s *harness.System, n int, victims []string) {
	c := s.As(key)
	r := newReceiver(t)
	var hook struct{ ID, Secret string }
	call(t, c, http.MethodPost, "/v1/webhooks", map[string]any{"url": r.URL, "events": []string{"file.verified"}}, http.StatusCreated, &hook)
	r.trust(t, hook.Secret)

	began := time.Now()
	all := s.UploadAmidKills(t, c, n, harness.Limit, textUpload, victims)
	uploaded := time.Since(began)
	harness.Eventually(t, 60*time.Second, func() error { return r.has(all) })
	told, twice, ids := r.count()
	t.Logf("%d files in %s, all told %s later: %d deliveries, %d of them again", n, uploaded.Round(time.Millisecond), (time.Since(began) - uploaded).Round(time.Millisecond), told, twice)
	for _, fault := range r.faults() {
		t.Error(fault)
	}
	for _, f := range all {
		if e, err := s.Events.Wait(harness.Context(t), f.Bare(), event.Verified); err != nil || !sameID(e, ids[f.Bare()]) {
			t.Errorf("%s: NATS has %v, the webhook was told %s: %v", f.ID, e, ids[f.Bare()], err)
		}
	}
	harness.Eventually(t, harness.Limit, func() error { return delivered(c, hook.ID, n) })
}

// sameID reports whether the event of the one fact has the id.
func sameID(events []event.Event, id string) bool {
	for _, e := range events {
		if e.Fact() == event.Verified && e.ID == id {
			return true
		}
	}
	return false
}

// delivered checks that the records say what has happened: one delivery for each event, all of them delivered.
func delivered(c *api.Client, hook string, n int) error {
	total := 0
	for cursor := ""; ; {
		resp, err := c.Do(context.Background(), api.Request{Method: http.MethodGet, Path: "/v1/webhooks/" + hook + "/deliveries?limit=100&cursor=" + cursor})
		if err = errors.Join(err, resp.Err()); err != nil {
			return err
		}
		var page struct {
			Data       []struct{ State string }
			Pagination struct {
				Next string `json:"next_cursor"`
			}
		}
		if err := json.Unmarshal(resp.Body, &page); err != nil {
			return err
		}
		for _, d := range page.Data {
			if d.State != "delivered" {
				return fmt.Errorf("a delivery is %s", d.State)
			}
		}
		total += len(page.Data)
		if cursor = page.Pagination.Next; cursor == "" {
			break
		}
	}
	if total != n {
		return fmt.Errorf("%d deliveries are recorded, want %d", total, n)
	}
	return nil
}

// textUpload is the i-th file: a text like no other.
func textUpload(i int) api.Upload {
	sample := samples.Text(1000+i, uint64(i))
	return api.Upload{Name: fmt.Sprintf("%d.txt", i), Type: sample.Type, Data: sample.Data, Header: http.Header{
		"Idempotency-Key": {fmt.Sprint("webhook-", i)}, "Prefer": {"respond-async"},
	}}
}

// call sends JSON and decodes the data of the answer, which must have this status.
func call(t *testing.T, c *api.Client, method, path string, body any, status int, out any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(t.Context(), api.Request{Method: method, Path: path, Body: bytes.NewReader(text), Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil || resp.Status != status {
		t.Fatalf("%s %s: %d %s, %v; want %d", method, path, resp.Status, resp.Body, err, status)
	}
	if out != nil {
		if err := api.Decode(resp, out); err != nil {
			t.Fatal(err)
		}
	}
}

// receiver is a webhook's other end. A few of the first requests it answers 503, so that retries are part of the test.
type receiver struct {
	*httptest.Server
	documented *contract.Events
	mu         sync.Mutex
	verifier   *standardwebhooks.Webhook
	requests   int
	told       map[string][]string // ids by file
	wrong      []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	documented, err := contract.LoadEvents(contract.EventsDocument())
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{documented: documented, told: map[string][]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) trust(t *testing.T, secret string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.verifier, err = standardwebhooks.NewWebhook(secret); err != nil {
		t.Fatal(err)
	}
}

func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return // whoever sent it has died
	}
	if r.requests++; r.requests == 3 || r.requests == 7 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err := r.verifier.Verify(body, req.Header); err != nil {
		r.wrong = append(r.wrong, err.Error())
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e, err := event.Decode(body)
	err = errors.Join(err, r.documented.CheckDelivery(req.Header, body))
	id := req.Header.Get("webhook-id")
	if err != nil || e.ID != id || e.Fact() != event.Verified {
		r.wrong = append(r.wrong, fmt.Sprintf("%s %s, %v", id, body, err))
	}
	file := string(e.Data.File.ID)
	r.told[file] = append(r.told[file], id)
}

// has returns nil when every file was told.
func (r *receiver) has(all []api.File) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range all {
		if len(r.told[f.Bare()]) == 0 {
			return fmt.Errorf("nothing was told of %s, and of %d of %d files", f.ID, len(r.told), len(all))
		}
	}
	return nil
}

// count returns how often something was told, how often again, and the first id by file.
func (r *receiver) count() (told, twice int, ids map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids = map[string]string{}
	for file, list := range r.told {
		ids[file] = list[0]
		told += len(list)
		twice += len(list) - 1
	}
	return told, twice, ids
}

// faults are what was not as it must be.
func (r *receiver) faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	faults := r.wrong
	for file, list := range r.told {
		for _, id := range list {
			if id != list[0] {
				faults = append(faults, fmt.Sprintf("%s was told under the ids %v", file, list))
			}
		}
	}
	return faults
}
