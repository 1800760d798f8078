package notifier

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// metrics count what becomes of deliveries. No label holds a tenant, a webhook or a URL.
type metrics struct {
	deliveries  *prometheus.CounterVec
	attempts    prometheus.Histogram
	switchedOff *prometheus.CounterVec
	webhooks    *prometheus.GaugeVec
}

var _ core.WebhookObserver = (*metrics)(nil)

// attemptBuckets are seconds, up to the longest INLET_WEBHOOK_TIMEOUT.
var attemptBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}

// newMetrics makes the metrics and registers them. What has not happened yet is told as 0: the first time is an increase then.
func newMetrics(r prometheus.Registerer) *metrics {
	factory := promauto.With(r)
	m := &metrics{
		deliveries: factory.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Name: "webhook_deliveries_total",
			Help: "Turns of deliveries to webhooks: delivered; retried and failed are attempts that failed, with another to follow and without; " +
				"dropped, as the webhook is off; abandoned, as the notifier died or stopped, and made again."}, []string{"outcome"}),
		attempts: factory.NewHistogram(prometheus.HistogramOpts{Namespace: telemetry.Namespace, Name: "webhook_attempt_duration_seconds",
			Help: "One attempt to deliver to a webhook, until its receiver answers or has had its time.", Buckets: attemptBuckets}),
		switchedOff: factory.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Name: "webhooks_switched_off_total",
			Help: "Webhooks that were switched off for their receivers: gone is a 410, failing a day without a success."}, []string{"reason"}),
		webhooks: factory.NewGaugeVec(prometheus.GaugeOpts{Namespace: telemetry.Namespace, Name: "webhooks",
			Help: "Webhooks of all tenants, counted every ten minutes: active, off by their owner's will, or the reason why Inlet has switched them off."}, []string{"state"}),
	}
	for _, o := range core.DeliveryOutcomes {
		m.deliveries.WithLabelValues(string(o))
	}
	for _, reason := range []string{core.DisabledGone, core.DisabledFailing} {
		m.switchedOff.WithLabelValues(reason)
	}
	return m
}

// Attempted implements core.WebhookObserver.
func (m *metrics) Attempted(took time.Duration) { m.attempts.Observe(took.Seconds()) }

// Turned implements core.WebhookObserver.
func (m *metrics) Turned(o core.DeliveryOutcome) { m.deliveries.WithLabelValues(string(o)).Inc() }

// SwitchedOff implements core.WebhookObserver.
func (m *metrics) SwitchedOff(reason string) { m.switchedOff.WithLabelValues(reason).Inc() }

// count tells how many webhooks there are.
func (m *metrics) count(states map[core.WebhookState]int) {
	for _, s := range core.WebhookStates {
		m.webhooks.WithLabelValues(string(s)).Set(float64(states[s]))
	}
}
