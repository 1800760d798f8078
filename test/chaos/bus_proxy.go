package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// lagProxy passes TCP connections on to a server, and holds back what that says for some time.
type lagProxy struct {
	listener net.Listener
	server   string // host:port
	lag      atomic.Int64
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// newLagProxy listens until it is closed or ctx ends. While nobody listens at server, a connection ends as soon as it was accepted.
func newLagProxy(ctx context.Context, server string) (*lagProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	p := &lagProxy{listener: l, server: server, stop: stop}
	p.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			p.running.Go(func() { p.pass(ctx, client) })
		}
	})
	context.AfterFunc(ctx, func() { _ = l.Close() }) // nobody waits for it any more
	return p, nil
}

func (p *lagProxy) addr() string { return p.listener.Addr().String() }

// delay sets how late what the server says from now on arrives. It never overtakes what was said before.
func (p *lagProxy) delay(d time.Duration) { p.lag.Store(int64(d)) }

// close ends all connections.
func (p *lagProxy) close() {
	p.stop()
	p.running.Wait()
}

// pass serves one client until one of both sides ends.
func (p *lagProxy) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), server.Close()) })() // ends both copies
	var asking sync.WaitGroup
	asking.Go(func() {
		defer cancel()
		_, _ = io.Copy(server, client) // either side may end it
	})
	p.holdBack(ctx, client, server)
	cancel()
	asking.Wait()
}

// chunk is a piece of what the server has said.
type chunk struct {
	data []byte
	due  time.Time
}

const chunksHeld = 1 << 14 // more than 5 s of a busy bus

// holdBack copies what the server says, late.
func (p *lagProxy) holdBack(ctx context.Context, client io.Writer, server io.Reader) {
	held := make(chan chunk, chunksHeld)
	var saying sync.WaitGroup
	saying.Go(func() {
		for c := range held {
			if pause(ctx, time.Until(c.due)) != nil {
				return
			}
			if _, err := client.Write(c.data); err != nil {
				return
			}
		}
	})
	defer saying.Wait()
	defer close(held)
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		c := chunk{data: append([]byte(nil), buf[:n]...), due: time.Now().Add(time.Duration(p.lag.Load()))}
		select {
		case held <- c:
		case <-ctx.Done():
			return
		}
	}
}
