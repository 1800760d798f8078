package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// scope holds what is known of a piece of work, such as a request, while it goes on.
type scope struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

type scopeKey struct{}

// Scope begins a piece of work: every line that is logged under the returned context, or one made from it, has these attributes and those
// that Note adds.
func Scope(ctx context.Context, attrs ...slog.Attr) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{attrs: attrs})
}

// Note adds an attribute to the work that ctx belongs to, in place of an earlier one of its name. Outside of a Scope it does nothing.
func Note(ctx context.Context, a slog.Attr) {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attrs = append(slices.DeleteFunc(slices.Clone(s.attrs), func(b slog.Attr) bool { return a.Key == b.Key }), a)
}

func (s *scope) all() []slog.Attr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attrs // nobody writes into a list that was handed out
}

// scoped is a slog.Handler that adds what the context of a line knows: its Scope, and its trace when that is kept.
type scoped struct{ slog.Handler }

func (h scoped) Handle(ctx context.Context, r slog.Record) error {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		for _, a := range s.all() {
			if !has(r, a.Key) {
				r.AddAttrs(a)
			}
		}
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h scoped) WithAttrs(attrs []slog.Attr) slog.Handler { return scoped{h.Handler.WithAttrs(attrs)} }

func (h scoped) WithGroup(name string) slog.Handler { return scoped{h.Handler.WithGroup(name)} }

// has reports whether a line says it already.
func has(r slog.Record, key string) bool {
	found := false
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}
