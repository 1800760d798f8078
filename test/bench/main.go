// Command bench measures `inlet serve` from outside, as a client sees it.
//
//	go run ./test/bench latency|rss|throughput -inlet bin/inlet
//
// latency: from the start of an upload to its verdict and thumbnail, one after the other. rss: the peak memory of the process while
// one large file is uploaded. throughput: uploads a second at several numbers of clients. Every upload has bytes of its own. The
// numbers mean something only on a machine that does nothing else.
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
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

// measurements are the subcommands.
var measurements = map[string]func(context.Context, *target, options) error{
	"latency":    latency,
	"rss":        rss,
	"throughput": throughput,
}

type options struct {
	inlet   string
	uploads int
	bytes   int64
}

// target is the process that is measured.
type target struct {
	*api.Client
	process *launch.Process
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	names := make([]string, 0, len(measurements))
	for name := range measurements {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(args) == 0 || measurements[args[0]] == nil {
		return fmt.Errorf("say what to measure: %s", strings.Join(names, ", "))
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.inlet, "inlet", "bin/inlet", "the inlet program to measure")
	flags.IntVar(&o.uploads, "n", 500, "uploads: of latency, and of throughput for each number of clients")
	flags.Int64Var(&o.bytes, "bytes", 2<<30, "size of the file of rss")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if o.uploads < 1 || o.bytes < 1 {
		return errors.New("-n and -bytes must be 1 or more")
	}
	return withServer(ctx, o.inlet, func(t *target) error { return measurements[args[0]](ctx, t, o) })
}

// withServer runs measure against a program of its own, with its data in a folder that is removed afterwards.
func withServer(ctx context.Context, path string, measure func(*target) error) (err error) {
	dir, err := os.MkdirTemp("", "inlet-bench-")
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
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, log.Bytes())
		}
	}()
	spec := launch.Serve(path, data, addrs, map[string]string{"INLET_LOG_LEVEL": "warn"}, &log)
	// The first start hashes a password, and takes memory for that on purpose. What is measured is the second.
	if err := withProcess(ctx, spec, func(*launch.Process) error { return nil }); err != nil {
		return err
	}
	key, err := launch.FirstKey(data)
	if err != nil {
		return err
	}
	return withProcess(ctx, spec, func(p *launch.Process) error {
		return measure(&target{Client: api.New(addrs.URL(), key), process: p})
	})
}

// withProcess starts a program, lets use have it when it is ready, and stops it.
func withProcess(ctx context.Context, spec launch.Spec, use func(*launch.Process) error) error {
	p, err := launch.Start(spec)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := p.Ready(ctx); err != nil {
		return err
	}
	err = use(p)
	_, stopErr := p.Term(ctx)
	return errors.Join(err, stopErr)
}

// quantiles writes the middle and the end of a set of times.
func quantiles(took []time.Duration) string {
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	at := func(q float64) time.Duration {
		return took[min(len(took)-1, int(q*float64(len(took))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s  p90 %s  p99 %s  max %s", at(0.5), at(0.9), at(0.99), at(1))
}
