package notifier

import (
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// follow has the webhooks told that these are the tenants.
func (w *world) follow(tenants ...file.Tenant) {
	w.t.Helper()
	there := map[file.Tenant]bool{}
	for _, t := range tenants {
		there[t] = true
	}
	if err := w.hooks.FollowTenants(w.t.Context(), func(t file.Tenant) bool { return there[t] }); err != nil {
		w.t.Fatal(err)
	}
}

// Nothing is sent for a tenant that was removed: neither what was pending nor what happens, nor what is sent again by hand.
func TestATenantThatIsRemoved(t *testing.T) {
	w := newWorld(t)
	r := newReceiver(t, 500)
	hook, _ := w.hook(r.URL)
	off := false
	quiet, _ := w.hook(r.URL)
	if _, err := w.hooks.Update(t.Context(), acme, quiet.ID, core.WebhookSpec{Active: &off}); err != nil {
		t.Fatal(err)
	}
	w.tell(event.Stored)
	w.step() // fails, and is tried again later
	w.follow("another")
	w.tell(event.Verified)
	w.advance(time.Minute)
	w.step()
	d := w.only(hook)
	if d.State != meta.DeliveryFailed || d.LastError != "the tenant is not there any more" || len(r.all()) != 1 {
		t.Errorf("%+v after %d attempts", d, len(r.all()))
	}
	if _, err := w.hooks.Redrive(t.Context(), acme, hook.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	w.Service.tend(t.Context()) // ends what is pending before it is due
	if d := w.only(hook); d.State != meta.DeliveryFailed {
		t.Errorf("%+v", d)
	}
	if n := w.series("inlet_webhooks")["no_tenant"]; n != 2 {
		t.Errorf("%v webhooks are known to have no tenant, want 2", n)
	}

	r.answer(200)
	w.follow(acme) // it was a mistake: all is as it was
	if got := w.reload(quiet); got.Active || got.DisabledReason != "" {
		t.Errorf("%+v", got)
	}
	w.tell(event.Deleted)
	w.step()
	if d := w.all(hook)[0]; d.State != meta.DeliveryDelivered || d.EventType != string(event.Deleted) || len(r.all()) != 2 {
		t.Errorf("%+v after %d attempts", d, len(r.all()))
	}

	w.follow("another") // it was none
	w.advance(7*24*time.Hour - time.Second)
	w.Service.tend(t.Context())
	w.reload(hook)
	w.advance(time.Second)
	w.Service.tend(t.Context())
	for _, h := range []*meta.Webhook{hook, quiet} {
		if _, err := w.hooks.Get(t.Context(), acme, h.ID); !file.Is(err, file.NotFound) || len(w.all(h)) != 0 {
			t.Errorf("after a week: %v, with %d deliveries", err, len(w.all(h)))
		}
	}
}
