package nats_test

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
)

// server is an embedded server that can be stopped and started on its store.
type server struct {
	dir string

	mu  sync.Mutex
	now *embedded.Server // nil while stopped
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.now, err = embedded.Start(embedded.Config{Dir: s.dir}); err != nil {
		t.Fatal(err)
	}
}

func (s *server) stop(testing.TB) {
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

func (s *server) open(t testing.TB) bus.Bus {
	t.Helper()
	b, err := nats.Open(t.Context(), nats.Config{Server: s, User: embedded.User, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// conn connects beside the driver.
func (s *server) conn(t testing.TB) *natsgo.Conn {
	t.Helper()
	conn, err := natsgo.Connect("", natsgo.InProcessServer(s), natsgo.UserInfo(embedded.User, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// raw is JetStream beside the driver.
func (s *server) raw(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.conn(t))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func (s *server) wipe(t testing.TB) {
	t.Helper()
	js := s.raw(t)
	names := js.StreamNames(t.Context())
	var streams []string
	for name := range names.Name() {
		streams = append(streams, name)
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	// The stream that others react to goes last: its remaking does not overlap the other deletions, which the server
	// (2.12.3) does not keep apart cleanly.
	slices.SortFunc(streams, func(a, b string) int { return cmp.Compare(b, a) })
	for _, name := range streams {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}
