package meta

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Walk is how far a care-taker has come on its way past all records, round after round, so that it goes on where it stopped when its process
// ends. It is no record: nothing is lost with it but the way that was made.
type Walk struct {
	Name  string    // of the care-taker
	After file.ID   // the last record that was passed in this round; empty at its beginning
	Began time.Time // of the round
	Ended time.Time // of the round; zero while it goes on
	Bytes int64     // that were read in this round
	// LastBytes is how many were read in the round before; 0 when there was none.
	LastBytes int64
	By        string    // who is on the way
	Until     time.Time // and until when nobody else is to be
	Rev       int64     // the revision this value was read at; 0 for a walk that was never saved
}

// Walks keeps the walks.
type Walks interface {
	// Walk returns what was saved of the walk of that name; a Walk with nothing but the name when nothing was.
	Walk(ctx context.Context, name string) (Walk, error)
	// SaveWalk saves w if it is still at w.Rev, and advances w.Rev by one; otherwise ConflictRev, and w is unchanged.
	SaveWalk(ctx context.Context, w *Walk) error
}

// WalkRecord is the stored form of a Walk.
type WalkRecord struct {
	Name      string `json:"name" bson:"_id"`
	After     string `json:"after,omitempty" bson:"after,omitempty"`
	Began     int64  `json:"began,omitempty" bson:"began,omitempty"`
	Ended     int64  `json:"ended,omitempty" bson:"ended,omitempty"`
	Bytes     int64  `json:"bytes,omitempty" bson:"bytes,omitempty"`
	LastBytes int64  `json:"last_bytes,omitempty" bson:"last_bytes,omitempty"`
	By        string `json:"by,omitempty" bson:"by,omitempty"`
	Until     int64  `json:"until,omitempty" bson:"until,omitempty"`
	Rev       int64  `json:"rev" bson:"rev"`
}

// FromWalk returns the stored form of w at the revision after its own, or an Invalid error for a walk without a name.
func FromWalk(w Walk) (WalkRecord, error) {
	if w.Name == "" {
		return WalkRecord{}, invalid("a walk has a name")
	}
	return WalkRecord{
		Name: w.Name, After: string(w.After), Began: Micros(w.Began), Ended: Micros(w.Ended),
		Bytes: w.Bytes, LastBytes: w.LastBytes, By: w.By, Until: Micros(w.Until), Rev: w.Rev + 1,
	}, nil
}

// Walk returns the walk that the record describes.
func (r WalkRecord) Walk() Walk {
	return Walk{
		Name: r.Name, After: file.ID(r.After), Began: Time(r.Began), Ended: Time(r.Ended),
		Bytes: r.Bytes, LastBytes: r.LastBytes, By: r.By, Until: Time(r.Until), Rev: r.Rev,
	}
}
