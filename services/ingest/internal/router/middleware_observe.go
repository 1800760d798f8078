package router

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// observer tells of every request: by metrics, and by a span where it is traced.
type observer struct {
	tracing  *telemetry.Tracing
	tracer   trace.Tracer
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	received *prometheus.CounterVec
	sent     *prometheus.CounterVec
}

// durations are the buckets, in seconds: from an answer out of memory to the longest that an upload waits for its verdict and beyond.
var durations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newObserver(c Config) *observer {
	m := promauto.With(c.Metrics)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return m.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Name: name, Help: help}, labels)
	}
	return &observer{
		tracing:  c.Tracing,
		tracer:   c.Tracing.Tracer("http"),
		requests: counter("http_requests_total", "Requests, by the class of their status; cut is an answer that did not come to its end, as its client was gone or the bytes are damaged.", "dialect", "route", "method", "status"),
		received: counter("http_received_bytes_total", "Bytes of the bodies of requests.", "dialect", "route", "method"),
		sent:     counter("http_sent_bytes_total", "Bytes of the bodies of answers.", "dialect", "route", "method"),
		inFlight: m.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: telemetry.Namespace, Name: "http_requests_in_flight", Help: "Requests that are being answered; streams of events are among them.",
		}, []string{"dialect"}),
		duration: m.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: telemetry.Namespace, Name: "http_request_duration_seconds", Buckets: durations,
			Help: "From the head of a request to the end of its answer, with the body as fast as the client sends it; without streams of events.",
		}, []string{"dialect", "route", "method"}),
	}
}

// enter notes which dialect a request has come to, and by which route.
func (o *observer) enter(dialect string) gin.HandlerFunc {
	inFlight := o.inFlight.WithLabelValues(dialect)
	return func(g *gin.Context) {
		r := requestOf(g.Request.Context())
		r.dialect, r.route = dialect, g.FullPath()
		inFlight.Inc()
		defer inFlight.Dec()
		g.Next()
	}
}

// observe tells of a request when it has ended. It stands outside of the log, so that its lines name the trace.
func (o *observer) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, verb := time.Now(), method(r.Method)
		rec := record(w)
		body := &countedBody{ReadCloser: r.Body}
		ctx, span := r.Context(), trace.Span(nil)
		if o.tracing.On() {
			ctx = o.tracing.Accept(ctx, r.Header.Get(traceparent.Header))
			ctx, span = o.tracer.Start(ctx, verb, trace.WithSpanKind(trace.SpanKindServer))
		}
		r = r.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = body
		}
		cut := true
		defer func() {
			o.tell(requestOf(ctx), verb, rec, body.n.Load(), time.Since(start), cut)
			if span != nil {
				finish(span, requestOf(ctx), verb, rec)
			}
		}()
		next.ServeHTTP(rec, r)
		cut = false
	})
}

// tell counts a request that has ended.
func (o *observer) tell(q *request, method string, rec *recorder, received int64, took time.Duration, cut bool) {
	o.requests.WithLabelValues(q.dialect, q.route, method, class(rec.status, cut)).Inc()
	if received > 0 {
		o.received.WithLabelValues(q.dialect, q.route, method).Add(float64(received))
	}
	if rec.bytes > 0 {
		o.sent.WithLabelValues(q.dialect, q.route, method).Add(float64(rec.bytes))
	}
	if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream") {
		o.duration.WithLabelValues(q.dialect, q.route, method).Observe(took.Seconds())
	}
}

// finish ends the span of a request. Attributes are named as OpenTelemetry has them (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). The
// path and the query are not among them: they name files, and may hold a signature.
func finish(span trace.Span, q *request, method string, rec *recorder) {
	if span.IsRecording() {
		span.SetName(method + " " + q.route)
		span.SetAttributes(
			attribute.String("http.request.method", method), attribute.String("http.route", q.route), attribute.Int("http.response.status_code", rec.status),
			attribute.String("inlet.dialect", q.dialect), attribute.String("inlet.request_id", q.id),
		)
		if id := rec.Header().Get("Inlet-File-Id"); id != "" {
			span.SetAttributes(attribute.String("inlet.file", id))
		}
		if rec.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(rec.status))
		}
	}
	span.End()
}

// class is the label for a status: 2xx and so on. An answer that did not come to its end, mostly as the client had gone, is one of its own.
func class(status int, cut bool) string {
	switch {
	case cut:
		return "cut"
	case status == 0: // net/http sends it for who sends none
		return "2xx"
	}
	return strconv.Itoa(status/100) + "xx"
}

// method is the label for a method: a client may make one up.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// countedBody counts what is read of a body.
type countedBody struct {
	io.ReadCloser
	n atomic.Int64 // a handler may read on after it has returned
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
