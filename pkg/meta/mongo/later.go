package mongo

import (
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// laterPause is between two tries to settle what was left open.
const laterPause = 500 * time.Millisecond

// lateLimit is how long a write that was sent, and is not there, may still be carried out by a server that has much to do.
const lateLimit = time.Minute

// settleLater brings an account behind a step of a record as soon as the database is back, where that has gone out in the middle. The record was written
// or, where that is in doubt, may have been. There are no more of these than calls were under way when the database went out; what is left when the
// Store is closed is for Recount.
func (s *Store) settleLater(d meta.Document, before int64, inDoubt bool) {
	s.later.Go(func() {
		began := time.Now()
		for pause(s.life, laterPause) == nil {
			err := s.settleNow(d, before, inDoubt)
			late := errors.Is(err, errNotThere) && time.Since(began) < lateLimit
			if !late && !file.Is(err, file.Unavailable) {
				return
			}
		}
	})
}

func (s *Store) settleNow(d meta.Document, before int64, inDoubt bool) error {
	step := stepOf(d, before)
	if inDoubt || d.Rev == 1 {
		stored, err := s.document(s.life, d)
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return translate(s.life, "mongo.later", err)
		}
		if step, err = stepTaken(stored, d, before); err != nil {
			return err
		}
	}
	return s.follow(s.life, step, true)
}

var (
	errNotThere = errors.New("the record has not been written")
	errOthers   = errors.New("the record was written by another, or that cannot be told any more")
)

// stepTaken compares a record, as it is stored, with the step that ended in d, and returns what its account is to follow, or one of the errors above.
//
// A record that was made, and may have moved on since as a file does as soon as somebody finds it, charges what it charges now, if nobody has settled that:
// its reservation tells. (What stands there in place of a file that was not made, never moves.) A delete is told by its time, since nothing but the end
// comes after it, and a rejection by the claim that it was made under, as the event that it owes is taken out soon. Of other steps that others have
// followed nobody can tell; Recount does.
func stepTaken(stored, d meta.Document, before int64) (step, error) {
	switch {
	case stored.Rev < d.Rev:
		return step{}, errNotThere
	case stored.Rev > d.Rev && d.Rev == 1:
		return stepOf(stored, stored.Charged), nil
	case stored.Rev > d.Rev:
		deleted := d.DeletedAt != 0 && stored.DeletedAt == d.DeletedAt
		rejected := d.State == string(file.Rejected) && stored.State == d.State && stored.ClaimToken == d.ClaimToken
		if !deleted && !rejected {
			return step{}, errOthers
		}
		return stepOf(d, before), nil
	}
	same, err := sameDocument(stored, d)
	if err == nil && !same {
		err = errOthers
	}
	if d.Rev == 1 {
		before = d.Charged
	}
	return stepOf(d, before), err
}
