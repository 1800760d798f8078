package bus

import (
	"context"
	"time"
)

// DeadLetter is a message that a worker gave up, as it was kept.
type DeadLetter struct {
	Sequence uint64 // names the letter
	Message         // as it was delivered
	Work     string // Work.Name of who gave it up
	Reason   string // of its last attempt; for people
	Attempts int    // 0 when it is not known
	At       time.Time
}

// DeadLetters is a Bus that shows the letters it keeps. They are notes for people: what became of a file stands in its record.
// Errors are Unavailable, also where the connection may not read them, and Cancelled.
type DeadLetters interface {
	// DeadLetters calls fn for every letter with a greater sequence than after, the oldest first, until fn returns an error, which it returns.
	DeadLetters(ctx context.Context, after uint64, fn func(DeadLetter) error) error
	// DeadLetter returns one letter; NotFound without one.
	DeadLetter(ctx context.Context, sequence uint64) (DeadLetter, error)
	// CountDeadLetters returns how many there are.
	CountDeadLetters(ctx context.Context) (int, error)
	// DiscardDeadLetter removes a letter. Without one it does nothing.
	DiscardDeadLetter(ctx context.Context, sequence uint64) error
}
