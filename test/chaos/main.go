// Command chaos breaks Inlet as it is shipped, again and again, and checks that what was acknowledged still holds.
//
//	go -C test run ./chaos [kill] [points] [power] … -inlet bin/inlet -quick|-full -seed N -cycles N -v
//	go -C test run ./chaos [kill] [sigterm] [races] [clock] -mode cluster -inlet bin/inlet -bin bin …
//
// It runs the named tests, or all, prints a table and exits with 1 when a figure was not reached. What it believes it has from the public API and
// from `inlet fsck` alone: it opens no store. The seed decides what is sent and when the server is hit; the machine's timing it cannot repeat.
// The data and the history of a test that failed are kept.
//
// In mode cluster the services are processes of their own, on a NATS server and on MongoDB's wire peer. That is slow, so there are fewer cycles.
//
// A test that this machine lacks something for is a printed SKIP.
//
// docs/durability.md says what each test does, what must hold and what it does not show. A test that needs no fsync runs the server without it
// (-durability process, the default here); those that cut the power or break a disk set their own.
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
	if len(os.Args) > 1 && os.Args[1] == straceCommand {
		os.Exit(straceMain(os.Args[2:]))
	}
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
	all        []test // of the mode
	mode       mode
	inlet      string
	bin        string // folder of the services' programs
	source     string // of the programs, to sow bugs into
	bug        string // the one to sow; empty for any
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
	fmt.Fprintf(out, "chaos: %s lane, mode %s, seed %d, INLET_DURABILITY=%s\n", lane, o.mode, o.seed, o.durability)
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
	var named []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		named = append(named, args[0])
		args = args[1:]
	}
	var quick bool
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar((*string)(&o.mode), "mode", string(single), "how Inlet runs: single or cluster")
	flags.StringVar(&o.bin, "bin", "bin", "the folder of the programs to break, in mode cluster")
	flags.StringVar(&o.source, "source", "..", "the top of the repository, for bugs")
	flags.StringVar(&o.bug, "bug", "", "the one bug that bugs is to sow")
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
	var err error
	if o.tests, err = choose(o.mode, named); err != nil {
		return o, err
	}
	o.all = modes[o.mode]
	if named == nil && !o.full {
		o.tests = slices.DeleteFunc(slices.Clone(o.tests), func(t test) bool { return t.quick == 0 })
	}
	for o.seed == 0 {
		o.seed = uint64(rand.Uint32()) //nolint:gosec // any seed will do, and a short one is easier to type
	}
	return o, nil
}

// choose picks the named tests of a mode; all when none is named.
func choose(m mode, named []string) ([]test, error) {
	all, known := modes[m]
	if !known {
		return nil, fmt.Errorf("there is no mode %q; there are %s and %s", m, single, separate)
	}
	if named == nil {
		return all, nil
	}
	var chosen []test
	for _, name := range named {
		i := slices.IndexFunc(all, func(t test) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no test %q in mode %s; there are %s", name, m, names(all))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func names(tests []test) string {
	all := make([]string, len(tests))
	for i, t := range tests {
		all[i] = t.name
	}
	return strings.Join(all, ", ")
}
