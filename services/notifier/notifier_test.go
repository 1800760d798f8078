package notifier

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/sign"
)

const acme = file.Tenant("acme")

// start is when the story of every test begins.
var start = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// world is a service over a real database, whose clock stands until it is told to go on.
type world struct {
	*Service
	t     *testing.T
	repo  *sqlite.Store
	core  *core.Core
	keys  string
	shown *prometheus.Registry // what the service that runs tells

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, now: start, keys: sign.NewKey()}
	store, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "blobs"), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	if w.repo, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "meta.db"), Synchronous: sqlite.Off}); err != nil {
		t.Fatal(err)
	}
	w.core = core.New(core.Config{Blobs: store, Meta: w.repo, Bus: silent{}, Now: w.clock})
	t.Cleanup(func() {
		w.core.Close(context.Background())
		if err := w.repo.Close(); err != nil {
			t.Error(err)
		}
		_ = store.Close()
	})
	w.restart()
	return w
}

// restart replaces the service, as the start of a process does.
func (w *world) restart() {
	w.t.Helper()
	w.shown = prometheus.NewRegistry()
	s, err := New(Config{Keys: w.keys, Allow: []string{"127.0.0.0/8"}, Timeout: 2 * time.Second, Concurrency: 16, Each: 4, Keep: minKeep},
		Needs{Core: w.core, Metrics: w.shown, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.sender.Close)
	w.Service = s
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// silent is a bus that takes every event and tells nobody.
type silent struct{}

func (silent) Publish(context.Context, bus.Message) error { return nil }

// hook makes a webhook and returns it with its secret.
func (w *world) hook(url string, change ...func(*core.WebhookSpec)) (*meta.Webhook, string) {
	w.t.Helper()
	spec := core.WebhookSpec{URL: &url, Events: &[]string{meta.AllEvents}}
	for _, c := range change {
		c(&spec)
	}
	hook, secret, err := w.hooks.Create(w.t.Context(), acme, spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return hook, secret
}

// happened is an event of now, as the bus delivers it.
func (w *world) happened(fact event.Fact, change ...func(*file.File)) bus.Delivery {
	w.t.Helper()
	f := &file.File{ID: file.ID(ulid.Make().String()), Number: 1, Tenant: acme, Name: "a.txt", State: file.Ready}
	for _, c := range change {
		c(f)
	}
	data, err := event.New(file.OutboxEntry{ID: ulid.Make().String(), Fact: string(fact), Rev: 1, At: w.clock()}, f).Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	return bus.Delivery{Message: bus.Message{Data: data}, Attempt: 1}
}

// tell has the service take an event of now.
func (w *world) tell(fact event.Fact, change ...func(*file.File)) {
	w.t.Helper()
	if err := w.take(w.t.Context(), w.happened(fact, change...)); err != nil {
		w.t.Fatal(err)
	}
}

// step makes the attempts that are due, and waits until they have ended.
func (w *world) step() {
	w.t.Helper()
	running := &attempts{ctx: w.t.Context()}
	err := w.look(w.t.Context(), running)
	running.Wait()
	if err != nil {
		w.t.Fatal(err)
	}
}

// all are the deliveries of a webhook, the newest first.
func (w *world) all(hook *meta.Webhook) []*meta.Delivery {
	w.t.Helper()
	list, err := w.repo.Deliveries(w.t.Context(), meta.DeliveryQuery{Webhook: hook.ID, Limit: meta.MaxLimit})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// only is the one delivery of a webhook.
func (w *world) only(hook *meta.Webhook) *meta.Delivery {
	w.t.Helper()
	list := w.all(hook)
	if len(list) != 1 {
		w.t.Fatalf("%d deliveries, want 1", len(list))
	}
	return list[0]
}

func (w *world) reload(hook *meta.Webhook) *meta.Webhook {
	w.t.Helper()
	got, err := w.hooks.Get(w.t.Context(), acme, hook.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// receiver is an HTTP server that notes what it gets, and answers with the status that it is set to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	id     string
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{req.Header.Get("webhook-id"), req.Header, body})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// An event that comes twice, as the bus may deliver it, is sent once, signed, and to those who want it.
func TestEventsReachWhoWantsThem(t *testing.T) {
	w := newWorld(t)
	r, other := newReceiver(t, 200), newReceiver(t, 200)
	before := w.happened(event.Stored)
	w.advance(time.Second)
	hook, secret := w.hook(r.URL, func(s *core.WebhookSpec) { s.Events = &[]string{"file.stored", "file.verified"} })
	tag := "holiday"
	tagged, _ := w.hook(other.URL, func(s *core.WebhookSpec) { s.Tag = &tag })
	off := false
	if _, err := w.hooks.Update(t.Context(), acme, mustHook(w, other.URL).ID, core.WebhookSpec{Active: &off}); err != nil {
		t.Fatal(err)
	}

	d := w.happened(event.Stored)
	for _, d := range []bus.Delivery{before, d, d} {
		if err := w.take(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	w.tell(event.Deleted)
	w.tell(event.Deleted, func(f *file.File) { f.Parent = file.Parent{Kind: "tag", ID: tag} })
	w.tell(event.Stored, func(f *file.File) { f.Tenant = "other" })
	w.step()
	w.step() // finds nothing more

	got := r.all()
	if len(got) != 1 || string(got[0].body) != string(d.Data) {
		t.Fatalf("%d deliveries, the first %v", len(got), got)
	}
	verify(t, secret, got[0], true)
	if n := len(other.all()); n != 1 {
		t.Errorf("%d deliveries by tag, want 1", n)
	}
	if d := w.only(hook); d.State != meta.DeliveryDelivered || d.Attempts != 1 || d.LastStatus != 200 || d.EventType != "file.stored" || !d.DeliveredAt.Equal(w.clock()) {
		t.Errorf("%+v", d)
	}
	if d := w.only(tagged); d.EventType != "file.deleted" {
		t.Errorf("%+v", d)
	}
	if h := w.reload(hook); !h.LastDeliveryAt.Equal(w.clock()) || !h.FailingSince.IsZero() {
		t.Errorf("%+v", h)
	}
	if err := w.take(t.Context(), bus.Delivery{Message: bus.Message{Data: []byte("{}")}}); !bus.IsPermanent(err) {
		t.Errorf("what is no event: %v", err)
	}
}

func mustHook(w *world, url string) *meta.Webhook {
	h, _ := w.hook(url)
	return h
}

func verify(t *testing.T, secret string, r received, want bool) {
	t.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Verify(r.body, r.header); (err == nil) != want {
		t.Errorf("the signature: %v", err)
	}
}

// A receiver that fails is tried ten times over a day, with the same id; then the delivery has failed, and the webhook is switched off.
func TestRetriesForADay(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 500)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	for w.only(hook).State == meta.DeliveryPending {
		w.step()
		if d := w.only(hook); d.State == meta.DeliveryPending {
			w.step() // not due yet
			w.advance(d.NextAt.Sub(w.clock()))
		}
	}
	d, h, took := w.only(hook), w.reload(hook), w.clock().Sub(start)
	if d.State != meta.DeliveryFailed || d.Attempts != 10 || d.LastStatus != 500 || d.LastError != "status 500" || len(r.all()) != 10 {
		t.Errorf("after %d attempts: %+v", len(r.all()), d)
	}
	if took < 20*time.Hour || took > 26*time.Hour {
		t.Errorf("it took %s", took)
	}
	for _, got := range r.all() {
		if got.id != d.EventID {
			t.Errorf("an attempt has the id %s, want %s", got.id, d.EventID)
		}
	}
	if h.Active || h.DisabledReason != core.DisabledFailing || !h.FailingSince.Equal(start) {
		t.Errorf("%+v", h)
	}
	w.tell(event.Stored) // of which a webhook that is off gets nothing
	w.only(hook)

	on := true
	if _, err := w.hooks.Update(t.Context(), acme, hook.ID, core.WebhookSpec{Active: &on}); err != nil {
		t.Fatal(err)
	}
	r.answer(200)
	if _, err := w.hooks.Redrive(t.Context(), acme, hook.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	w.step()
	if d, h := w.only(hook), w.reload(hook); d.State != meta.DeliveryDelivered || d.Attempts != 1 || !h.Active || h.DisabledReason != "" || !h.FailingSince.IsZero() {
		t.Errorf("after a redrive: %+v, %+v", d, h)
	}
}

// A success in between keeps a webhook on, though one delivery fails for good.
func TestOneBadDeliverySwitchesNothingOff(t *testing.T) {
	w := newWorld(t)
	var bad string
	r := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Header.Get("webhook-id") == bad {
			rw.WriteHeader(400)
		}
	}))
	defer r.Close()
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	first := w.only(hook)
	bad = first.EventID
	for first.State == meta.DeliveryPending {
		w.step()
		if first = w.all(hook)[len(w.all(hook))-1]; first.State == meta.DeliveryPending {
			w.advance(first.NextAt.Sub(w.clock()))
			w.tell(event.Verified)
		}
	}
	if h := w.reload(hook); first.State != meta.DeliveryFailed || !h.Active {
		t.Errorf("%+v, %+v", first, h)
	}
}

// 410 ends a webhook at once, and what is pending with it; a test still goes out.
func TestGone(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 410)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	w.step()
	if d, h := w.only(hook), w.reload(hook); d.State != meta.DeliveryFailed || d.Attempts != 1 || h.Active || h.DisabledReason != core.DisabledGone {
		t.Fatalf("%+v, %+v", d, h)
	}
	if _, err := w.hooks.Redrive(t.Context(), acme, hook.ID, w.only(hook).ID); err != nil {
		t.Fatal(err)
	}
	w.step()
	if d := w.only(hook); d.State != meta.DeliveryFailed || d.LastError != "the webhook is not active" || len(r.all()) != 1 {
		t.Errorf("%+v after %d attempts", d, len(r.all()))
	}
	r.answer(200)
	if _, err := w.hooks.Test(t.Context(), acme, hook.ID); err != nil {
		t.Fatal(err)
	}
	w.step()
	if d := w.all(hook)[0]; d.EventType != core.TestEvent || d.State != meta.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
}

// Retry-After puts the next attempt off, but for no longer than half a day.
func TestRetryAfter(t *testing.T) {
	for asked, want := range map[string]time.Duration{"1": 5 * time.Second, "600": 10 * time.Minute, "1000000": 12 * time.Hour} {
		w := newWorld(t)
		r := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", asked)
			rw.WriteHeader(503)
		}))
		hook, _ := w.hook(r.URL)
		w.tell(event.Stored)
		w.step()
		r.Close()
		if got := w.only(hook).NextAt.Sub(start); got < want*9/10 || got > want*11/10 {
			t.Errorf("Retry-After %s: the next attempt comes after %s, want %s", asked, got, want)
		}
	}
}

// During the overlap of a rotation both secrets verify; then the new one alone. A key that signs in front of the old one seals them anew.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 200)
	hook, older := w.hook(r.URL)
	_, newer, err := w.hooks.Rotate(t.Context(), acme, hook.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.tell(event.Stored)
	w.step()
	w.advance(time.Hour)
	w.tell(event.Stored)
	w.step()
	got := r.all()
	verify(t, older, got[0], true)
	verify(t, newer, got[0], true)
	verify(t, older, got[1], false)
	verify(t, newer, got[1], true)

	w.keys = sign.NewKey() + "," + w.keys
	w.restart()
	if _, err := w.hooks.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.reload(hook).Secrets); n != 1 {
		t.Errorf("%d secrets are kept, want 1", n)
	}
	w.keys = w.keys[:len(sign.NewKey())] // the old key leaves the ring
	w.restart()
	w.tell(event.Stored)
	w.step()
	verify(t, newer, r.all()[2], true)
	if _, _, err := w.hooks.Rotate(t.Context(), acme, hook.ID, 1000*time.Hour); !file.Is(err, file.Invalid) {
		t.Errorf("an overlap of weeks: %v", err)
	}

	w.keys = sign.NewKey() // and the new one was lost
	w.restart()
	w.tell(event.Stored)
	w.step()
	if d := w.all(hook)[0]; d.State != meta.DeliveryPending || d.LastError != "the webhook's secret cannot be read: rotate it" || len(r.all()) != 3 {
		t.Errorf("%+v after %d attempts", d, len(r.all()))
	}
}

// A process that dies in an attempt leaves a lease; when that has ended another makes the attempt, with the same id, and it is counted once. If the
// first was only slow, its success counts.
func TestLease(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 200)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	dead, err := w.hooks.Begin(t.Context(), hook, w.only(hook), time.Minute)
	if err != nil || dead == nil {
		t.Fatalf("%v, %v", dead, err)
	}
	if rival, err := w.hooks.Begin(t.Context(), hook, w.only(hook), time.Minute); err != nil || rival != nil {
		t.Fatalf("two have the lease: %v", err)
	}
	w.restart()
	w.step()
	if n := len(r.all()); n != 0 {
		t.Fatalf("%d attempts under another's lease", n)
	}
	w.advance(time.Minute)
	second, err := w.hooks.Begin(t.Context(), hook, w.only(hook), time.Minute)
	if err != nil || second == nil {
		t.Fatalf("after the lease: %v, %v", second, err)
	}
	fail := func(context.Context, core.Sending) core.Sent { return core.Sent{Text: "slow"} }
	if err := dead.Run(t.Context(), time.Second, fail); err != nil {
		t.Fatal(err)
	}
	if d := w.only(hook); d.State != meta.DeliveryPending || d.Attempts != 1 || d.LastError != "" {
		t.Errorf("a failure without the lease counts: %+v", d)
	}
	if err := dead.Run(t.Context(), time.Second, w.sender.Send); err != nil {
		t.Fatal(err)
	}
	if d := w.only(hook); d.State != meta.DeliveryDelivered {
		t.Errorf("a success does not count: %+v", d)
	}
	if err := second.Run(t.Context(), time.Second, fail); err != nil {
		t.Fatal(err)
	}
	if d := w.only(hook); d.State != meta.DeliveryDelivered || len(r.all()) != 1 {
		t.Errorf("a failure after it counts: %+v", d)
	}
}

// A process that is told to end gives its attempts back: they are due at once, and are not counted again.
func TestEndGivesBack(t *testing.T) {
	w := newWorld(t)
	hook, _ := w.hook("http://127.0.0.1:1/")
	w.tell(event.Stored)
	ctx, cancel := context.WithCancel(t.Context())
	a, err := w.hooks.Begin(ctx, hook, w.only(hook), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	err = a.Run(ctx, time.Minute, func(context.Context, core.Sending) core.Sent {
		cancel()
		return core.Sent{Text: "broken off"}
	})
	if d := w.only(hook); err != nil || d.State != meta.DeliveryPending || d.Attempts != 1 || d.NextAt.After(w.clock()) || d.Claim.Held(w.clock()) {
		t.Errorf("%v, %+v", err, d)
	}
	if a, err = w.hooks.Begin(t.Context(), hook, w.only(hook), time.Minute); err != nil || a == nil || w.only(hook).Attempts != 1 {
		t.Errorf("taken up by another: %v, %+v", err, w.only(hook))
	}
}

// What is pending goes to the URL that the webhook has when it is sent, and nowhere when the webhook was removed.
func TestPendingFollowsItsWebhook(t *testing.T) {
	w := newWorld(t)
	before, after := newReceiver(t, 500), newReceiver(t, 200)
	hook, _ := w.hook(before.URL)
	w.tell(event.Stored)
	w.step()
	if _, err := w.hooks.Update(t.Context(), acme, hook.ID, core.WebhookSpec{URL: &after.URL}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	w.step()
	if len(before.all()) != 1 || len(after.all()) != 1 || w.only(hook).State != meta.DeliveryDelivered {
		t.Errorf("%d attempts before, %d after", len(before.all()), len(after.all()))
	}

	w.tell(event.Deleted)
	stray := w.happened(event.Deleted)
	if err := w.hooks.Remove(t.Context(), acme, hook.ID); err != nil {
		t.Fatal(err)
	}
	late := &meta.Delivery{ID: "whd_late", Webhook: hook.ID, Tenant: acme, EventID: "late", Body: string(stray.Data), State: meta.DeliveryPending, NextAt: w.clock(), CreatedAt: w.clock()}
	if _, err := w.repo.AddDelivery(t.Context(), late); err != nil { // by somebody who has read the webhook before
		t.Fatal(err)
	}
	w.step()
	if n := len(w.all(hook)); n != 0 || len(after.all()) != 1 {
		t.Errorf("%d deliveries of a webhook that was removed, %d attempts", n, len(after.all()))
	}
	if err := w.hooks.Remove(t.Context(), acme, hook.ID); !file.Is(err, file.NotFound) {
		t.Errorf("removed again: %v", err)
	}
}

// A receiver that hangs has no more than its share of attempts, and holds up nobody else.
func TestSlowReceiversHoldUpNobody(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	atOnce, most := 0, 0
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		atOnce++
		most = max(most, atOnce)
		mu.Unlock()
		<-release
		mu.Lock()
		atOnce--
		mu.Unlock()
	}))
	defer slow.Close()
	quick := newReceiver(t, 200)
	slowHook, _ := w.hook(slow.URL)
	for range 100 { // more than a look takes
		w.tell(event.Stored)
	}
	w.advance(time.Second)
	quickHook, _ := w.hook(quick.URL)
	w.tell(event.Verified)

	running := &attempts{ctx: t.Context()}
	if err := w.look(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.only(quickHook).State != meta.DeliveryDelivered {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the quick one waits for the slow one")
		}
	}
	close(release)
	running.Wait()
	for range 50 { // four at once, a hundred in all
		w.step()
	}
	if most > w.cfg.Each {
		t.Errorf("%d attempts at once, want at most %d", most, w.cfg.Each)
	}
	for _, d := range w.all(slowHook) {
		if d.State != meta.DeliveryDelivered {
			t.Fatalf("%+v", d)
		}
	}
}

// What has ended goes after its time.
func TestOldDeliveriesAreRemoved(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 200)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	w.step()
	w.advance(2 * time.Hour)
	w.tell(event.Verified)
	w.step()
	w.tell(event.Deleted) // stays: it is pending
	w.advance(minKeep - time.Hour)
	if n, err := w.hooks.PurgeDue(t.Context(), minKeep, 100); err != nil || n != 1 || len(w.all(hook)) != 2 {
		t.Errorf("%d removed, %v; %d left", n, err, len(w.all(hook)))
	}
}

func TestLimits(t *testing.T) {
	l := newLimits(8, 2)
	a := func(webhook, host, tenant int) lane {
		return lane{fmt.Sprint(webhook), fmt.Sprint(host), fmt.Sprint(tenant)}
	}
	for i, c := range []struct {
		lane lane
		ok   bool
	}{
		{a(1, 1, 1), true}, {a(1, 1, 1), true}, {a(1, 1, 1), false}, // a webhook has 2
		{a(2, 1, 2), true}, {a(2, 1, 2), true}, {a(3, 1, 3), false}, // a host 4
		{a(4, 4, 1), true}, {a(5, 5, 1), true}, {a(6, 6, 1), false}, // a tenant 4
		{a(7, 7, 7), true}, {a(7, 7, 7), true}, {a(8, 8, 8), false}, // all 8
	} {
		if ok := l.take(c.lane); ok != c.ok {
			t.Errorf("%d: %+v is %v", i, c.lane, ok)
		}
	}
	if l.free() != 0 {
		t.Errorf("%d free", l.free())
	}
	l.give(a(1, 1, 1))
	if l.free() != 1 || !l.take(a(3, 1, 3)) || l.take(a(8, 8, 8)) {
		t.Error("a place that was given back is not free")
	}
	for _, given := range []lane{a(1, 1, 1), a(2, 1, 2), a(2, 1, 2), a(3, 1, 3), a(4, 4, 1), a(5, 5, 1), a(7, 7, 7), a(7, 7, 7)} {
		l.give(given)
	}
	if len(l.running) != 0 {
		t.Errorf("left: %v", l.running)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Timeout: time.Second, Concurrency: 1, Each: 1, Keep: minKeep}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"INLET_WEBHOOK_ALLOW":            func(c *Config) { c.Allow = []string{"10"} },
		"INLET_WEBHOOK_TIMEOUT":          func(c *Config) { c.Timeout = 0 },
		"INLET_WEBHOOK_CONCURRENCY":      func(c *Config) { c.Concurrency = 0 },
		"INLET_WEBHOOK_CONCURRENCY_EACH": func(c *Config) { c.Each = 0 },
		"INLET_WEBHOOK_KEEP":             func(c *Config) { c.Keep = time.Hour },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name+" is") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{}, Needs{}); err == nil {
		t.Error("it starts without keys")
	}
}
