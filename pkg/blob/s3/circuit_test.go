package s3

import (
	"errors"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// step is something that happens to a circuit, some time after the step before.
type step struct {
	after time.Duration
	do    func(*circuit)
	lets  bool // an operation begin afterwards
}

func failing(c *circuit)   { c.failed() }
func answering(c *circuit) { c.answered() }
func nothing(*circuit)     {}

func TestCircuit(t *testing.T) {
	for name, steps := range map[string][]step{
		"failures among answers": {
			{0, failing, true}, {outFor, failing, true}, {0, answering, true}, {outFor, failing, true}, {0, failing, true},
		},
		"many failures in a short time": {
			{0, failing, true}, {0, failing, true}, {0, failing, true}, {outFor - 1, failing, true}, {1, failing, false},
		},
		"few failures in a long time": {
			{time.Hour, failing, true}, {time.Hour, failing, true}, {time.Hour, failing, false},
		},
		"a trial now and then": {
			{outFor, failing, true}, {0, failing, true}, {0, failing, false},
			{trialEvery - 1, nothing, false}, {1, nothing, true}, {0, nothing, false},
			{0, failing, false}, {trialEvery, nothing, true},
		},
		"back": {
			{outFor, failing, true}, {0, failing, true}, {0, failing, false}, {0, answering, true}, {0, failing, true},
			{outFor, failing, true}, {0, failing, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1e9, 0)
			c := newCircuit(func() time.Time { return now })
			for i, s := range steps {
				now = now.Add(s.after)
				s.do(c)
				_, err := c.admit()
				if (err == nil) != s.lets {
					t.Fatalf("step %d: %v", i, err)
				}
				if err != nil && (!file.Is(err, file.Unavailable) || !errors.Is(err, errOut)) {
					t.Fatalf("step %d: %v, want unavailable", i, err)
				}
			}
		})
	}
}

// What had begun before the circuit opened is told; what begins as a trial is not cut short by what was before it.
func TestCircuitEndsWhatHasBegun(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := newCircuit(func() time.Time { return now })
	before, err := c.admit()
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(outFor)
	for range outAfter {
		if before.Err() != nil {
			t.Fatal("ended before the circuit opened")
		}
		c.failed()
	}
	if before.Err() == nil {
		t.Error("it goes on when the server is out")
	}
	now = now.Add(trialEvery)
	trial, err := c.admit()
	if err != nil || trial.Err() != nil {
		t.Errorf("a trial: %v, its context %v", err, trial.Err())
	}
	c.answered()
	after, err := c.admit()
	if err != nil || after.Err() != nil {
		t.Errorf("after the return: %v, its context %v", err, after.Err())
	}
}
