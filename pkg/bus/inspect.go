package bus

import "context"

// Backlog is what a durable consumer has before it.
type Backlog struct {
	Name    string // Work.Name
	Missing bool   // nobody has ever consumed under it
	Waiting int    // messages that nobody was given yet
	Held    int    // messages in the hands of workers, or put off
	Again   int    // of those, how many were given out before
	Asking  int    // requests of workers for more that are open: 0 when none is there, or all have enough to do
}

// Inspector is a Bus that tells how its consumers are doing.
type Inspector interface {
	// Inspect returns the backlogs of these consumers, in their order; of all that there are, by name, when none is named. Errors are
	// Unavailable and Cancelled.
	Inspect(ctx context.Context, consumers ...string) ([]Backlog, error)
}
