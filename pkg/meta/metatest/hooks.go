package metatest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// newWebhook returns a webhook with an id of its own, in the order of calls.
func newWebhook() *meta.Webhook {
	n := count.Add(1)
	return &meta.Webhook{
		ID: fmt.Sprintf("wh_01J%023d", n), Tenant: acme, URL: "https://example.com/hook", Events: []string{meta.AllEvents}, Active: true,
		Secrets: []meta.WebhookSecret{{ID: "s1", Sealed: "s1.k.AAAA", CreatedAt: start}}, CreatedAt: start,
	}
}

// newDelivery returns a pending delivery with an id and an event of its own, in the order of calls; due when its webhook began.
func newDelivery(w *meta.Webhook) *meta.Delivery {
	n := count.Add(1)
	return &meta.Delivery{
		ID: fmt.Sprintf("whd_01J%023d", n), Webhook: w.ID, Tenant: w.Tenant, EventID: fmt.Sprintf("event-%d", n), EventType: "file.stored",
		Body: `{"id":"x"}`, State: meta.DeliveryPending, NextAt: start, CreatedAt: start,
	}
}

func mustCreateWebhook(t testing.TB, r meta.Repo) *meta.Webhook {
	t.Helper()
	w := newWebhook()
	if err := r.CreateWebhook(t.Context(), w); err != nil || w.Rev != 1 {
		t.Fatalf("CreateWebhook: %v, revision %d", err, w.Rev)
	}
	return w
}

func mustAdd(t testing.TB, r meta.Repo, deliveries ...*meta.Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if added, err := r.AddDelivery(t.Context(), d); err != nil || !added || d.Rev != 1 {
			t.Fatalf("AddDelivery: %v, %v, revision %d", added, err, d.Rev)
		}
	}
}

// webhooks: every field comes back, and of two who change a webhook after the same read one is told.
func webhooks(t *testing.T, e env) {
	ctx := t.Context()
	w := newWebhook()
	w.Tag, w.Description, w.DisabledReason = "t1", "Übersicht \x00 „Q3“", "gone"
	w.Events = []string{"file.stored", "file.expired"}
	w.Secrets = append(w.Secrets, meta.WebhookSecret{ID: "s2", Sealed: strings.Repeat("s", 200), CreatedAt: start, ExpiresAt: start.Add(time.Hour)})
	w.UpdatedAt, w.LastDeliveryAt, w.FailingSince = start.Add(time.Second), start.Add(time.Minute), start.Add(time.Hour)
	if err := e.CreateWebhook(ctx, w); err != nil {
		t.Fatal(err)
	}
	if empty := emptyFields(reflect.ValueOf(*w), "Webhook"); !slices.Equal(empty, []string{"Webhook.Secrets[0].ExpiresAt"}) {
		t.Fatalf("the test leaves fields empty: %v", empty)
	}
	wantWebhook(t, e, w)
	again := *w
	again.Rev = 0
	wantKind(t, e.CreateWebhook(ctx, &again), file.Conflict, meta.ConflictID)

	rival := *w
	w.Active, w.Events = false, []string{meta.AllEvents}
	if err := e.UpdateWebhook(ctx, w); err != nil || w.Rev != 2 {
		t.Fatalf("UpdateWebhook: %v, revision %d", err, w.Rev)
	}
	wantWebhook(t, e, w)
	before := rival
	wantKind(t, e.UpdateWebhook(ctx, &rival), file.Conflict, meta.ConflictRev)
	if !reflect.DeepEqual(rival, before) {
		t.Errorf("the loser is changed: %+v", rival)
	}

	_, err := e.Webhook(ctx, "other", w.ID)
	wantKind(t, err, file.NotFound)
	foreign := *w
	foreign.Tenant = "other"
	wantKind(t, e.UpdateWebhook(ctx, &foreign), file.Conflict, meta.ConflictRev)
	bad := newWebhook()
	bad.URL = "\xff"
	wantKind(t, e.CreateWebhook(ctx, bad), file.Invalid)
}

func wantWebhook(t testing.TB, r meta.Repo, want *meta.Webhook) {
	t.Helper()
	got, err := r.Webhook(t.Context(), want.Tenant, want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// webhookLists: a tenant's are its own, a scan finds all, and a removed one is gone with its deliveries.
func webhookLists(t *testing.T, e env) {
	ctx := t.Context()
	first, second := mustCreateWebhook(t, e), mustCreateWebhook(t, e)
	third := newWebhook()
	third.Tenant = "other"
	if err := e.CreateWebhook(ctx, third); err != nil {
		t.Fatal(err)
	}
	kept, dropped := newDelivery(second), newDelivery(first)
	mustAdd(t, e, kept, dropped)

	list := func(got []*meta.Webhook, err error) []string {
		t.Helper()
		var ids []string
		for _, w := range got {
			ids = append(ids, w.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if got := list(e.WebhooksOf(ctx, acme, 10)); !slices.Equal(got, []string{first.ID, second.ID}) {
		t.Errorf("the tenant's: %v", got)
	}
	if got := list(e.WebhooksOf(ctx, acme, 1)); !slices.Equal(got, []string{first.ID}) {
		t.Errorf("one of the tenant's: %v", got)
	}
	if got := list(e.ScanWebhooks(ctx, first.ID, 10)); !slices.Equal(got, []string{second.ID, third.ID}) {
		t.Errorf("all after the first: %v", got)
	}
	if err := e.RemoveWebhook(ctx, "other", second.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing
		if err := e.RemoveWebhook(ctx, acme, first.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(e.WebhooksOf(ctx, acme, 10)); !slices.Equal(got, []string{second.ID}) {
		t.Errorf("without the first: %v", got)
	}
	_, err := e.Delivery(ctx, acme, dropped.ID)
	wantKind(t, err, file.NotFound)
	wantDelivery(t, e, kept)
}

func wantDelivery(t testing.TB, r meta.Repo, want *meta.Delivery) {
	t.Helper()
	got, err := r.Delivery(t.Context(), want.Tenant, want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// deliveries: every field comes back, an event has one for each webhook, and of many who change one after the same read one succeeds.
func deliveries(t *testing.T, e env) {
	ctx := t.Context()
	w, other := mustCreateWebhook(t, e), mustCreateWebhook(t, e)
	d := newDelivery(w)
	d.FileID, d.Attempts, d.LastStatus, d.LastError = "01J", 3, 500, "status 500"
	d.State, d.DeliveredAt, d.EndedAt = meta.DeliveryDelivered, start.Add(time.Second), start.Add(time.Minute)
	d.Claim = file.Claim{By: "notifier-1", Until: start.Add(time.Hour), Token: 7}
	mustAdd(t, e, d)
	if empty := emptyFields(reflect.ValueOf(*d), "Delivery"); len(empty) > 0 {
		t.Fatalf("the test leaves fields empty: %v", empty)
	}
	wantDelivery(t, e, d)

	twin := newDelivery(w)
	twin.EventID = d.EventID
	if added, err := e.AddDelivery(ctx, twin); err != nil || added || twin.Rev != 0 {
		t.Fatalf("the same event again: %v, %v", added, err)
	}
	twin.Webhook = other.ID
	mustAdd(t, e, twin)

	if won := atOnce(t, 8, file.Conflict, func(ctx context.Context, i int) error {
		mine := *d
		mine.Attempts = i
		return e.UpdateDelivery(ctx, &mine)
	}); won != 1 {
		t.Errorf("%d of 8 changed the same revision", won)
	}
	added := atOnce(t, 8, file.NotFound, func(ctx context.Context, _ int) error {
		mine := newDelivery(w)
		mine.EventID = "at once"
		ok, err := e.AddDelivery(ctx, mine)
		if err == nil && !ok {
			return file.Errorf(file.NotFound, "test", "somebody else did")
		}
		return err
	})
	if added != 1 {
		t.Errorf("%d of 8 added the same event", added)
	}

	for name, change := range map[string]func(*meta.Delivery){
		"pending without a time": func(d *meta.Delivery) { d.NextAt = time.Time{} },
		"ended without a time":   func(d *meta.Delivery) { d.State = meta.DeliveryFailed },
		"no state":               func(d *meta.Delivery) { d.State = "" },
		"no event":               func(d *meta.Delivery) { d.EventID = "" },
	} {
		bad := newDelivery(w)
		change(bad)
		if _, err := e.AddDelivery(ctx, bad); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// deliveryQueues: what is due comes in the order of its time, without the webhooks to skip; what has ended leaves that queue for another.
func deliveryQueues(t *testing.T, e env) {
	ctx := t.Context()
	busy, idle := mustCreateWebhook(t, e), mustCreateWebhook(t, e)
	var all []*meta.Delivery
	for i, w := range []*meta.Webhook{busy, idle, busy, idle} {
		d := newDelivery(w)
		d.NextAt = start.Add(time.Duration(10-i) * time.Minute) // the last is due first
		all = append(all, d)
	}
	mustAdd(t, e, all...)
	want := func(name string, got []*meta.Delivery, err error, wanted ...*meta.Delivery) {
		t.Helper()
		var ids, wantedIDs []string
		for _, d := range got {
			ids = append(ids, d.ID)
		}
		for _, d := range wanted {
			wantedIDs = append(wantedIDs, d.ID)
		}
		if err != nil || !slices.Equal(ids, wantedIDs) {
			t.Errorf("%s: %v, %v; want %v", name, ids, err, wantedIDs)
		}
	}
	due := func(minutes int, limit int, skip ...string) ([]*meta.Delivery, error) {
		return e.DueDeliveries(ctx, start.Add(time.Duration(minutes)*time.Minute), skip, limit)
	}
	got, err := due(10, 10)
	want("all that is due", got, err, all[3], all[2], all[1], all[0])
	got, err = due(8, 10)
	want("until a time", got, err, all[3], all[2])
	got, err = due(10, 1)
	want("the first", got, err, all[3])
	got, err = due(10, 10, idle.ID, "wh_unknown")
	want("without one webhook's", got, err, all[2], all[0])

	ended := start.Add(time.Hour)
	all[3].State, all[3].EndedAt = meta.DeliveryFailed, ended
	all[2].State, all[2].EndedAt, all[2].DeliveredAt = meta.DeliveryDelivered, ended.Add(time.Minute), ended.Add(time.Minute)
	for _, d := range all[2:] {
		if err := e.UpdateDelivery(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	got, err = due(10, 10)
	want("after two have ended", got, err, all[1], all[0])
	got, err = e.EndedDeliveries(ctx, ended, 10)
	want("ended until a time", got, err, all[3])
	got, err = e.EndedDeliveries(ctx, ended.Add(time.Hour), 10)
	want("ended", got, err, all[3], all[2])

	q := meta.DeliveryQuery{Webhook: idle.ID, Limit: 10}
	got, err = e.Deliveries(ctx, q)
	want("one webhook's", got, err, all[3], all[1])
	q.Before = all[3].ID
	got, err = e.Deliveries(ctx, q)
	want("the next page", got, err, all[1])
	got, err = e.Deliveries(ctx, meta.DeliveryQuery{Webhook: idle.ID, Offset: 1, Limit: 10})
	want("past the newest", got, err, all[1])
	got, err = e.Deliveries(ctx, meta.DeliveryQuery{Webhook: idle.ID, States: []meta.DeliveryState{meta.DeliveryFailed, meta.DeliveryDelivered}, Limit: 10})
	want("by state", got, err, all[3])

	all[3].State, all[3].EndedAt = meta.DeliveryPending, time.Time{} // as a redrive does
	if err := e.UpdateDelivery(ctx, all[3]); err != nil {
		t.Fatal(err)
	}
	got, err = due(10, 1)
	want("due again", got, err, all[3])
	for range 2 {
		if err := e.RemoveDelivery(ctx, all[3].ID); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, e.UpdateDelivery(ctx, all[3]), file.Conflict, meta.ConflictRev)
	got, err = due(10, 10)
	want("without the removed one", got, err, all[1], all[0])
}

// hookMethods calls every method of Webhooks for a tenant, and hookGlobal the others.
var hookMethods = map[string]method{
	"CreateWebhook": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		w := newWebhook()
		w.Tenant = t
		return r.CreateWebhook(ctx, w)
	},
	"Webhook": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Webhook(ctx, t, "wh_1")
		return err
	},
	"WebhooksOf": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.WebhooksOf(ctx, t, 1)
		return err
	},
	"UpdateWebhook": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		w := newWebhook()
		w.Tenant, w.Rev = t, 1
		return r.UpdateWebhook(ctx, w)
	},
	"RemoveWebhook": func(ctx context.Context, r meta.Repo, t file.Tenant) error { return r.RemoveWebhook(ctx, t, "wh_1") },
	"AddDelivery": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		d := newDelivery(newWebhook())
		d.Tenant = t
		_, err := r.AddDelivery(ctx, d)
		return err
	},
	"Delivery": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Delivery(ctx, t, "whd_1")
		return err
	},
	"UpdateDelivery": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		d := newDelivery(newWebhook())
		d.Tenant, d.Rev = t, 1
		return r.UpdateDelivery(ctx, d)
	},
}

var hookGlobal = map[string]globalMethod{
	"ScanWebhooks": func(ctx context.Context, r meta.Repo) error {
		_, err := r.ScanWebhooks(ctx, "", 1)
		return err
	},
	"RemoveDelivery": func(ctx context.Context, r meta.Repo) error { return r.RemoveDelivery(ctx, "whd_1") },
	"Deliveries": func(ctx context.Context, r meta.Repo) error {
		_, err := r.Deliveries(ctx, meta.DeliveryQuery{Webhook: "wh_1", Limit: 1})
		return err
	},
	"DueDeliveries": func(ctx context.Context, r meta.Repo) error {
		_, err := r.DueDeliveries(ctx, start, nil, 1)
		return err
	},
	"EndedDeliveries": func(ctx context.Context, r meta.Repo) error {
		_, err := r.EndedDeliveries(ctx, start, 1)
		return err
	},
}
