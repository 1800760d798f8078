// Package httpserver runs an HTTP listener with the time limits that a public one needs, and stops it without cutting requests off.
//
// It knows no routes.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of every listener. There is none on a whole request or answer: a file may take as long as it moves (see SlowBody).
const (
	readHeaderLimit = 10 * time.Second
	idleLimit       = 2 * time.Minute
	maxHeaderBytes  = 64 << 10
	drainLimit      = 25 * time.Second
)

// Server is one listener.
type Server struct {
	listener net.Listener
	server   *http.Server
	log      *slog.Logger
}

// Listen binds addr at once, so that a port in use stops the start. Name is the setting that addr came from, for the error.
func Listen(addr, name string, handler http.Handler, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", name, addr, err)
	}
	return &Server{
		listener: l,
		log:      log,
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: readHeaderLimit,
			IdleTimeout:       idleLimit,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then accepts nothing new and waits for running requests, for some time.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(s.listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.server.SetKeepAlivesEnabled(false)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := s.server.Shutdown(drain); err != nil {
		s.log.Warn("requests were cut off", "addr", s.Addr().String(), "err", err)
		_ = s.server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
