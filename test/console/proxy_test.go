package console

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between the browser and the server: a network that is slow, and that breaks when it is told to.
type proxy struct {
	listener net.Listener
	backend  string
	perTick  int64 // bytes towards the server in a tick, of each connection

	swallowed chan struct{} // one when something was, as far as it has room

	mu         sync.Mutex
	conns      map[net.Conn]struct{}
	swallowing bool
}

const tick = 10 * time.Millisecond

// newProxy listens until the test ends. rate is in bytes a second.
func newProxy(t *testing.T, backend string, rate int64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, backend: backend, perTick: rate / int64(time.Second/tick), conns: map[net.Conn]struct{}{}, swallowed: make(chan struct{}, 1)}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(t.Context(), c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		running.Wait()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.backend)
	if err != nil {
		_ = client.Close()
		return
	}
	p.keep(client, server)
	defer p.drop(client, server)
	go func() {
		_, _ = io.Copy(client, server)
		p.drop(client, server)
	}()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	to := &lossy{proxy: p, to: server}
	for {
		if _, err := io.CopyN(to, client, p.perTick); err != nil {
			return
		}
		<-ticker.C
	}
}

func (p *proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// cut breaks every connection that is open.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// swallow says whether what the browser sends is lost from now on, with nobody told. A connection that has lost something loses all that follows.
func (p *proxy) swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallowing = on
}

// lossy is the way of one connection to the server.
type lossy struct {
	proxy *proxy
	to    io.Writer
	lost  bool
}

func (l *lossy) Write(b []byte) (int, error) {
	l.proxy.mu.Lock()
	l.lost = l.lost || l.proxy.swallowing
	l.proxy.mu.Unlock()
	if !l.lost {
		return l.to.Write(b)
	}
	select {
	case l.proxy.swallowed <- struct{}{}:
	default:
	}
	return len(b), nil
}
