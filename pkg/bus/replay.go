package bus

import (
	"context"
	"time"
)

// Place is where a message stands among all that a bus has stored. The zero value stands before everything.
type Place struct {
	Store    string // names what is kept; another one once the bus has lost it and begun anew
	Sequence uint64 // grows from message to message of one Store
}

// Kept is a message as the bus keeps it.
type Kept struct {
	Message
	Place Place
	At    time.Time // when it was stored, by the clock of the bus
}

// Start says where a reading of what is kept begins.
type Start struct {
	After Place     // behind this place, when it has a Store
	Since time.Time // else with what was stored at this time or later; with the oldest there is when zero
}

// Replayer is a Bus that keeps what was published for some time, and tells it again in the order in which it was stored.
//
// Readers disturb neither workers nor each other: nothing is acknowledged. Errors of the methods are Unavailable while the bus is out, and
// Cancelled; NotFound when what follows Start.After is not kept any more, be it for its age or because the store was lost. An error of fn ends
// a reading and is returned as it is. After any of them one may read on After the last message that came.
type Replayer interface {
	// End returns the place of the newest message.
	End(ctx context.Context) (Place, error)
	// Replay calls fn for each message on the subjects from a place on, one after the other, and returns nil behind the last that was
	// stored when it was called. It may go on with later ones.
	Replay(ctx context.Context, from Start, subjects []string, fn func(Kept) error) error
	// Follow does the same and goes on with what is stored from then on. It never returns nil.
	Follow(ctx context.Context, from Start, subjects []string, fn func(Kept) error) error
}
