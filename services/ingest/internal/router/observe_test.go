package router_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// busy is a dialect with routes that are worth a look.
type busy struct{ dialect }

func (busy) Mount(r gin.IRouter) {
	r.GET("/files/:id", func(g *gin.Context) { g.String(http.StatusTeapot, "seven b") })
	r.POST("/files", func(g *gin.Context) {
		_, _ = io.Copy(io.Discard, g.Request.Body)
		telemetry.Note(g.Request.Context(), slog.String("tenant", "acme"))
		g.Header("Inlet-File-Id", "01J00000000000000000000001")
		g.Status(http.StatusCreated)
	})
	r.GET("/events", func(g *gin.Context) { g.Data(http.StatusOK, "text/event-stream", []byte(": ping\n\n")) })
	r.GET("/panic", func(*gin.Context) { panic("boom") })
}

func TestRequestsAreCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := router.New(router.Config{Log: slog.New(slog.DiscardHandler), Metrics: reg}, busy{})
	for _, r := range []struct{ method, target, body string }{
		{http.MethodGet, "/files/1", ""}, {http.MethodGet, "/files/2", ""}, {http.MethodPost, "/files", "twelve bytes"}, {http.MethodGet, "/events", ""},
		{http.MethodGet, "/ours/but/none", ""}, {"MADEUP", "/files", ""}, {http.MethodGet, "/panic", ""},
	} {
		func() {
			defer func() { _ = recover() }() // net/http does
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(r.method, r.target, strings.NewReader(r.body)))
		}()
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP inlet_http_requests_total Requests, by the class of their status; cut is an answer that did not come to its end, as its client was gone or the bytes are damaged.
# TYPE inlet_http_requests_total counter
inlet_http_requests_total{dialect="test",method="GET",route="/files/:id",status="4xx"} 2
inlet_http_requests_total{dialect="test",method="POST",route="/files",status="2xx"} 1
inlet_http_requests_total{dialect="test",method="GET",route="/events",status="2xx"} 1
inlet_http_requests_total{dialect="test",method="GET",route="none",status="4xx"} 1
inlet_http_requests_total{dialect="test",method="other",route="none",status="4xx"} 1
inlet_http_requests_total{dialect="test",method="GET",route="/panic",status="cut"} 1
# HELP inlet_http_received_bytes_total Bytes of the bodies of requests.
# TYPE inlet_http_received_bytes_total counter
inlet_http_received_bytes_total{dialect="test",method="POST",route="/files"} 12
# HELP inlet_http_requests_in_flight Requests that are being answered; streams of events are among them.
# TYPE inlet_http_requests_in_flight gauge
inlet_http_requests_in_flight{dialect="test"} 0
`), "inlet_http_requests_total", "inlet_http_received_bytes_total", "inlet_http_requests_in_flight"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "inlet_http_request_duration_seconds"); n != 5 || err != nil { // all but the stream of events
		t.Errorf("%d series of durations, %v", n, err)
	}
}

func TestARequestHasItsSpanAndItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spans")
	tracing, err := telemetry.StartTracing(t.Context(), telemetry.TraceConfig{To: "file:" + path, Ratio: 1}, "test", "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"}, "test")
	h := router.New(router.Config{Log: log, Tracing: tracing}, busy{})
	r := httptest.NewRequest(http.MethodPost, "/files?signature=secret", strings.NewReader("x"))
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var span struct {
		Name        string
		SpanContext struct{ TraceID, SpanID string }
		Parent      struct{ SpanID string }
	}
	if err := json.Unmarshal(text, &span); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if span.Name != "POST /files" || span.SpanContext.TraceID != "0af7651916cd43dd8448eb211c80319c" || span.Parent.SpanID != "b7ad6b7169203331" {
		t.Errorf("%+v", span)
	}
	if strings.Contains(string(text), "secret") {
		t.Errorf("a query is in the span: %s", text)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"trace_id": span.SpanContext.TraceID, "span_id": span.SpanContext.SpanID, "tenant": "acme"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %s, in %s", key, line[key], want, &out)
		}
	}
	if id, _ := line["request_id"].(string); id == "" {
		t.Errorf("no request id in %s", &out)
	}
}
