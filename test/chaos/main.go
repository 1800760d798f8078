// Command chaos breaks Inlet as it is shipped, again and again, and checks that what was acknowledged still holds.
//
//	go -C test run ./chaos [kill] [quota] [races] [sigterm] … -inlet bin/inlet -quick|-full -seed N -cycles N -v
//
// It runs the named tests, or all, prints a table and exits with 1 when a figure was not reached. What it believes it has from the public API and
// from `inlet fsck` alone: it opens no store. The seed decides what is sent and when the server is hit; the machine's timing it cannot repeat.
// The data and the history of a test that failed are kept.
//
// A test that this machine lacks something for is a printed SKIP.
//
// The tests are kill -9 under load, uploads that race for the last room, reads that race with a delete or an expiry, and SIGTERM with uploads on
// their way. None of them cuts the power, so the server may run without fsync (-durability process, the default here). Crash points, power cuts,
// full disks and lost buses are not tested here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	tests      []test
	inlet      string
	durability string
	full       bool
	seed       uint64
	cycles     int // in place of a test's own number; 0 for that
	verbose    bool
	strict     bool // a test that this machine cannot run is a failure
}

var errFailed = errors.New("a figure was not reached")

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	lane := "quick"
	if o.full {
		lane = "full"
	}
	fmt.Fprintf(out, "chaos: %s lane, seed %d, INLET_DURABILITY=%s\n", lane, o.seed, o.durability)
	var results []result
	for _, t := range o.tests {
		results = append(results, perform(ctx, t, o, out))
		if ctx.Err() != nil {
			break
		}
	}
	table(out, o, results)
	if slices.ContainsFunc(results, func(r result) bool { return r.failed(o.strict) }) {
		return errFailed
	}
	return ctx.Err()
}

// parse reads the names of tests, which come first, and the flags.
func parse(args []string) (options, error) {
	var o options
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		i := slices.IndexFunc(tests, func(t test) bool { return t.name == args[0] })
		if i < 0 {
			return o, fmt.Errorf("there is no test %q; there are %s", args[0], names())
		}
		o.tests = append(o.tests, tests[i])
		args = args[1:]
	}
	if o.tests == nil {
		o.tests = tests
	}
	var quick bool
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.inlet, "inlet", "bin/inlet", "the inlet program to break")
	flags.StringVar(&o.durability, "durability", "process", "INLET_DURABILITY of the server: process or power")
	flags.BoolVar(&quick, "quick", false, "few cycles (the default)")
	flags.BoolVar(&o.full, "full", false, "as many cycles as the figures are promised for")
	flags.Uint64Var(&o.seed, "seed", 0, "of all that is random; 0 picks one")
	flags.IntVar(&o.cycles, "cycles", 0, "cycles, rounds or races of each test, in place of the lane's")
	flags.BoolVar(&o.strict, "strict", os.Getenv("CI") == "true", "fail where a test is skipped (the default where CI is true)")
	flags.BoolVar(&o.verbose, "v", false, "print a line for each cycle")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("what is %q? Name the tests before the flags", flags.Arg(0))
	case quick && o.full:
		return o, errors.New("-quick or -full, not both")
	case o.cycles < 0:
		return o, errors.New("-cycles must not be negative")
	}
	for o.seed == 0 {
		o.seed = uint64(rand.Uint32()) //nolint:gosec // any seed will do, and a short one is easier to type
	}
	return o, nil
}

func names() string {
	all := make([]string, len(tests))
	for i, t := range tests {
		all[i] = t.name
	}
	return strings.Join(all, ", ")
}
