package peers

import (
	"cmp"
	"net"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSServer is a nats-server with JetStream, as a process of its own.
type NATSServer struct {
	URL string

	t       testing.TB
	program string
	addr    string
	store   string
	process *Process // nil while stopped
}

// NATS starts a server on a store of its own. It ends with the test.
func NATS(t testing.TB) *NATSServer {
	t.Helper()
	program, err := Build("github.com/nats-io/nats-server/v2")
	if err != nil {
		t.Fatal(err)
	}
	addr := FreeAddr(t)
	s := &NATSServer{URL: "nats://" + addr, t: t, program: program, addr: addr, store: t.TempDir()}
	s.Start()
	return s
}

// Start runs the server on the same address and store as before. A running one stays as it is.
func (s *NATSServer) Start() {
	s.t.Helper()
	if s.process == nil {
		host, port, err := net.SplitHostPort(s.addr)
		if err != nil {
			s.t.Fatal(err)
		}
		s.process = Start(s.t, s.addr, s.program, "-a", host, "-p", port, "-js", "-sd", s.store)
	}
}

// Stop kills the server, as a crash would.
func (s *NATSServer) Stop() {
	if s.process != nil {
		s.process.Kill()
		s.process = nil
	}
}

// Restart stops and starts the server.
func (s *NATSServer) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Wipe deletes every stream of the running server.
func (s *NATSServer) Wipe() {
	s.t.Helper()
	conn, err := nats.Connect(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	names := js.StreamNames(s.t.Context())
	var streams []string
	for name := range names.Name() {
		streams = append(streams, name)
	}
	if err := names.Err(); err != nil {
		s.t.Fatal(err)
	}
	// The stream that others react to goes last: its remaking does not overlap the other deletions, which the server
	// (2.12.3) does not keep apart cleanly.
	slices.SortFunc(streams, func(a, b string) int { return cmp.Compare(b, a) })
	for _, name := range streams {
		if err := js.DeleteStream(s.t.Context(), name); err != nil {
			s.t.Fatal(err)
		}
	}
}
