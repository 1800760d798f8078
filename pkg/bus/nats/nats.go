// Package nats is the bus on NATS JetStream: one driver for the server inside the process and for a cluster.
//
// It keeps three streams: the events, the dead letters, and the server's own notices of messages that it gave up. It makes
// them when they are missing, whenever that is noticed, because nothing rests on the bus and its store may vanish. Requests pass by the
// streams, from connection to connection.
// It runs no server (see embedded) and knows no event.
package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/singleflight"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

var _ bus.Bus = (*Bus)(nil)

// Timing of the connection.
const (
	callTimeout   = 2 * time.Second // of a call whose context ends later, or never
	reconnectWait = 250 * time.Millisecond
	pingEvery     = 10 * time.Second // two unanswered end a connection that went silent
)

// InProcess is a server that is reached without the network.
type InProcess interface {
	InProcessConn() (net.Conn, error)
}

// Config says where the server is and how the streams are kept.
type Config struct {
	// URL names the servers, nats://host:port[,…]. Ignored when Server is set.
	URL string
	// Server is a server in this process.
	Server InProcess
	// Name shows in the server's list of connections.
	Name string
	// User and Password, or Credentials (the path of a .creds file), authenticate. All may be empty.
	User, Password string
	Credentials    string
	// Replicas of each stream; 1 when 0.
	Replicas int
	// MaxBytes is the size of the stream of events at which it refuses more; DefaultMaxBytes when 0.
	MaxBytes int64
	// Log takes what is handled here: failed attempts, lost connections. nil discards it.
	Log *slog.Logger
	// Random returns a number in [0,1) for jitter. nil means a random one.
	Random func() float64
}

// Bus is a connection to NATS. All methods may be called from many goroutines.
type Bus struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	cfg    Config
	log    *slog.Logger
	random func() float64
	drain  time.Duration

	streams      singleflight.Group
	connected    signal
	disconnected signal

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Open connects and makes the streams. Where no server answers it returns all the same and goes on trying: until one does,
// Publish and Ping are Unavailable and Consume waits. ctx bounds the first try only. Its error is an Invalid configuration.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	b := &Bus{cfg: cfg, log: cfg.Log.With("component", "bus"), random: cfg.Random, drain: bus.Drain}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	conn, err := nats.Connect(cfg.URL, b.options()...)
	if err != nil {
		b.cancel()
		return nil, &file.Error{Kind: file.Invalid, Op: "bus.open", Err: err}
	}
	b.conn = conn
	if b.js, err = jetstream.New(conn); err != nil {
		b.cancel()
		conn.Close()
		return nil, &file.Error{Kind: file.Invalid, Op: "bus.open", Err: err}
	}
	if err := b.ensureStreams(ctx); err != nil {
		b.log.Warn("the bus is not there yet", "error", err)
	}
	b.wg.Go(b.keepStreams)
	return b, nil
}

func (b *Bus) options() []nats.Option {
	opts := []nats.Option{
		nats.Name(b.cfg.Name),
		nats.Timeout(callTimeout),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // credentials may be mended while we run
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
		// A publish while the connection is out fails at once, for its caller to repeat, rather than wait in memory and come late.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(*nats.Conn) { b.connected.raise() }),
		nats.ReconnectHandler(func(*nats.Conn) { b.connected.raise() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.disconnected.raise()
			if err != nil {
				b.log.Warn("lost the bus", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.log.Warn("the bus complains", "error", err) }),
	}
	if b.cfg.Server != nil {
		opts = append(opts, nats.InProcessServer(b.cfg.Server))
	}
	if b.cfg.User != "" {
		opts = append(opts, nats.UserInfo(b.cfg.User, b.cfg.Password))
	}
	if b.cfg.Credentials != "" {
		opts = append(opts, nats.UserCredentials(b.cfg.Credentials))
	}
	return opts
}

// Ping asks for the stream of events, and makes it when it is missing.
func (b *Bus) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.js.Stream(ctx, eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = b.ensureStreams(ctx)
	}
	return failure("bus.ping", err)
}

// Close sends what is buffered and disconnects. Consume and Respond must have returned before.
func (b *Bus) Close() error {
	b.cancel()
	b.wg.Wait()
	b.flush()
	b.conn.Close()
	return nil
}

// flush waits until the server has what was sent. Without a connection there is nothing to wait for: nothing is kept for the next one.
func (b *Bus) flush() {
	if !b.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := b.conn.FlushWithContext(ctx); err != nil && !b.conn.IsClosed() {
		b.log.Debug("not flushed", "error", err)
	}
}

// pause waits before the n-th repetition (0 for the first) of what failed: 100 ms doubled each time up to 5 s, ±20 %.
// It ends early with ctx and when wake is closed.
func (b *Bus) pause(ctx context.Context, n int, wake <-chan struct{}) {
	timer := time.NewTimer(b.jitter(min(100*time.Millisecond<<min(n, 6), 5*time.Second)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// jitter spreads d by ±20 %.
func (b *Bus) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*b.random()))
}

// graceful returns the context that handlers run under: it ends a while after ctx.
func (b *Bus) graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(b.drain, cancel)
		context.AfterFunc(base, func() { timer.Stop() })
	})
	return base, func() {
		stop()
		cancel()
	}
}

// protect turns a panic into an error and logs its stack.
func protect(log *slog.Logger, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// failure gives err the kind that bus.Publisher promises.
func failure(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return &file.Error{Kind: file.Cancelled, Op: op, Err: err}
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		err = fmt.Errorf("not connected: %w", err)
	}
	return &file.Error{Kind: file.Unavailable, Op: op, Public: "the event bus cannot take messages now", Err: err}
}

// signal tells any number of waiters that something happened.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that is closed the next time the signal is raised.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
