package mongo

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

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

func TestStepTaken(t *testing.T) {
	now := time.Now()
	at := func(rev int64, state file.State, by string) meta.Document {
		f := &file.File{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Tenant: "t", Number: 1, State: state, Size: 10}
		if by != "" {
			f.Deleted = file.Actor{ID: by, At: now}
		}
		d, err := document(f, rev)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	made := at(1, file.Pending, "")
	deleted := at(4, file.Deleting, "u")
	another := deleted
	another.DeletedAt++
	claimed := at(5, file.Rejected, "")
	claimed.ClaimToken++
	for _, tt := range []struct {
		what      string
		stored, d meta.Document
		before    int64
		want      step
		err       error
	}{
		{"as it was made", made, made, 0, stepOf(made, 10), nil},
		{"verified since", at(3, file.Ready, ""), made, 0, step{tenant: "t", id: made.ID, rev: 3, before: 10, after: 10}, nil},
		{"deleted since", deleted, made, 0, step{tenant: "t", id: made.ID, rev: 4}, nil},
		{"not made", meta.Document{}, made, 0, step{}, errNotThere},
		{"fenced off", at(1, file.Gone, "fence"), made, 0, step{}, errOthers},
		{"as it was changed", deleted, deleted, 10, stepOf(deleted, 10), nil},
		{"not changed", at(3, file.Ready, ""), deleted, 10, step{}, errNotThere},
		{"changed by another", at(4, file.Ready, ""), deleted, 10, step{}, errOthers},
		{"erased since", at(5, file.Gone, "u"), deleted, 10, stepOf(deleted, 10), nil},
		{"deleted by another", another, at(3, file.Deleting, "u"), 10, step{}, errOthers},
		{"published since", at(5, file.Rejected, ""), at(4, file.Rejected, ""), 10, step{tenant: "t", id: made.ID, rev: 4, before: 10}, nil},
		{"rejected by another", claimed, at(4, file.Rejected, ""), 10, step{}, errOthers},
		{"moved on", at(5, file.Ready, ""), at(4, file.Rejected, ""), 10, step{}, errOthers},
	} {
		got, err := stepTaken(tt.stored, tt.d, tt.before)
		if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || got != tt.want) {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.what, got, err, tt.want, tt.err)
		}
	}
}

func TestErrorsOfTheDriverAreOutages(t *testing.T) {
	for want, err := range map[file.Kind]error{
		file.Unavailable: mongo.CommandError{Message: "connection pool was cleared"},
		file.Internal:    mongo.CommandError{Code: 2, Message: "bad value"},
	} {
		if got := kindOf(err); got != want {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
}
