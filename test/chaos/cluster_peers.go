package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/peers"
)

// peer is a server that Inlet works with, as a process of its own. It is for one goroutine.
type peer struct {
	*service
	addr string // host:port that it answers on
}

// newPeer builds a program of the test module and starts it. What it logs is kept in dir.
func newPeer(ctx context.Context, pkg, dir, addr string, args ...string) (*peer, error) {
	program, err := peers.Build(pkg)
	if err != nil {
		return nil, err
	}
	s, err := newService(launch.Spec{Name: filepath.Base(program), Path: program, Args: args}, dir)
	if err != nil {
		return nil, err
	}
	p := &peer{service: s, addr: addr}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

const (
	answerLimit = 10 * time.Second
	answerStep  = 5 * time.Millisecond
)

// start starts the process and waits until it accepts connections.
func (p *peer) start(ctx context.Context) error {
	if err := p.launch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	tick := time.NewTicker(answerStep)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer on %s: %w", p.spec.Name, p.addr, err)
		}
	}
}

// natsServer is a NATS server with JetStream.
type natsServer struct {
	*peer
	store string
}

// newNATS starts a server with its store in dir.
func newNATS(ctx context.Context, dir string) (*natsServer, error) {
	addr, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	store := filepath.Join(dir, "nats")
	p, err := newPeer(ctx, "github.com/nats-io/nats-server/v2", dir, addr, "-a", host, "-p", port, "-js", "-sd", store)
	if err != nil {
		return nil, err
	}
	return &natsServer{peer: p, store: store}, nil
}

func (n *natsServer) url() string { return "nats://" + n.addr }

// wipe deletes the store of a server that was killed.
func (n *natsServer) wipe() error { return os.RemoveAll(n.store) }

// newMongo starts MongoDB's wire peer with its files in dir.
func newMongo(ctx context.Context, dir string) (*peer, error) {
	addr, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	return newPeer(ctx, "github.com/inlethq/inlet/test/cmd/mongod", dir, addr, "-listen", addr, "-dir", filepath.Join(dir, "mongo"))
}
