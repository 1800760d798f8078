package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/telemetry/pipeline"
)

func TestObserver(t *testing.T) {
	reg := prometheus.NewRegistry()
	o := pipeline.New(reg)
	for range 3 {
		o.UploadBegan()
	}
	o.UploadEnded(nil)
	o.UploadEnded(&file.Error{Kind: file.Invalid, Op: "test", Code: "empty_file"})
	o.Called("records", "create", time.Millisecond, &file.Error{Kind: file.Unavailable, Op: "test"})
	o.Called("records", "create", time.Millisecond, &file.Error{Kind: file.Conflict, Op: "test"}) // a caller's doing
	o.Called("blobs", "open", time.Millisecond, errors.New("a fault of ours"))
	o.Published(event.Stored)
	o.Done(file.WorkVerify, &file.File{State: file.Rejected, Reason: "corrupt", Class: file.ClassChat}, time.Second)
	o.Done(file.WorkThumbnail, &file.File{State: file.Ready, Thumbnail: file.ThumbnailMade, Class: file.ClassChat}, time.Second)
	o.Rendered(time.Second, nil)
	o.Found(core.FoundDrift, 100)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP inlet_uploads_in_flight Uploads whose bytes are coming in.
# TYPE inlet_uploads_in_flight gauge
inlet_uploads_in_flight 1
# HELP inlet_uploads_total Uploads that were stored.
# TYPE inlet_uploads_total counter
inlet_uploads_total 1
# HELP inlet_uploads_refused_total Uploads that came to nothing, by the code of the error, or its kind.
# TYPE inlet_uploads_refused_total counter
inlet_uploads_refused_total{reason="empty_file"} 1
# HELP inlet_dependency_errors_total Calls of the records, the blobs and the bus that failed through their fault.
# TYPE inlet_dependency_errors_total counter
inlet_dependency_errors_total{dependency="records",kind="unavailable",op="create"} 1
inlet_dependency_errors_total{dependency="records",kind="unavailable",op="update"} 0
inlet_dependency_errors_total{dependency="blobs",kind="unavailable",op="receive"} 0
inlet_dependency_errors_total{dependency="blobs",kind="unavailable",op="open"} 0
inlet_dependency_errors_total{dependency="blobs",kind="internal",op="open"} 1
inlet_dependency_errors_total{dependency="bus",kind="unavailable",op="publish"} 0
# HELP inlet_verdicts_total Files that have got their verdict; failed is none.
# TYPE inlet_verdicts_total counter
inlet_verdicts_total{reason="corrupt",state="rejected"} 1
# HELP inlet_invariant_violations_total What should never be there and was found: orphan, missing, damaged and unreadable blobs, and bytes of drift in accounts.
# TYPE inlet_invariant_violations_total counter
inlet_invariant_violations_total{invariant="orphan"} 0
inlet_invariant_violations_total{invariant="missing"} 0
inlet_invariant_violations_total{invariant="damaged"} 0
inlet_invariant_violations_total{invariant="unreadable"} 0
inlet_invariant_violations_total{invariant="drift"} 100
`), "inlet_uploads_in_flight", "inlet_uploads_total", "inlet_uploads_refused_total", "inlet_dependency_errors_total", "inlet_verdicts_total",
		"inlet_invariant_violations_total"); err != nil {
		t.Error(err)
	}
}

// window is a bus as operators see it.
type window struct {
	looks atomic.Int64
	out   atomic.Bool
}

func (w *window) err() error {
	if w.out.Load() {
		return &file.Error{Kind: file.Unavailable, Op: "test"}
	}
	return nil
}

func (w *window) Inspect(context.Context, ...string) ([]bus.Backlog, error) {
	w.looks.Add(1)
	return []bus.Backlog{{Name: "verifier", Waiting: 7, Held: 3, Again: 1}, {Name: "nobody", Missing: true}}, w.err()
}
func (w *window) Ping(context.Context) error                    { return w.err() }
func (w *window) CountDeadLetters(context.Context) (int, error) { return 2, w.err() }
func (w *window) DeadLetters(context.Context, uint64, func(bus.DeadLetter) error) error {
	return w.err()
}
func (w *window) DeadLetter(context.Context, uint64) (bus.DeadLetter, error) {
	return bus.DeadLetter{}, w.err()
}
func (w *window) DiscardDeadLetter(context.Context, uint64) error { return w.err() }
func (w *window) Publish(context.Context, bus.Message) error      { return w.err() }

func TestStatus(t *testing.T) {
	dir := t.TempDir()
	blobs, err := disk.Open(disk.Config{Dir: dir + "/blobs", Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir + "/meta.db", Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	w := &window{}
	c := core.New(core.Config{Blobs: blobs, Meta: records, Bus: w})
	defer c.Close(t.Context())
	for i, due := range []time.Duration{-time.Hour, 12 * time.Hour} {
		id := fmt.Sprint(i)
		d := &meta.Delivery{ID: id, Webhook: "w", Tenant: "acme", EventID: id, State: meta.DeliveryPending, NextAt: time.Now().Add(due)}
		if _, err := records.AddDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Upload(t.Context(), core.Upload{Tenant: "acme", By: "u", Class: file.ClassGeneric, OriginalName: "a.txt", Body: strings.NewReader("hello")}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	status := pipeline.NewStatus(pipeline.Looking{
		System: core.NewSystem(c, w), Records: records, Disk: dir, Reserve: diskspace.Default, Now: func() time.Time { return now },
	})
	queues := `
# HELP inlet_bus_up 1 while the bus takes messages.
# TYPE inlet_bus_up gauge
inlet_bus_up 1
# HELP inlet_dead_letters Messages that were given up and kept.
# TYPE inlet_dead_letters gauge
inlet_dead_letters 2
# HELP inlet_queue_waiting Messages of a consumer that no worker has been given.
# TYPE inlet_queue_waiting gauge
inlet_queue_waiting{queue="verifier"} 7
# HELP inlet_storage_used_bytes Bytes that are charged to all tenants, those reserved included.
# TYPE inlet_storage_used_bytes gauge
inlet_storage_used_bytes 5
# HELP inlet_webhook_deliveries_pending Deliveries to webhooks that wait for an attempt or its end; 1000 stands for that many or more.
# TYPE inlet_webhook_deliveries_pending gauge
inlet_webhook_deliveries_pending 2
`
	names := []string{"inlet_bus_up", "inlet_dead_letters", "inlet_queue_waiting", "inlet_storage_used_bytes", "inlet_webhook_deliveries_pending"}
	for range 3 { // scrapes that follow each other share a look
		if err := testutil.CollectAndCompare(status, strings.NewReader(queues), names...); err != nil {
			t.Error(err)
		}
	}
	if n := w.looks.Load(); n != 1 {
		t.Errorf("%d looks at the bus for three scrapes at once", n)
	}
	if n := testutil.CollectAndCount(status, "inlet_due_age_seconds"); n != 5 {
		t.Errorf("%d queues of work have an age", n)
	}
	backlog, err := core.NewSystem(c, w).Deliveries(t.Context())
	if err != nil || backlog.Due < time.Hour || backlog.Due > 2*time.Hour {
		t.Errorf("the oldest delivery has been due for %s, %v", backlog.Due, err)
	}
	w.out.Store(true)
	now = now.Add(5 * time.Second)
	// What is not known is not told: a queue that nobody can see is not an empty one.
	if err := testutil.CollectAndCompare(status, strings.NewReader("# HELP inlet_bus_up 1 while the bus takes messages.\n# TYPE inlet_bus_up gauge\ninlet_bus_up 0\n"),
		"inlet_bus_up", "inlet_dead_letters", "inlet_queue_waiting"); err != nil {
		t.Error(err)
	}
}

// What a call of a dependency costs to be told of; an upload makes some ten.
func BenchmarkCalled(b *testing.B) {
	o := pipeline.New(prometheus.NewRegistry())
	b.ReportAllocs()
	for b.Loop() {
		o.Called("records", "update", time.Millisecond, nil)
	}
}
