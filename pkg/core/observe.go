package core

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// Observer is told what the use cases do, to count it. It decides nothing. Its methods are called from many goroutines, in the way of the work, and
// return at once.
type Observer interface {
	// UploadBegan is called when bytes begin to come in, and UploadEnded when that has ended, one way or the other.
	UploadBegan()
	UploadEnded(err error)
	// Called tells of a call of a dependency: "records", "blobs" or "bus".
	Called(dependency, op string, took time.Duration, err error)
	// Published tells of an event that the bus has taken.
	Published(fact event.Fact)
	// Done tells that a file has got what it waited for, or will never get it (see its State, Reason and Thumbnail), and how long that
	// was after its bytes had come.
	Done(work file.Work, f *file.File, since time.Duration)
	// Rendered tells of a picture that was rendered, or could not be.
	Rendered(took time.Duration, err error)
	// Expired tells of a file that was buried so long after the end of its life.
	Expired(late time.Duration)
	// Found tells of what should never be there.
	Found(i Invariant, n int)
}

// Invariant names what the sweeper, and whoever reads a file, finds to be broken.
type Invariant string

// The invariants.
const (
	FoundOrphan     Invariant = "orphan"     // a blob that no record names, older than the grace
	FoundMissing    Invariant = "missing"    // a blob that a record names and the store does not have, or has in another size
	FoundDamaged    Invariant = "damaged"    // a blob with other bytes than were stored
	FoundUnreadable Invariant = "unreadable" // a blob that the store could not read
	FoundDrift      Invariant = "drift"      // bytes by which the storage of a tenant was off
)

// Invariants lists them all.
var Invariants = []Invariant{FoundOrphan, FoundMissing, FoundDamaged, FoundUnreadable, FoundDrift}

// unobserved is the Observer of a Core without one.
type unobserved struct{}

func (unobserved) UploadBegan()                                {}
func (unobserved) UploadEnded(error)                           {}
func (unobserved) Called(string, string, time.Duration, error) {}
func (unobserved) Published(event.Fact)                        {}
func (unobserved) Done(file.Work, *file.File, time.Duration)   {}
func (unobserved) Rendered(time.Duration, error)               {}
func (unobserved) Expired(time.Duration)                       {}
func (unobserved) Found(Invariant, int)                        {}

// noSpan is what stands for a span where nothing is traced.
var noSpan = noop.Span{}

// span begins the span of a use case. It is the first of a trace where ctx has none.
func (c *Core) span(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	if c.tracer == nil {
		return ctx, noSpan
	}
	return c.tracer.Start(ctx, name, trace.WithSpanKind(kind))
}

// within begins a span of a part of a use case: none where there is no trace, so that care in the background makes no traces of a single step.
func (c *Core) within(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	if c.tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, noSpan
	}
	return c.tracer.Start(ctx, name, trace.WithSpanKind(kind))
}

// endSpan ends a span with what came out.
func endSpan(span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		span.SetAttributes(attribute.String("error.type", string(file.KindOf(err))))
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// about says which file a span is about.
func about(span trace.Span, t file.Tenant, id file.ID) {
	if span.IsRecording() {
		span.SetAttributes(attribute.String("inlet.tenant", string(t)), attribute.String("inlet.file", string(id)))
	}
}

// uploading begins an upload, under whichever use case. The caller ends it, with the file that it has made.
func (c *Core) uploading(ctx context.Context, t file.Tenant, via string) (context.Context, func(*file.File, error)) {
	ctx, span := c.span(ctx, "upload", trace.SpanKindInternal)
	c.observer.UploadBegan()
	return ctx, func(f *file.File, err error) {
		c.observer.UploadEnded(err)
		if f != nil {
			about(span, t, f.ID)
			span.SetAttributes(attribute.String("inlet.dialect", via), attribute.Int64("inlet.size", f.Size))
		}
		endSpan(span, err)
	}
}

// call is one call of a dependency.
type call struct {
	core           *Core
	dependency, op string
	began          time.Time
	span           trace.Span
}

// calling begins a call of a dependency. The caller ends it.
func (c *Core) calling(ctx context.Context, dependency, op string) (context.Context, call) {
	ctx, span := c.within(ctx, dependency+"."+op, trace.SpanKindClient)
	return ctx, call{c, dependency, op, time.Now(), span}
}

func (k call) end(err error) {
	k.core.observer.Called(k.dependency, k.op, time.Since(k.began), err)
	endSpan(k.span, err)
}

// mark notes in the events that a record is about to owe which trace they belong to: they may be published much later, by another process.
func mark(ctx context.Context, f *file.File) {
	at := traceparent.Of(ctx)
	if at == "" {
		return
	}
	for i := range f.Outbox {
		if e := &f.Outbox[i]; e.Rev == f.Rev+1 {
			e.Trace = at
		}
	}
}

// following returns a context within the trace that led to the latest event of a record, for work on it that no event has brought.
func following(ctx context.Context, f *file.File) context.Context {
	if len(f.Outbox) == 0 {
		return ctx
	}
	return traceparent.With(ctx, f.Outbox[len(f.Outbox)-1].Trace)
}

// arrived is when the bytes of a file had come.
func arrived(f *file.File) time.Time {
	at := f.Created.At
	for _, s := range f.Timeline {
		if s.What == "received" || s.What == "finished" {
			at = s.At
		}
	}
	return at
}
