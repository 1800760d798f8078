package traceparent_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParse(t *testing.T) {
	for text, valid := range map[string]bool{
		good:                                     true,
		strings.Replace(good, "-01", "-00", 1):   true,
		"01" + good[2:] + "-more":                true, // of a later version that has more to say
		"":                                       false,
		"00":                                     false,
		good + "-more":                           false, // version 00 ends with its flags
		good[:54]:                                false,
		"ff" + good[2:]:                          false,
		strings.ToUpper(good):                    false,
		strings.Replace(good, "0af7", "0gf7", 1): false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": false,
		"01" + good[2:] + "x": false,
	} {
		if sc := traceparent.Parse(text); sc.IsValid() != valid || valid && !sc.IsRemote() {
			t.Errorf("%q is %+v, want valid %v", text, sc, valid)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, text := range []string{good, strings.Replace(good, "-01", "-00", 1)} {
		if got := traceparent.Of(traceparent.With(t.Context(), text)); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if got := traceparent.Of(t.Context()); got != "" {
		t.Errorf("a context without a span is at %q", got)
	}
}

// A span that is there is nearer than one that came by a header.
func TestWithKeepsTheSpanThatIsThere(t *testing.T) {
	ctx := traceparent.With(t.Context(), good)
	if other := traceparent.With(ctx, strings.Replace(good, "0af7", "1111", 1)); traceparent.Of(other) != good {
		t.Errorf("the span was replaced by %q", traceparent.Of(other))
	}
}

// The oracle is OpenTelemetry's own propagator. It refuses flags that version 00 has not defined; the specification wants them ignored.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{good, "01" + good[2:] + "-x", "", "00-0-0-0", "ff" + good[2:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{traceparent.Header: text})
		want, got := trace.SpanContextFromContext(ctx), traceparent.Parse(text)
		if strict := len(text) == len(good) && text[:2] == "00" && text[53:] > "01"; strict && got.IsValid() {
			t.Skip()
		}
		if want.IsValid() != got.IsValid() {
			t.Fatalf("%q: got %v, want %v", text, got.IsValid(), want.IsValid())
		}
		if got.IsValid() && (got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || got.IsSampled() != want.IsSampled()) {
			t.Fatalf("%q: got %+v, want %+v", text, got, want)
		}
	})
}
