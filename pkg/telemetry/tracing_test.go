package telemetry_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/telemetry"
)

func start(t *testing.T, c telemetry.TraceConfig) *telemetry.Tracing {
	t.Helper()
	tracing, err := telemetry.StartTracing(t.Context(), c, "test", "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tracing
}

func TestTracesToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spans")
	tracing := start(t, telemetry.TraceConfig{To: "file:" + path, Ratio: 1})
	ctx, parent := tracing.Tracer("a").Start(t.Context(), "parent")
	_, child := tracing.Tracer("b").Start(ctx, "child")
	child.End()
	parent.End()
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for two spans:\n%s", len(lines), text)
	}
	for _, line := range lines {
		var span struct{ SpanContext struct{ TraceID string } }
		if err := json.Unmarshal([]byte(line), &span); err != nil || span.SpanContext.TraceID != parent.SpanContext().TraceID().String() {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestTracesAreOff(t *testing.T) {
	for _, to := range []string{"", "off"} {
		tracing := start(t, telemetry.TraceConfig{To: to, Ratio: 1})
		_, span := tracing.Tracer("a").Start(tracing.Accept(t.Context(), sampled), "x")
		if tracing.On() || span.IsRecording() || tracing.Close(t.Context()) != nil {
			t.Errorf("%q: spans are made", to)
		}
	}
}

// A stranger's trace goes on, and whether it is kept is ours to say.
func TestStrangersDoNotDecideWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		header string
		ratio  float64
		kept   bool
		same   bool // trace
	}{
		{sampled, 0, false, true},
		{dropped, 1, true, true},
		{"", 1, true, false},
		{"nonsense", 0, false, false},
	} {
		tracing := start(t, telemetry.TraceConfig{To: "file:" + filepath.Join(t.TempDir(), "spans"), Ratio: c.ratio})
		_, span := tracing.Tracer("a").Start(tracing.Accept(t.Context(), c.header), "x", trace.WithSpanKind(trace.SpanKindServer))
		got := span.SpanContext()
		if same := got.TraceID().String() == sampled[3:35]; span.IsRecording() != c.kept || same != c.same {
			t.Errorf("%q at %v: kept %v, the same trace %v", c.header, c.ratio, span.IsRecording(), same)
		}
		if err := tracing.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestTraceConfigValidate(t *testing.T) {
	for _, c := range []telemetry.TraceConfig{{To: "off"}, {To: "otlp", Ratio: 1}, {To: "file:x", Ratio: .5}, {}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []telemetry.TraceConfig{{To: "on"}, {To: "file:"}, {To: "off", Ratio: -.1}, {To: "off", Ratio: 1.1}} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "INLET_TRACES") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
