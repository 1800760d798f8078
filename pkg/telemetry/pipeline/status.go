package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Looking says what a Status looks at.
type Looking struct {
	System  *core.System
	Records meta.Repo
	Disk    string            // a path on the disk of the blobs; empty where they are on none
	Reserve diskspace.Reserve // that uploads leave free there
	Now     func() time.Time  // time.Now when nil
}

// fresh is how long what was looked up is told again: many may scrape, and each look asks the database and the bus.
const fresh = 5 * time.Second

// lookLimit bounds a look.
const lookLimit = 2 * time.Second

// Status is a prometheus.Collector of what is the same whoever is asked: where several processes tell it, a board takes the greatest. What cannot
// be found out is left out.
type Status struct {
	Looking

	mu      sync.Mutex
	at      time.Time
	metrics []prometheus.Metric
}

var _ prometheus.Collector = (*Status)(nil)

// NewStatus makes a Status. It looks when it is scraped, and at nothing before.
func NewStatus(l Looking) *Status {
	if l.Now == nil {
		l.Now = time.Now
	}
	return &Status{Looking: l}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(telemetry.Namespace, "", name), help, labels, nil)
}

var (
	busUp        = describe("bus_up", "1 while the bus takes messages.")
	queueWaiting = describe("queue_waiting", "Messages of a consumer that no worker has been given.", "queue")
	queueHeld    = describe("queue_held", "Messages of a consumer in the hands of its workers, or put off.", "queue")
	queueAgain   = describe("queue_redelivered", "Messages, of those held, that were given out before.", "queue")
	deadLetters  = describe("dead_letters", "Messages that were given up and kept.")
	outboxAge    = describe("outbox_age_seconds", "How long the oldest event that a record owes has waited to be published; 0 for none.")
	dueAge       = describe("due_age_seconds", "How long the oldest entry of a queue of work has been due; 0 for none.", "work")
	hooksPending = describe("webhook_deliveries_pending", "Deliveries to webhooks that wait for an attempt or its end; 1000 stands for that many or more.")
	hooksDue     = describe("webhook_due_age_seconds", "How long the oldest delivery that is due has waited for its attempt; 0 for none.")
	storageUsed  = describe("storage_used_bytes", "Bytes that are charged to all tenants, those reserved included.")
	storageHeld  = describe("storage_reserved_bytes", "Bytes that are reserved for uploads on their way.")
	diskSize     = describe("disk_size_bytes", "Size of the disk of the blobs.")
	diskFree     = describe("disk_free_bytes", "Bytes free on the disk of the blobs.")
	diskAbove    = describe("disk_free_above_reserve_bytes", "Bytes that uploads may take on the disk of the blobs; below 0 they are refused.")
)

// Describe implements prometheus.Collector.
func (s *Status) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{busUp, queueWaiting, queueHeld, queueAgain, deadLetters, outboxAge, dueAge,
		hooksPending, hooksDue, storageUsed, storageHeld, diskSize, diskFree, diskAbove} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Status) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.Now(); s.metrics == nil || now.Sub(s.at) >= fresh {
		s.metrics, s.at = s.look(), now
	}
	for _, m := range s.metrics {
		out <- m
	}
}

// look asks the records, the bus and the disk.
func (s *Status) look() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	var found gauges
	found.status(s.System.Status(ctx))
	if b, err := s.System.Deliveries(ctx); err == nil {
		found.add(hooksPending, float64(b.Pending))
		found.add(hooksDue, b.Due.Seconds())
	}
	if a, ok := s.Records.(meta.Auditor); ok {
		if total, err := a.Total(ctx); err == nil {
			found.add(storageUsed, float64(total.Used))
			found.add(storageHeld, float64(total.Held))
		}
	}
	if s.Disk == "" {
		return found
	}
	if space, err := diskspace.Of(s.Disk); err == nil {
		above, _ := s.Reserve.Above(space)
		found.add(diskSize, float64(space.Bytes))
		found.add(diskFree, float64(space.FreeBytes))
		found.add(diskAbove, float64(above))
	}
	return found
}

// gauges gathers what was found.
type gauges []prometheus.Metric

func (g *gauges) add(d *prometheus.Desc, v float64, labels ...string) {
	*g = append(*g, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
}

func (g *gauges) status(st core.Status) {
	up := 0.0
	if st.Bus == nil {
		up = 1
	}
	g.add(busUp, up)
	for _, q := range st.Queues {
		if q.Missing {
			continue
		}
		g.add(queueWaiting, float64(q.Waiting), q.Name)
		g.add(queueHeld, float64(q.Held), q.Name)
		g.add(queueAgain, float64(q.Again), q.Name)
	}
	if !slices.Contains(st.Unknown, core.PartDead) {
		g.add(deadLetters, float64(st.Dead))
	}
	if !slices.Contains(st.Unknown, core.PartOutbox) {
		g.add(outboxAge, st.Outbox.Seconds())
	}
	for q, age := range st.Due {
		g.add(dueAge, age.Seconds(), string(q))
	}
}
