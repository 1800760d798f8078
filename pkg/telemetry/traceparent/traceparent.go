// Package traceparent writes the place of a span in its trace as text, and reads it: the W3C's traceparent, version 00
// (https://www.w3.org/TR/trace-context/#traceparent-header).
//
// It is for those who hand a trace on: in a header, or in a record whose event is published later. It makes no span and knows no exporter.
// Baggage and tracestate stay behind: what a client puts there must not travel through our records.
package traceparent

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// Header is the name of the header, as it stands in the headers of HTTP and of NATS.
const Header = "traceparent"

// Of returns the place of the span of ctx; empty where ctx has none.
func Of(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ""
	}
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// layout is a traceparent of version 00. A later version may go on after a dash.
const layout = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// Parse reads a traceparent. What is none gives a SpanContext that is not valid, as the specification wants: the receiver begins a trace of its own.
func Parse(s string) trace.SpanContext {
	if len(s) < len(layout) || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return trace.SpanContext{}
	}
	if len(s) > len(layout) && (s[:2] == "00" || s[len(layout)] != '-') {
		return trace.SpanContext{}
	}
	var version, flags [1]byte
	var id trace.TraceID
	var span trace.SpanID
	if !lowerHex(version[:], s[:2]) || !lowerHex(id[:], s[3:35]) || !lowerHex(span[:], s[36:52]) || !lowerHex(flags[:], s[53:55]) {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags[0]) & trace.FlagsSampled, Remote: true,
	})
}

// lowerHex decodes lower-case hex of exactly dst's length.
func lowerHex(dst []byte, s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'F' {
			return false
		}
	}
	n, err := hex.Decode(dst, []byte(s))
	return err == nil && n == len(dst)
}

// With returns a context whose spans are children of the span that s names. Where s names none, or ctx has a span already, it is ctx.
func With(ctx context.Context, s string) context.Context {
	if s == "" || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	sc := Parse(s)
	if !sc.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc)
}
