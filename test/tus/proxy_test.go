package tus

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy is a bad line: it cuts every connection that has brought a number of bytes. The server behind it may come and go.
type proxy struct {
	listener net.Listener
	target   string
	most     int64        // bytes from the client that a connection brings
	brought  atomic.Int64 // by all of them
	cuts     atomic.Int64
	open     sync.WaitGroup
}

// newProxy listens until the test ends.
func newProxy(t *testing.T, target string, most int64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, most: most}
	p.open.Go(p.run)
	t.Cleanup(func() {
		_ = l.Close()
		p.open.Wait()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) run() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		p.open.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return // it is being started again
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server) // ends when either side has gone
		_ = client.Close()
	})
	n, err := io.Copy(counting{server, &p.brought}, io.LimitReader(client, p.most))
	if err == nil && n == p.most {
		p.cuts.Add(1)
	}
	_ = client.Close()
	_ = server.Close()
	answers.Wait()
}

// counting counts what it hands on.
type counting struct {
	io.Writer
	n *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n.Add(int64(n))
	return n, err
}
