package live

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	acme     file.Tenant = "acme"
	patience             = 2 * time.Minute // the machine may be busy
)

// server is a bus that can be stopped, started, and deprived of what it keeps.
type server struct {
	t   *testing.T
	mu  sync.Mutex
	dir string
	now *embedded.Server
}

func newServer(t *testing.T) *server {
	s := &server{t: t, dir: t.TempDir()}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.now, err = embedded.Start(embedded.Config{Dir: s.dir}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil {
		s.now.Shutdown()
		s.now = nil
	}
}

func (s *server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return nil, errors.New("stopped")
	}
	return s.now.InProcessConn()
}

// viewer lets everybody in while it is not told otherwise.
type viewer struct {
	out    atomic.Bool
	hidden file.ID
}

func (v *viewer) Renew(context.Context) error {
	if v.out.Load() {
		return file.Errorf(file.Unauthorized, "test", "not any more")
	}
	return nil
}

func (v *viewer) MayRead(_ context.Context, f event.File) (bool, error) { return f.ID != v.hidden, nil }

// fixture is a hub on a bus of its own, behind an HTTP server.
type fixture struct {
	t      *testing.T
	server *server
	bus    bus.Bus
	hub    *Hub
	url    string
	viewer viewer
	end    context.CancelFunc // of the hub
}

func newFixture(t *testing.T, settings Settings) *fixture {
	t.Helper()
	f := &fixture{t: t, server: newServer(t)}
	b, err := nats.Open(t.Context(), nats.Config{Server: f.server, User: embedded.User})
	if err != nil {
		t.Fatal(err)
	}
	f.bus = b
	f.hub = NewHub(settings, b, slog.New(slog.DiscardHandler))
	f.hub.retry, f.hub.renew, f.hub.ping = 10*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	f.end = cancel
	done := make(chan error, 1)
	go func() { done <- f.hub.Run(ctx) }()
	web := httptest.NewServer(http.HandlerFunc(f.serve))
	f.url = web.URL
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		web.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	<-f.hub.attached
	return f
}

func (f *fixture) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	want := Want{Tenant: acme, LastID: r.Header.Get("Last-Event-ID"), Filter: Filter{File: file.ID(query.Get("file"))}}
	if text := query.Get("since"); text != "" {
		want.Since, _ = time.Parse(time.RFC3339Nano, text)
	}
	s, err := f.hub.Join(want)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.Serve(r.Context(), w, &f.viewer)
}

// newID makes the id of an event or a file.
func newID() string { return ulid.Make().String() }

func newEvent(tenant file.Tenant, id file.ID, rev int64) event.Event {
	return event.New(file.OutboxEntry{ID: newID(), Fact: string(event.Updated), Rev: rev, At: time.Now()}, &file.File{ID: id, Tenant: tenant})
}

// publish publishes an event, and returns its id.
func (f *fixture) publish(tenant file.Tenant, id file.ID, rev int64) string {
	f.t.Helper()
	e := newEvent(tenant, id, rev)
	f.send(e)
	return e.ID
}

// send publishes an event, again until the bus takes it.
func (f *fixture) send(e event.Event) {
	f.t.Helper()
	data, err := e.Encode()
	if err != nil {
		f.t.Error(err)
	}
	m := bus.Message{ID: e.ID, Subject: event.Subject(e.Fact(), e.Data.File.Tenant), Data: data}
	eventually(f.t, func() bool { return f.bus.Publish(f.t.Context(), m) == nil })
}

// frames is what a client has got.
type frames struct {
	t    *testing.T
	ch   chan [3]string // id, event, data; of a comment its text as the event
	stop context.CancelFunc
}

// open connects with a query and a last id.
func (f *fixture) open(query, lastID string) *frames {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/?"+query, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		f.t.Fatalf("%s %s", resp.Status, resp.Header)
	}
	c := &frames{t: f.t, ch: make(chan [3]string, 20_000), stop: cancel}
	go func() {
		defer close(c.ch)
		var now [3]string
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			line := lines.Text()
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "" && now != [3]string{}:
				c.ch <- now
				now = [3]string{}
			case name == "id":
				now[0] = value
			case name == "event":
				now[1] = value
			case name == "data":
				now[2] = value
			case strings.HasPrefix(line, ": "):
				now[1] = line
			}
		}
	}()
	return c
}

// next returns the next frame that is no comment; all empty when the stream has ended.
func (c *frames) next() [3]string {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-c.ch:
			if !strings.HasPrefix(got[1], ": ") {
				return got
			}
		case <-deadline:
			c.t.Fatal("nothing comes")
		}
	}
}

// want checks the ids of the next frames.
func (c *frames) want(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		if got := c.next(); got[0] != id {
			c.t.Fatalf("%q came, want the event %s", got, id)
		}
	}
}

// wantGap checks that the next frame is a gap.
func (c *frames) wantGap(reason string) {
	c.t.Helper()
	if got := c.next(); got != [3]string{"", "gap", `{"reason":"` + reason + `"}`} {
		c.t.Fatalf("%q came, want a gap, %s", got, reason)
	}
}

// wantComment waits for a comment.
func (c *frames) wantComment(text string) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got, open := <-c.ch:
			if got[1] == ": "+text {
				return
			}
			if !open {
				c.t.Fatalf("the stream has ended without %q", text)
			}
		case <-deadline:
			c.t.Fatalf("no comment %q", text)
		}
	}
}

// wantEnd waits for the end of the stream.
func (c *frames) wantEnd() {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-c.ch:
			if !open {
				return
			}
		case <-deadline:
			c.t.Fatal("the stream does not end")
		}
	}
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("did not happen")
		}
	}
}
