package mongo

import (
	"slices"
	"testing"
)

// TestSpentMarks: a mark that was put twice is taken once, and one that is about to be made not at all. The server refuses an update that names a
// field twice, and what it refuses is put back: every change of the account would be refused from then on.
func TestSpentMarks(t *testing.T) {
	var m spentMarks
	if got := m.take("t", "a"); len(got) != 0 {
		t.Errorf("the zero value has %q", got)
	}
	m.put("t", "a", "b", "a")
	m.put("t", "b", "c")
	m.put("other", "d")
	got := m.take("t", "c")
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("taken: %q, want a and b", got)
	}
	if got := m.take("t", ""); len(got) != 0 {
		t.Errorf("taken again: %q", got)
	}
	if got := m.take("other", ""); !slices.Equal(got, []string{"d"}) {
		t.Errorf("taken of another tenant: %q", got)
	}
}
