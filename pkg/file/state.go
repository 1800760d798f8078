package file

import "slices"

// State is where a file stands between its upload and its end.
type State string

// The states. Temp is a promise without bytes (an open upload); only Ready is served; Gone is the tombstone.
const (
	Temp     State = "temp"
	Pending  State = "pending"
	Ready    State = "ready"
	Rejected State = "rejected"
	Failed   State = "failed"
	Deleting State = "deleting"
	Gone     State = "gone"
)

// States lists every state in the order of a file's life.
var States = []State{Temp, Pending, Ready, Rejected, Failed, Deleting, Gone}

// next holds the moves that are allowed. Nothing leaves Deleting but to Gone, and nothing leaves Gone.
// Failed goes back to Pending when an operator replays its work.
var next = map[State][]State{
	Temp:     {Pending, Deleting},
	Pending:  {Ready, Rejected, Failed, Deleting},
	Ready:    {Deleting},
	Rejected: {Deleting},
	Failed:   {Pending, Deleting},
	Deleting: {Gone},
}

// Final reports whether no worker moves a file out of s by itself.
func (s State) Final() bool { return s == Ready || s == Rejected || s == Failed || s == Gone }

// Valid reports whether s is one of States.
func (s State) Valid() bool { return slices.Contains(States, s) }

// CanMove reports whether a file in state s may move to state to.
func (s State) CanMove(to State) bool { return slices.Contains(next[s], to) }

// Move changes the state, or returns a Conflict error and leaves f as it was.
func (f *File) Move(to State) error {
	if !f.State.CanMove(to) {
		return Errorf(Conflict, "state.move", "a file that is %s cannot become %s", f.State, to)
	}
	f.State = to
	return nil
}
