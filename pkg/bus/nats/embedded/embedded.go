// Package embedded runs a NATS server with JetStream inside the process, for Inlet as one program.
//
// It is a server and nothing else: it makes no stream and knows no event. Connections from inside the process have every
// right. Connections over the network come without credentials and may only read: see permissions.go.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/inlethq/inlet/pkg/file"
)

// Limits of the server.
const (
	// MaxPayload is the largest message in bytes, headers included.
	MaxPayload = 1 << 20
	// DefaultMaxStore is how much all streams together may take on disk, in bytes.
	DefaultMaxStore = 4 << 30
	// readyWithin bounds the start, the recovery of the store included.
	readyWithin = 60 * time.Second
	// pingEvery finds a peer that went silent; two pings unanswered end its connection.
	pingEvery = 20 * time.Second
)

// AddrVariable is the setting that Config.Addr comes from. Errors name it.
const AddrVariable = "INLET_NATS_ADDR"

// Config describes the server.
type Config struct {
	// Dir holds the streams. It is made when absent. One server at a time may use it.
	Dir string
	// Addr is where readers connect, host:port; port 0 takes a free one. "" and "off" mean in-process connections only.
	Addr string
	// Durables names the consumers that do Inlet's work. Readers may neither take messages from them nor change them.
	Durables []string
	// MaxStore bounds the disk that the streams take, in bytes; 0 means DefaultMaxStore.
	MaxStore int64
	// Log takes what the server says: warnings and errors as such, the rest as debug. nil discards it.
	Log *slog.Logger
}

// Server is a running server.
type Server struct {
	srv *server.Server
	log *logger
}

// Start runs a server and returns when it takes connections. The store keeps JetStream's default sync interval: a power cut
// may lose the last minutes of messages, which Inlet sends again from its records.
//
// Errors are *file.Error: Invalid for an address that is none, Unavailable for one in use or a folder that cannot be used.
func Start(cfg Config) (*Server, error) {
	opts, err := options(cfg)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, &file.Error{Kind: file.Unavailable, Op: "embedded.start", Err: err}
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, &file.Error{Kind: file.Invalid, Op: "embedded.start", Err: err}
	}
	log := newLogger(cfg.Log)
	srv.SetLoggerV2(log, false, false, false)
	go srv.Start()

	ready := make(chan bool, 1)
	go func() { ready <- srv.ReadyForConnections(readyWithin) }()
	select {
	case reason := <-log.fatal:
		err = errors.New(reason)
	case ok := <-ready:
		if !ok {
			err = fmt.Errorf("not ready within %s: when it is damaged, stop Inlet and remove the folder, for nothing rests on it", readyWithin)
		}
	}
	if err != nil {
		endsWithin(shutdownLimit, srv.Shutdown)
		return nil, &file.Error{Kind: file.Unavailable, Op: "embedded.start",
			Err: fmt.Errorf("folder %s, %s %q: %w", cfg.Dir, AddrVariable, cfg.Addr, err)}
	}
	return &Server{srv: srv, log: log}, nil
}

func options(cfg Config) (*server.Options, error) {
	opts := &server.Options{
		ServerName:             "inlet",
		DontListen:             true,
		NoSigs:                 true,
		MaxPayload:             MaxPayload,
		PingInterval:           pingEvery,
		MaxPingsOut:            2,
		JetStream:              true,
		StoreDir:               cfg.Dir,
		JetStreamMaxStore:      cfg.MaxStore,
		JetStreamMaxMemory:     64 << 20,
		DisableJetStreamBanner: true,
		Users:                  users(cfg.Durables),
		NoAuthUser:             reader,
	}
	if opts.JetStreamMaxStore == 0 {
		opts.JetStreamMaxStore = DefaultMaxStore
	}
	if cfg.Addr == "" || cfg.Addr == "off" {
		return opts, nil
	}
	host, port, err := splitAddr(cfg.Addr)
	if err != nil {
		return nil, &file.Error{Kind: file.Invalid, Op: "embedded.start",
			Err: fmt.Errorf("%s is %q: it may be host:port or off: %w", AddrVariable, cfg.Addr, err)}
	}
	opts.DontListen, opts.Host, opts.Port = false, host, port
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && cfg.Log != nil {
		cfg.Log.Warn("anybody who reaches this address can read every tenant's events", "addr", cfg.Addr, "setting", AddrVariable)
	}
	return opts, nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, err
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}

// User is the name that an in-process connection gives to have every right. It is not accepted over the network.
const User = owner

// InProcessConn returns a connection that does not pass through the network. It authenticates as User, without a password.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.InProcessConn() }

// URL is where readers connect; "" when the server does not listen.
func (s *Server) URL() string {
	if s.srv.Addr() == nil {
		return ""
	}
	return s.srv.ClientURL()
}

// shutdownLimit is how long a server may take to end.
const shutdownLimit = 5 * time.Second

// Shutdown ends all connections, writes what is buffered to disk and returns when the server is gone. One whose store is damaged may never end: after
// shutdownLimit it is left to the end of the process, which loses no more than a kill would.
func (s *Server) Shutdown() {
	ended := endsWithin(shutdownLimit, func() {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
	})
	if !ended {
		s.log.Warnf("it does not end, and is left to the end of the process")
	}
}

// endsWithin reports whether fn returns within a time. It does not wait longer for it.
func endsWithin(limit time.Duration, fn func()) bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
