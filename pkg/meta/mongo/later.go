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

// settleLater brings an account behind a step of a record as soon as the database is back, where that has gone out in the middle. The record was written
// or, where that is in doubt, may have been. There are no more of these than calls were under way when the database went out; what is left when the
// Store is closed is for Recount.
func (s *Store) settleLater(d meta.Document, before int64, inDoubt bool) {
	s.later.Go(func() {
		for pause(s.life, laterPause) == nil {
			if !file.Is(s.settleNow(d, before, inDoubt), file.Unavailable) {
				return
			}
		}
	})
}

func (s *Store) settleNow(d meta.Document, before int64, inDoubt bool) error {
	if inDoubt {
		stored, err := s.document(s.life, d)
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return translate(s.life, "mongo.later", err)
		}
		if written, err := stepWritten(stored, d); err != nil || !written {
			return err
		}
	}
	return s.follow(s.life, stepOf(d, before))
}

// stepWritten reports whether a record, as it is stored, has taken the step that ended in d: it is as the step left it, or the step made it and it has moved
// on since, as a file does as soon as somebody finds it. (What stands there in place of a file that was not made, never moves.) Of a later step nobody
// can tell when others have followed; Recount does.
func stepWritten(stored, d meta.Document) (bool, error) {
	if d.Rev == 1 && stored.Rev > 1 {
		return true, nil
	}
	return sameDocument(stored, d)
}
