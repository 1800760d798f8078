package mongo

import (
	"slices"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
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

func TestStepWritten(t *testing.T) {
	at := func(rev int64, state file.State, by string) meta.Document {
		d, err := document(&file.File{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Tenant: "t", Number: 1, State: state, Size: 10, Deleted: file.Actor{ID: by}}, rev)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		what      string
		stored, d meta.Document
		want      bool
	}{
		{"as it was made", at(1, file.Pending, ""), at(1, file.Pending, ""), true},
		{"verified since", at(3, file.Ready, ""), at(1, file.Pending, ""), true},
		{"never made", meta.Document{}, at(1, file.Pending, ""), false},
		{"fenced off", at(1, file.Gone, "fence"), at(1, file.Pending, ""), false},
		{"as it was changed", at(4, file.Deleting, "u"), at(4, file.Deleting, "u"), true},
		{"not changed", at(3, file.Ready, ""), at(4, file.Deleting, "u"), false},
		{"changed by another", at(4, file.Ready, ""), at(4, file.Deleting, "u"), false},
	} {
		if got, err := stepWritten(tt.stored, tt.d); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.what, got, err, tt.want)
		}
	}
}
