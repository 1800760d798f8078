package notifier

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
)

// series is what the counters and gauges of a name show, by the value of their one label.
func (w *world) series(name string) map[string]float64 {
	w.t.Helper()
	families, err := w.shown.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) != 1 {
				w.t.Fatalf("%s has the labels %v", name, m.GetLabel())
			}
			all[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

// Every turn of a delivery is counted under one outcome, and no outcome is missing before it has happened.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	expect := func(when string, delivered, retried, failed, dropped, abandoned, gone float64) {
		t.Helper()
		want := map[string]float64{"delivered": delivered, "retried": retried, "failed": failed, "dropped": dropped, "abandoned": abandoned}
		if got := w.series("inlet_webhook_deliveries_total"); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
		if got := w.series("inlet_webhooks_switched_off_total"); !maps.Equal(got, map[string]float64{"gone": gone, "failing": 0}) {
			t.Errorf("%s: %v are switched off, want %v", when, got, gone)
		}
	}
	expect("nothing has happened", 0, 0, 0, 0, 0, 0)

	r := newReceiver(t, 500)
	hook, _ := w.hook(r.URL)
	w.tell(event.Stored)
	w.step()
	expect("a failure", 0, 1, 0, 0, 0, 0)
	if w.beginNext(hook) == nil {
		t.Fatal("there is no second attempt")
	}
	w.advance(lease)
	r.answer(200)
	w.step()
	expect("a success, after a death", 1, 1, 0, 0, 1, 0)

	w.tell(event.Verified)
	late, err := w.hooks.Begin(t.Context(), hook, w.all(hook)[0], lease)
	if err != nil || late == nil {
		t.Fatalf("%v, %v", late, err)
	}
	w.advance(lease)
	r.answer(410)
	w.step()
	slow := func(context.Context, core.Sending) core.Sent { return core.Sent{Text: "slow"} }
	if err := late.Run(t.Context(), time.Second, slow); err != nil {
		t.Fatal(err)
	}
	expect("an end, and an attempt that has lost its lease", 1, 1, 1, 0, 2, 1)

	if _, err := w.hooks.Redrive(t.Context(), acme, hook.ID, w.all(hook)[0].ID); err != nil {
		t.Fatal(err)
	}
	w.step()
	expect("the webhook is off", 1, 1, 1, 1, 2, 1)
	w.Service.tend(t.Context())
	if got := w.series("inlet_webhooks"); got["gone"] != 1 || len(got) != len(core.WebhookStates) {
		t.Errorf("the webhooks are %v", got)
	}
}
