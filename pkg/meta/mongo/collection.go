package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// collection sends the commands of one collection, each of them only while the database is there (see watch). Errors are the driver's.
type collection struct {
	*mongo.Collection
	watch *watch
}

func (c collection) insert(ctx context.Context, document any) error {
	return c.watch.attend(ctx, func(ctx context.Context) error {
		_, err := c.InsertOne(ctx, document)
		return err
	})
}

// first decodes the first document that matches; mongo.ErrNoDocuments when none does.
func (c collection) first(ctx context.Context, into any, filter bson.D, fields ...string) error {
	return c.watch.attend(ctx, func(ctx context.Context) error {
		return c.FindOne(ctx, filter, only(fields)).Decode(into)
	})
}

// all decodes every document that matches into a slice.
func (c collection) all(ctx context.Context, into any, filter bson.D, o *options.FindOptionsBuilder) error {
	return c.watch.attend(ctx, func(ctx context.Context) error {
		cursor, err := c.Find(ctx, filter, o)
		if err != nil {
			return err
		}
		return cursor.All(ctx, into)
	})
}

// replace replaces the document that matches, and reports whether one did.
func (c collection) replace(ctx context.Context, filter bson.D, document any) (matched bool, err error) {
	err = c.watch.attend(ctx, func(ctx context.Context) error { return c.FindOneAndReplace(ctx, filter, document).Err() })
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// update changes the document that matches, or makes one where upsert is set, and reports whether it did either.
func (c collection) update(ctx context.Context, filter, change bson.D, upsert bool) (done bool, err error) {
	err = c.watch.attend(ctx, func(ctx context.Context) error {
		r, err := c.UpdateOne(ctx, filter, change, options.UpdateOne().SetUpsert(upsert))
		done = err == nil && r.MatchedCount+r.UpsertedCount > 0
		return err
	})
	return done, err
}

// remove removes the document that matches, and reports whether one did.
func (c collection) remove(ctx context.Context, filter bson.D) (matched bool, err error) {
	err = c.watch.attend(ctx, func(ctx context.Context) error {
		r, err := c.DeleteOne(ctx, filter)
		matched = err == nil && r.DeletedCount > 0
		return err
	})
	return matched, err
}

// count counts the documents that match, and stops at most.
func (c collection) count(ctx context.Context, filter bson.D, most int64) (n int64, err error) {
	err = c.watch.attend(ctx, func(ctx context.Context) error {
		n, err = c.CountDocuments(ctx, filter, options.Count().SetLimit(most))
		return err
	})
	return n, err
}

// aggregate decodes what a pipeline gives into a slice.
func (c collection) aggregate(ctx context.Context, into any, pipeline mongo.Pipeline) error {
	return c.watch.attend(ctx, func(ctx context.Context) error {
		cursor, err := c.Aggregate(ctx, pipeline)
		if err != nil {
			return err
		}
		return cursor.All(ctx, into)
	})
}

// only asks for some fields; for all when none is named.
func only(fields []string) *options.FindOneOptionsBuilder {
	o := options.FindOne()
	if len(fields) == 0 {
		return o
	}
	var projection bson.D
	for _, f := range fields {
		projection = append(projection, bson.E{Key: f, Value: 1})
	}
	return o.SetProjection(projection)
}

// A write that was not answered may have been done. Where it may be done twice, because its filter or a mark tells that it was, it is sent again.
const (
	answerWindow = time.Second           // from the first try to the last
	answerPause  = 20 * time.Millisecond // before the next
)

// untilAnswered repeats a write until the database has answered it. after tells a try that one before it has gone without an answer, and may have
// been done. It gives up after a while, and when the database is out, with the error of the last try.
func untilAnswered(ctx context.Context, write func(after bool) error) error {
	began := time.Now()
	for after := false; ; after = true {
		err := write(after)
		if err == nil || !unanswered(err) || time.Since(began) > answerWindow {
			return err
		}
		if pause(ctx, answerPause) != nil {
			return err
		}
	}
}
