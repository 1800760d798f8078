// Command mongod answers MongoDB's wire protocol on a TCP port: FerretDB 1.24 on SQLite files, behind a front that lets
// one command through at a time. It is the peer that the MongoDB driver is tested against where no real server is at hand.
//
// The front is there because FerretDB reads, changes and writes in separate steps: two updates of one document at the same
// time lose one of them, and a filter can hold for both. One command at a time gives what a real server gives, every
// single-document command atomic. It also spares FerretDB reading a whole collection for a document whose _id is known.
// It is no server for production: no authentication, no replication, no transactions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// gcPercent lets it have more garbage than usual: it decodes a collection for most commands.
const gcPercent = 800

func main() {
	listen := flag.String("listen", "127.0.0.1:27017", "address to listen on")
	dir := flag.String("dir", "", "folder of the database files; made when missing")
	flag.Parse()
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mongod:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen, dir string) error {
	if dir == "" {
		return errors.New("-dir is missing")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	private, err := os.MkdirTemp("", "mongod-") // a socket's path is limited to some 100 bytes, so not below dir
	if err != nil {
		return err
	}
	defer os.RemoveAll(private) //nolint:errcheck // a leftover socket harms nobody
	backend := filepath.Join(private, "backend.sock")

	server, err := ferretdb.New(&ferretdb.Config{
		Handler:   "sqlite",
		SQLiteURL: "file:" + filepath.Clean(dir) + "/",
		Listener:  ferretdb.ListenerConfig{Unix: backend},
		// It warns of every command that it does not know, reply and all: only what stops it is of interest.
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx) }()

	err = awaitSocket(ctx, backend)
	if err == nil {
		err = serve(ctx, listen, backend)
	}
	cancel()
	return errors.Join(err, <-stopped)
}

// awaitSocket returns when the backend accepts connections.
func awaitSocket(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("unix", path); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the backend did not start: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// serve accepts clients on the public address until ctx ends.
func serve(ctx context.Context, listen, backend string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	f := &front{backend: backend, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	for {
		client, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go f.handle(ctx, client)
	}
}
