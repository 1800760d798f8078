package core_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// watched is a bench whose Core makes spans and tells an observer.
type watched struct {
	*bench
	spans *tracetest.SpanRecorder
	told  *notes
	sent  *places
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{bench: newBench(t), spans: tracetest.NewSpanRecorder(), told: &notes{}}
	w.sent = &places{Publisher: w.bus, of: map[string]string{}}
	w.Core.Close(t.Context()) // the bench closes the one that takes its place
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans))
	w.Core = core.New(core.Config{
		Blobs: w.blobs, Meta: w.repo, Bus: w.sent, Now: w.clock.now, Name: "watched", Observer: w.told, Tracer: provider.Tracer("test"),
	})
	return w
}

// places notes where in its trace each message was published.
type places struct {
	bus.Publisher
	mu sync.Mutex
	of map[string]string // by subject
}

func (p *places) Publish(ctx context.Context, m bus.Message) error {
	p.mu.Lock()
	p.of[m.Subject] = traceparent.Of(ctx)
	p.mu.Unlock()
	return p.Publisher.Publish(ctx, m)
}

func (p *places) at(fact event.Fact) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[event.Subject(fact, tenant)]
}

// notes is an Observer that remembers.
type notes struct {
	mu       sync.Mutex
	began    int
	ended    []error
	facts    []event.Fact
	verdicts []file.State
	calls    []string
	late     []time.Duration
	found    map[core.Invariant]int
}

var _ core.Observer = (*notes)(nil)

func (n *notes) note(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fn()
}

func (n *notes) UploadBegan()          { n.note(func() { n.began++ }) }
func (n *notes) UploadEnded(err error) { n.note(func() { n.ended = append(n.ended, err) }) }
func (n *notes) Called(dependency, op string, _ time.Duration, _ error) {
	n.note(func() { n.calls = append(n.calls, dependency+"."+op) })
}
func (n *notes) Published(fact event.Fact) { n.note(func() { n.facts = append(n.facts, fact) }) }
func (n *notes) Done(_ file.Work, f *file.File, _ time.Duration) {
	n.note(func() { n.verdicts = append(n.verdicts, f.State) })
}
func (n *notes) Rendered(time.Duration, error)  {}
func (n *notes) Expired(late time.Duration)     { n.note(func() { n.late = append(n.late, late) }) }
func (n *notes) Found(i core.Invariant, by int) { n.note(func() { n.found[i] += by }) }

// path is the names of a span and of those above it, up to one without a parent among them.
func (w *watched) path(name string) []string {
	byID := map[trace.SpanID]sdktrace.ReadOnlySpan{}
	var at sdktrace.ReadOnlySpan
	for _, s := range w.spans.Started() {
		byID[s.SpanContext().SpanID()] = s
		if s.Name() == name {
			at = s
		}
	}
	var names []string
	for ; at != nil; at = byID[at.Parent().SpanID()] {
		names = append(names, at.Name())
	}
	return names
}

func TestWorkIsInTheTraceOfItsUpload(t *testing.T) {
	w := newWatched(t)
	w.bus.setOut(true) // what is published later, by somebody else, stays in the trace, too
	f := w.upload(text("hello"))
	w.bus.setOut(false)
	w.clock.advance(time.Minute)
	if n, err := w.RelayDue(t.Context(), time.Second, 10); n != 1 || err != nil {
		t.Fatalf("%d events published, %v", n, err)
	}
	ctx := traceparent.With(t.Context(), w.sent.at(event.Stored)) // as the bus hands it on
	if err := w.Verify(ctx, hint(f), judge(content.Verdict{Type: "text/plain"})); err != nil {
		t.Fatal(err)
	}
	w.waitFacts(f.ID, event.Stored, event.Verified)
	want := []string{"publish file.verified", "records.update", "verify", "publish file.stored", "records.create", "upload"}
	if got := w.path("publish file.verified"); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, name := range []string{"blobs.receive", "records.reserve"} {
		if got := w.path(name); !slices.Equal(got, []string{name, "upload"}) {
			t.Errorf("the span %s is at %v", name, got)
		}
	}
	if got := w.path("inspect"); !slices.Equal(got, []string{"inspect", "verify", "publish file.stored", "records.create", "upload"}) {
		t.Errorf("the inspection is at %v", got)
	}
}

// Care in the background must not fill a collector with traces of one step.
func TestNoTraceOfASingleStep(t *testing.T) {
	w := newWatched(t)
	f := w.upload(text("hello"))
	w.waitFacts(f.ID, event.Stored)
	before := len(w.spans.Started())
	if _, err := w.Update(t.Context(), tenant, file.ByID(f.ID), "u1", core.Patch{}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.spans.Started()) - before; n != 0 {
		t.Errorf("%d spans of an update that no request has begun", n)
	}
}

func TestObserverIsTold(t *testing.T) {
	w := newWatched(t)
	u := text("hello")
	u.Life = time.Hour
	f := w.upload(u)
	if _, err := w.Upload(t.Context(), text("")); err == nil {
		t.Fatal("an empty file was taken")
	}
	if err := w.Verify(t.Context(), hint(f), judge(content.Verdict{Type: "text/plain"})); err != nil {
		t.Fatal(err)
	}
	w.waitFacts(f.ID, event.Stored, event.Verified)
	w.clock.advance(time.Hour + 3*time.Second)
	if n, err := w.ExpireDue(t.Context(), 10); n != 1 || err != nil {
		t.Fatalf("%d files expired, %v", n, err)
	}
	w.told.mu.Lock()
	defer w.told.mu.Unlock()
	if w.told.began != 2 || len(w.told.ended) != 2 || w.told.ended[0] != nil || !file.Is(w.told.ended[1], file.Invalid) {
		t.Errorf("%d uploads began, ended %v", w.told.began, w.told.ended)
	}
	if !slices.Equal(w.told.verdicts, []file.State{file.Ready}) {
		t.Errorf("verdicts %v", w.told.verdicts)
	}
	if !slices.Equal(w.told.late, []time.Duration{3 * time.Second}) {
		t.Errorf("expired late by %v", w.told.late)
	}
	for _, call := range []string{"blobs.receive", "records.create", "bus.publish", "blobs.open", "records.update"} {
		if !slices.Contains(w.told.calls, call) {
			t.Errorf("nothing was told of %s", call)
		}
	}
}
