// Package bustest is the conformance suite of bus.Bus: what every driver must do, shown against a real peer.
//
// It holds no driver and no fake. It needs nothing of a peer but the functions in Suite.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
)

// Suite is a driver under test, and what can be done to the peer that it speaks to.
type Suite struct {
	// Open returns a new connection; the suite closes it. All connections are to one peer. It works while the peer is stopped.
	Open func(t testing.TB) bus.Bus
	// Stop ends the peer and Start brings it back, with the same address and store. Both nil when it cannot be stopped.
	Stop, Start func(t testing.TB)
	// Wipe deletes all that the running peer has stored. nil when it cannot be.
	Wipe func(t testing.TB)
}

// Run runs every case that the peer allows. A case that it does not allow is skipped by name.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		fn   func(*testing.T, Suite)
	}{
		{"Deliver", testDeliver},
		{"ExactlyOnce", testExactlyOnce},
		{"Dedupe", testDedupe},
		{"SharedName", testSharedName},
		{"OwnName", testOwnName},
		{"Durable", testDurable},
		{"Stop", testStop},
		{"StopCancelled", testStopCancelled},
		{"Cancelled", testCancelled},
		{"Invalid", testInvalid},
		{"Watch", testWatch},
		{"Retry", testRetry},
		{"Delayed", testDelayed},
		{"Permanent", testPermanent},
		{"LastAttempt", testLastAttempt},
		{"DeadFails", testDeadFails},
		{"Panic", testPanic},
		{"Heartbeat", testHeartbeat},
		{"Wiped", testWiped},
		{"Absent", testAbsent},
		{"Restart", testRestart},
		{"Lost", testLost},
		{"Request", testRequest},
		{"RequestMany", testRequestMany},
		{"RequestShared", testRequestShared},
		{"RequestNobody", testRequestNobody},
		{"RequestSlow", testRequestSlow},
		{"RequestErrors", testRequestErrors},
		{"RequestLarge", testRequestLarge},
		{"RequestStop", testRequestStop},
		{"RequestInvalid", testRequestInvalid},
		{"RequestRestart", testRequestRestart},
		{"Replay", testReplay},
		{"ReplaySubjects", testReplaySubjects},
		{"ReplayMany", testReplayMany},
		{"ReplayWiped", testReplayWiped},
		{"Follow", testFollow},
		{"FollowRestart", testFollowRestart},
	} {
		t.Run(c.name, func(t *testing.T) { c.fn(t, s) })
	}
}

// patience is how long a case waits for what must happen.
const patience = 30 * time.Second

var errTest = errors.New("as the test wants it")

// fixture is one connection with a subject and a work name that no other case uses.
type fixture struct {
	bus.Bus
	subject string
	name    string
}

var unique = struct {
	sync.Mutex
	n    int
	base string
}{base: fmt.Sprintf("t%x", time.Now().UnixNano())}

func open(t testing.TB, s Suite) fixture {
	t.Helper()
	b := s.Open(t)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	unique.Lock()
	defer unique.Unlock()
	unique.n++
	name := fmt.Sprintf("%s-%d", unique.base, unique.n)
	return fixture{Bus: b, subject: "inlet.v1.test." + name, name: name}
}

// work is a Work of this fixture with quick delays.
func (f fixture) work(h bus.Handler) bus.Work {
	return bus.Work{
		Name:     f.name,
		Subjects: []string{f.subject},
		AckWait:  patience, // so that a case that relies on a redelivery by time-out fails
		Backoff:  []time.Duration{10 * time.Millisecond, 20 * time.Millisecond},
		Handle:   h,
	}
}

// publish sends messages with these ids, each until the bus takes it.
func (f fixture) publish(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		m := f.message(id)
		eventually(t, "the bus takes "+id, func() bool { return f.Publish(t.Context(), m) == nil })
	}
}

func (f fixture) message(id string) bus.Message {
	return bus.Message{ID: f.name + "-" + id, Subject: f.subject, Data: []byte(id)}
}

// start runs Consume and returns what ends it. A case that does not end it has it ended at its end.
func start(t testing.TB, b bus.Bus, w bus.Work) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, w) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Consume returned %v, want nil", err)
			}
		case <-time.After(bus.Drain + patience):
			t.Error("Consume did not return")
		}
	})
	t.Cleanup(stop)
	return stop
}

// record notes the deliveries that it is given.
type record struct {
	mu   sync.Mutex
	list []bus.Delivery
	at   []time.Time
}

func (r *record) add(d bus.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, d)
	r.at = append(r.at, time.Now())
}

// handle is a Handler that succeeds.
func (r *record) handle(_ context.Context, d bus.Delivery) error {
	r.add(d)
	return nil
}

func (r *record) all() []bus.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]bus.Delivery(nil), r.list...)
}

// times counts the deliveries by their data.
func (r *record) times() map[string]int {
	n := make(map[string]int)
	for _, d := range r.all() {
		n[string(d.Data)]++
	}
	return n
}

func (r *record) await(t testing.TB, n int) []bus.Delivery {
	t.Helper()
	eventually(t, fmt.Sprintf("%d deliveries", n), func() bool { return len(r.all()) >= n })
	return r.all()
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("did not happen within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// never watches for d that cond does not come to hold.
func never(t testing.TB, d time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if cond() {
			t.Fatalf("happened: %s", what)
		}
		select {
		case <-deadline.C:
			return
		case <-tick.C:
		}
	}
}

// await waits for a channel.
func await[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("did not happen within %s: %s", patience, what)
	}
	return v
}
