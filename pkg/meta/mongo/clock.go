package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/clock"
)

// mark is the document that holds how far the clock of some process has come.
type mark struct {
	At int64 `bson:"at"` // microseconds
}

const markID = "mark"

// Now returns the time.
func (s *Store) Now() time.Time { return s.clock.Now() }

func (s *Store) startClock(ctx context.Context) (err error) {
	s.clock, err = clock.Start(ctx, serverClock{s}, clock.Options{})
	return err
}

// serverClock is the reference of all who share a database: the clock of its primary.
type serverClock struct{ *Store }

// Read asks the primary for its time (https://www.mongodb.com/docs/manual/reference/command/hello/, localTime).
func (c serverClock) Read(ctx context.Context) (time.Time, error) {
	var hello struct {
		LocalTime time.Time `bson:"localTime"`
	}
	err := c.files.Database().RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if err != nil {
		return time.Time{}, translate(ctx, "mongo.clock", err)
	}
	if hello.LocalTime.IsZero() {
		return time.Time{}, file.Errorf(file.Unavailable, "mongo.clock", "the server does not tell its time")
	}
	return hello.LocalTime, nil
}

// Mark returns what a process kept last.
func (c serverClock) Mark(ctx context.Context) (time.Time, error) {
	var m mark
	err := c.marks.FindOne(ctx, bson.D{{Key: "_id", Value: markID}}).Decode(&m)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return time.Time{}, nil
	}
	return meta.Time(m.At), translate(ctx, "mongo.clock", err)
}

// SetMark keeps the time. Processes that do so at once are no more apart than a round trip, so that it does not matter who comes last.
func (c serverClock) SetMark(ctx context.Context, at time.Time) error {
	_, err := c.marks.UpdateOne(ctx, bson.D{{Key: "_id", Value: markID}},
		bson.D{{Key: "$set", Value: mark{At: meta.Micros(at)}}}, options.UpdateOne().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return nil // another process has made the first at this moment
	}
	return translate(ctx, "mongo.clock", err)
}
