// Command demo shows Inlet at work: it starts `inlet serve` in an empty folder, sends it a file of each kind, prints what became of each
// and every event as it comes, and ends with exit code 0 only when all is as it should be.
//
// It is for people who see Inlet for the first time. The cases that matter are tested in test/e2e.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

// limit is how long the whole demo may take.
const limit = 2 * time.Minute

func main() {
	path := flag.String("inlet", "bin/inlet", "the inlet program to show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, limit)
	err := run(ctx, *path)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nNot as it should be:\n%v\n", err)
		os.Exit(1)
	}
	fmt.Println("\nAll is as it should be.")
}

// run starts the program in a folder of its own, shows it, and stops it.
func run(ctx context.Context, path string) (err error) {
	dir, err := os.MkdirTemp("", "inlet-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	var log bytes.Buffer
	settings := map[string]string{"INLET_LOG_LEVEL": "warn"}
	server, err := launch.Start(launch.Serve(path, data, addrs, settings, &log))
	if err != nil {
		return err
	}
	defer server.Kill()
	err = show(ctx, server, data, addrs)
	code, stopErr := server.Term(context.WithoutCancel(ctx))
	if err = errors.Join(err, stopErr); err == nil && code != 0 {
		err = fmt.Errorf("inlet serve ended with exit code %d", code)
	}
	if err != nil {
		err = fmt.Errorf("%w\n\nThe log of inlet serve:\n%s", err, log.Bytes())
	}
	return err
}

func show(ctx context.Context, server *launch.Process, data string, addrs launch.Addrs) error {
	start := time.Now()
	if err := server.Ready(ctx); err != nil {
		return err
	}
	key, err := launch.FirstKey(data)
	if err != nil {
		return err
	}
	out := &printer{}
	out.line("inlet serve is ready after %s at %s\n", time.Since(start).Round(time.Millisecond), addrs.URL())
	events, err := api.Subscribe(ctx, addrs.EventsURL(), out.event)
	if err != nil {
		return err
	}
	defer events.Close()
	return newTour(api.New(addrs.URL(), key), events, out).run(ctx)
}
