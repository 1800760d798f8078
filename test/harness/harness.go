// Package harness runs Inlet as it is shipped, for black-box tests: the programs are built once and started as processes of their own.
//
// A System is one of three: a single process (Single), one process for each service against real peers (Processes), or a cluster that is
// up already (Remote). Tests are written once, against the public API and the events. The harness reaches into no store.
package harness

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/contract"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/peers"
)

// Mode is how a System runs.
type Mode string

// The modes.
const (
	ModeSingle    Mode = "single"
	ModeProcesses Mode = "processes"
	ModeRemote    Mode = "remote"
)

// System is a running Inlet. Its client speaks for the tenant "main", which has no limits.
type System struct {
	*api.Client
	Events *api.Events
	Mode   Mode
	Bus    *peers.NATSServer // of Processes only

	t        testing.TB
	dir      string // of the data and the logs; empty for Remote
	keys     map[string]string
	services map[string]*service
}

// Limit is how long a test waits for anything that is bound to happen.
const Limit = 30 * time.Second

// Context ends after Limit, or with the test.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Limit)
	t.Cleanup(cancel)
	return ctx
}

// Retry asks until the answer is nil. When ctx ends first it returns the last answer.
func Retry(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // else it may tell of ctx only
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("still not so: %w", last)
		}
	}
}

// Eventually asks until the answer is nil, and fails the test with the last answer when that takes longer than limit.
func Eventually(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := Retry(ctx, ask); err != nil {
		t.Fatalf("within %s: %v", limit, err)
	}
}

// Tenant returns a client of another tenant, one that the System was started with. The test is skipped where there is none: a cluster that
// was up before has the tenants that it has.
func (s *System) Tenant(t testing.TB, id string) *api.Client {
	t.Helper()
	key, ok := s.keys[id]
	if !ok && s.Mode == ModeRemote {
		t.Skipf("the cluster has no tenant %q", id)
	}
	if !ok {
		t.Fatalf("the system was not started with a tenant %q", id)
	}
	return s.As(key)
}

// WaitState returns a file as soon as it is in the state; the test fails when it does not get there.
func (s *System) WaitState(t testing.TB, c *api.Client, id, state string) api.File {
	t.Helper()
	var f api.File
	Eventually(t, Limit, func() (err error) {
		if f, err = c.Get(t.Context(), id); err == nil && f.State != state {
			err = fmt.Errorf("the file is %s, not %s", f.State, state)
		}
		return err
	})
	return f
}

// subscribe gathers events from url until the test ends, and fails it for every one that is not as it must be.
func (s *System) subscribe(url string) {
	s.t.Helper()
	documented, err := contract.LoadEvents(contract.EventsDocument())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.Events, err = api.SubscribeChecked(Context(s.t), url, nil, documented.CheckMessage); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.Events.Close()
		for _, fault := range s.Events.Faults() {
			s.t.Error(fault)
		}
	})
}
