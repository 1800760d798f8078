package live

import (
	"bufio"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

var seamEvents = flag.Int("seam", 1000, "events that TestSeam publishes, a multiple of 50")

func TestTailAndReplay(t *testing.T) {
	f := newFixture(t, Settings{})
	id := file.ID(newID())
	early := f.open("", "")
	before := f.publish(acme, id, 1)
	early.want(before) // so the hub is past it
	tail := f.open("", "")
	mine := f.publish(acme, id, 2)
	f.publish("globex", id, 2)
	other := f.publish(acme, file.ID(newID()), 1)
	tail.want(mine, other)
	behind := f.open("file="+string(id), before)
	last := f.publish(acme, id, 3)
	behind.want(mine, last)
	since := "since=" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
	f.open(since, "").want(before, mine, other, last)
	f.open(since, mine).want(other, last) // the id is the better place
}

// TestSeam has clients join at random places while events are published: each gets each exactly once, in order.
func TestSeam(t *testing.T) {
	const clients, files = 20, 50
	events := *seamEvents
	f := newFixture(t, Settings{Buffer: events})
	first := f.publish(acme, file.ID(newID()), 0)

	made := make([]event.Event, events) // revision after revision of each file in turn
	places := map[string]int{}
	ids := make([]file.ID, files)
	for i := range ids {
		ids[i] = file.ID(newID())
	}
	for i := range made {
		made[i] = newEvent(acme, ids[i%files], int64(i/files))
		places[made[i].ID] = i
	}
	read := func() {
		c := f.open("", first)
		var revs [files]int
		for range events {
			got := c.next()
			i, known := places[got[0]]
			if !known || i/files != revs[i%files] {
				t.Errorf("%q came, which is the event %d, after %d of its file", got, i, revs[i%files])
				return
			}
			revs[i%files]++
		}
	}
	joins := map[int64]int{} // how many clients join after so many events
	for range clients {
		joins[1+rand.Int64N(int64(events))]++
	}
	var published atomic.Int64
	var work sync.WaitGroup
	for lane := range files {
		work.Go(func() {
			for i := lane; i < events; i += files {
				f.send(made[i])
				for range joins[published.Add(1)] {
					work.Go(read)
				}
			}
		})
	}
	work.Wait()
}

// TestSlowClient: who does not read is cut off, in nobody's way, and misses nothing when it comes again.
func TestSlowClient(t *testing.T) {
	f := newFixture(t, Settings{Buffer: 4})
	f.hub.writeLimit = 50 * time.Millisecond
	stuck := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := f.hub.Join(Want{Tenant: acme})
		if err != nil {
			t.Error(err)
			return
		}
		s.Serve(r.Context(), slowWriter{w, stuck}, &f.viewer)
	}))
	defer web.Close()
	resp, err := http.Get(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	id := file.ID(newID())
	var want []string
	for rev := range 20 {
		want = append(want, f.publish(acme, id, int64(rev)))
	}
	eventually(t, func() bool { f.hub.mu.Lock(); defer f.hub.mu.Unlock(); return len(f.hub.streams[acme]) == 0 })
	close(stuck)
	var last string
	told := false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if got, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			last = got
		}
		told = told || strings.HasPrefix(lines.Text(), ": too slow")
	}
	if n := slices.Index(want, last) + 1; n < 1 || n > 6 || !told {
		t.Fatalf("cut off after %d events, told so: %v", n, told)
	}
	f.open("", last).want(want[slices.Index(want, last)+1:]...)
	eventually(t, func() bool { f.hub.mu.Lock(); defer f.hub.mu.Unlock(); return f.hub.taken == 1 })
}

// slowWriter takes the first event and then waits.
type slowWriter struct {
	http.ResponseWriter
	until chan struct{}
}

func (w slowWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w slowWriter) Write(p []byte) (int, error) {
	if strings.HasPrefix(string(p), "id: ") {
		<-w.until
	}
	return w.ResponseWriter.Write(p)
}

func TestUnknownLastID(t *testing.T) {
	f := newFixture(t, Settings{})
	id := file.ID(newID())
	never := newID()
	a, b := f.publish(acme, id, 1), f.publish(acme, id, 2)
	foreign := f.publish("other", id, 1)
	for _, last := range []string{never, foreign, ulid.MustNew(1, nil).String()} {
		c := f.open("", last)
		c.wantGap(gapUnknown)
		c.want(a, b)
	}
	for _, last := range []string{"no id", "0", ulid.MustNew(ulid.Timestamp(time.Now().Add(time.Hour)), nil).String()} {
		c := f.open("", last)
		c.wantGap(gapUnknown)
		c.wantComment("ping")
		c.want(f.publish(acme, id, 3))
	}
}

// TestBusOut: the streams stay while the bus is out, and get everything when it is back. Who comes meanwhile waits with them.
func TestBusOut(t *testing.T) {
	f := newFixture(t, Settings{})
	id := file.ID(newID())
	tail := f.open("", "")
	a := f.publish(acme, id, 1)
	tail.want(a)
	f.server.stop()
	tail.wantComment("the event bus is out")
	late := f.open("", a)
	late.wantComment("the event bus is out")
	f.server.start()
	b := f.publish(acme, id, 2)
	tail.want(b)
	late.want(b, f.publish(acme, id, 3))
}

// TestStoreLost: that the bus has lost what it kept is told, and what comes afterwards, too.
func TestStoreLost(t *testing.T) {
	f := newFixture(t, Settings{})
	id := file.ID(newID())
	tail := f.open("", "")
	a := f.publish(acme, id, 1)
	tail.want(a)
	f.server.stop()
	f.server.dir = t.TempDir()
	f.server.start()
	b := f.publish(acme, id, 2)
	tail.wantGap(gapLost)
	tail.want(b)
	again := f.open("", a)
	again.wantGap(gapUnknown)
	again.want(b)
}

func TestEnds(t *testing.T) {
	f := newFixture(t, Settings{})
	c := f.open("", "")
	f.viewer.out.Store(true)
	c.wantEnd()
	f.viewer.out.Store(false)
	c = f.open("", "")
	c.wantComment("ping")
	f.end()
	c.wantEnd()
}

func TestRights(t *testing.T) {
	f := newFixture(t, Settings{})
	hidden, shown := file.ID(newID()), file.ID(newID())
	f.viewer.hidden = hidden
	f.publish(acme, hidden, 1)
	a := f.publish(acme, shown, 1)
	c := f.open("since="+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano), "")
	c.want(a)
	f.publish(acme, hidden, 2)
	c.want(f.publish(acme, shown, 2))
}

func TestPlaces(t *testing.T) {
	h := NewHub(Settings{Max: 3}, nil, slog.New(slog.DiscardHandler))
	join := func(t file.Tenant) (*Stream, error) { return h.Join(Want{Tenant: t}) }
	first, err := join("a")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		tenant file.Tenant
		kind   file.Kind
	}{{"a", ""}, {"a", file.RateLimited}, {"b", ""}, {"b", file.Unavailable}, {"a", file.Unavailable}} {
		if _, err := join(c.tenant); c.kind == "" && err != nil || c.kind != "" && !file.Is(err, c.kind) {
			t.Errorf("%d: %v, want %q", i, err, c.kind)
		}
	}
	h.leave(first)
	if _, err := join("a"); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

func TestFilter(t *testing.T) {
	id := file.ID(newID())
	e := &Event{Event: event.New(file.OutboxEntry{ID: newID(), Fact: string(event.Stored)}, &file.File{ID: id, Tenant: acme, Parent: file.Parent{Kind: "tag", ID: "x"}})}
	for i, c := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Facts: []event.Fact{event.Verified, event.Stored}}, true},
		{Filter{Facts: []event.Fact{event.Verified}}, false},
		{Filter{Parent: &file.Parent{Kind: "tag", ID: "x"}}, true},
		{Filter{Parent: &file.Parent{Kind: "channel", ID: "x"}}, false},
		{Filter{File: id}, true},
		{Filter{File: file.ID(newID())}, false},
		{Filter{File: id, Facts: []event.Fact{event.Verified}}, false},
	} {
		if got := c.f.match(e); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{{Max: -1}, {MaxShare: -1}, {Buffer: -1}} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if err := (&Settings{}).Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzRead: whatever is on the bus, a frame has an id, a name and one line of data, and nothing else.
func FuzzRead(f *testing.F) {
	e := event.New(file.OutboxEntry{ID: newID(), Fact: string(event.Stored)}, &file.File{ID: file.ID(newID()), Tenant: acme})
	data, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(strings.ReplaceAll(string(data), `"specversion"`, "\n\t\"id\": \"a\\nevent: x\",\r\n \"specversion\"")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := event.Decode(data)
		if err != nil {
			return
		}
		e, ok := read(bus.Kept{Message: bus.Message{Subject: event.Subject(d.Fact(), d.Data.File.Tenant), Data: data}})
		if !ok {
			return
		}
		lines := strings.Split(string(e.frame), "\n")
		if len(lines) != 5 || lines[0] != "id: "+d.ID || lines[1] != "event: "+string(d.Fact()) || !strings.HasPrefix(lines[2], "data: {") || strings.ContainsRune(string(e.frame), '\r') {
			t.Errorf("%q", e.frame)
		}
	})
}

func BenchmarkFeed(b *testing.B) {
	for _, clients := range []int{1, 1000} {
		b.Run(strconv.Itoa(clients), func(b *testing.B) {
			h := NewHub(Settings{Max: clients, MaxShare: clients}, nil, slog.New(slog.DiscardHandler))
			for range clients {
				s, err := h.Join(Want{Tenant: acme})
				if err != nil {
					b.Fatal(err)
				}
				go func() {
					for range s.queue { //nolint:revive // drained
					}
				}()
				h.add(s)
			}
			e := &Event{Event: event.New(file.OutboxEntry{ID: newID(), Fact: string(event.Stored)}, &file.File{ID: file.ID(newID()), Tenant: acme})}
			for b.Loop() {
				h.feed(e)
			}
			b.ReportMetric(float64(clients), "clients")
		})
	}
}
