// Package pipeline counts what happens to files, for Prometheus: what the core tells as it goes, and what an operator would look up, at each scrape.
//
// It decides nothing and keeps nothing. A metric has few labels and no tenant in any: thousands of tenants would make thousands of series of each.
package pipeline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Observer is the core's, on metrics.
type Observer struct {
	uploads     prometheus.Gauge
	uploaded    prometheus.Counter
	refused     *prometheus.CounterVec
	calls       *prometheus.HistogramVec
	callErrors  *prometheus.CounterVec
	published   *prometheus.CounterVec
	verdicts    *prometheus.CounterVec
	judged      *prometheus.HistogramVec
	thumbnails  *prometheus.CounterVec
	thumbnailed *prometheus.HistogramVec
	renders     *prometheus.CounterVec
	rendering   prometheus.Histogram
	expiry      prometheus.Histogram
	broken      *prometheus.CounterVec
}

var _ core.Observer = (*Observer)(nil)

// Buckets in seconds: of a call that a disk or a server answers, of work that files wait for, and of what is late.
var (
	callBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	waitBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	lateBuckets = []float64{.1, .5, 1, 2, 5, 10, 30, 60, 300, 3600}
)

// New makes the metrics and registers them.
func New(r prometheus.Registerer) *Observer {
	m := maker{promauto.With(r)}
	o := &Observer{
		uploads:     m.NewGauge(prometheus.GaugeOpts(opts("uploads_in_flight", "Uploads whose bytes are coming in."))),
		uploaded:    m.NewCounter(prometheus.CounterOpts(opts("uploads_total", "Uploads that were stored."))),
		refused:     m.counters("uploads_refused_total", "Uploads that came to nothing, by the code of the error, or its kind.", "reason"),
		calls:       m.histograms("dependency_duration_seconds", "Calls of the records, the blobs and the bus; blobs receive takes as long as a client sends.", callBuckets, "dependency", "op"),
		callErrors:  m.counters("dependency_errors_total", "Calls of the records, the blobs and the bus that failed through their fault.", "dependency", "op", "kind"),
		published:   m.counters("events_published_total", "Events that the bus has taken.", "fact"),
		verdicts:    m.counters("verdicts_total", "Files that have got their verdict; failed is none.", "state", "reason"),
		judged:      m.histograms("verdict_latency_seconds", "From the last byte of a file to its verdict.", waitBuckets, "class"),
		thumbnails:  m.counters("thumbnails_total", "Pictures that have got their thumbnail, or never will.", "outcome"),
		thumbnailed: m.histograms("thumbnail_latency_seconds", "From the last byte of a picture to its thumbnail.", waitBuckets, "class"),
		renders:     m.counters("renders_total", "Pictures that were rendered, for thumbnails and on request.", "outcome"),
		rendering:   m.NewHistogram(histogram("render_duration_seconds", "Rendering of one picture.", waitBuckets)),
		expiry:      m.NewHistogram(histogram("expiry_lag_seconds", "From the end of a file's life to its tombstone; it was not served meanwhile.", lateBuckets)),
		broken:      m.counters("invariant_violations_total", "What should never be there and was found: orphan, missing, damaged and unreadable blobs, and bytes of drift in accounts.", "invariant"),
	}
	for _, i := range core.Invariants {
		o.broken.WithLabelValues(string(i)) // 0 is to be seen: the first one found is an increase then
	}
	for _, k := range [][2]string{{"records", "create"}, {"records", "update"}, {"blobs", "receive"}, {"blobs", "open"}, {"bus", "publish"}} {
		o.callErrors.WithLabelValues(k[0], k[1], string(file.Unavailable))
	}
	return o
}

// maker makes metrics of one namespace.
type maker struct{ promauto.Factory }

func (m maker) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return m.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
}

func (m maker) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return m.NewHistogramVec(histogram(name, help, buckets), labels)
}

func opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: telemetry.Namespace, Name: name, Help: help}
}

func histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Namespace: telemetry.Namespace, Name: name, Help: help, Buckets: buckets}
}

// UploadBegan implements core.Observer.
func (o *Observer) UploadBegan() { o.uploads.Inc() }

// UploadEnded implements core.Observer.
func (o *Observer) UploadEnded(err error) {
	o.uploads.Dec()
	if err == nil {
		o.uploaded.Inc()
		return
	}
	reason := file.CodeOf(err)
	if reason == "" {
		reason = string(file.KindOf(err))
	}
	o.refused.WithLabelValues(reason).Inc()
}

// Called implements core.Observer.
func (o *Observer) Called(dependency, op string, took time.Duration, err error) {
	o.calls.WithLabelValues(dependency, op).Observe(took.Seconds())
	switch kind := file.KindOf(err); {
	case err == nil:
	case kind == file.Unavailable || kind == file.NoSpace || kind == file.Damaged || kind == file.Internal:
		o.callErrors.WithLabelValues(dependency, op, string(kind)).Inc()
	}
}

// Published implements core.Observer.
func (o *Observer) Published(fact event.Fact) { o.published.WithLabelValues(string(fact)).Inc() }

// Done implements core.Observer.
func (o *Observer) Done(work file.Work, f *file.File, since time.Duration) {
	switch work {
	case file.WorkVerify:
		o.verdicts.WithLabelValues(string(f.State), f.Reason).Inc()
		o.judged.WithLabelValues(string(f.Class)).Observe(since.Seconds())
	case file.WorkThumbnail:
		o.thumbnails.WithLabelValues(string(f.Thumbnail)).Inc()
		if f.Thumbnail == file.ThumbnailMade {
			o.thumbnailed.WithLabelValues(string(f.Class)).Observe(since.Seconds())
		}
	}
}

// Rendered implements core.Observer.
func (o *Observer) Rendered(took time.Duration, err error) {
	outcome := "made"
	if err != nil {
		outcome = string(file.KindOf(err))
	}
	o.renders.WithLabelValues(outcome).Inc()
	o.rendering.Observe(took.Seconds())
}

// Expired implements core.Observer.
func (o *Observer) Expired(late time.Duration) { o.expiry.Observe(late.Seconds()) }

// Found implements core.Observer.
func (o *Observer) Found(i core.Invariant, n int) {
	o.broken.WithLabelValues(string(i)).Add(float64(n))
}
