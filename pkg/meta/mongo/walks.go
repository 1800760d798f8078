package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/inlethq/inlet/pkg/meta"
)

// walks is the collection of meta.WalkRecord, by name.
func (s *Store) walks() *mongo.Collection { return s.files.Database().Collection("walks") }

// Walk returns what was saved of a walk.
func (s *Store) Walk(ctx context.Context, name string) (meta.Walk, error) {
	var r meta.WalkRecord
	err := s.walks().FindOne(ctx, bson.D{{Key: "_id", Value: name}}).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return meta.Walk{Name: name}, nil
	}
	return r.Walk(), translate(ctx, "mongo.walk", err)
}

// SaveWalk saves a walk if nobody else did meanwhile.
func (s *Store) SaveWalk(ctx context.Context, w *meta.Walk) error {
	const op = "mongo.walk"
	r, err := meta.FromWalk(*w)
	if err != nil {
		return err
	}
	if w.Rev == 0 {
		_, err = s.walks().InsertOne(ctx, r)
		if mongo.IsDuplicateKeyError(err) {
			return meta.Taken(meta.ConflictRev)
		}
	} else {
		var replaced *mongo.UpdateResult
		replaced, err = s.walks().ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.Name}, {Key: "rev", Value: w.Rev}}, r)
		if err == nil && replaced.MatchedCount == 0 {
			return meta.Taken(meta.ConflictRev)
		}
	}
	if err != nil {
		return translate(ctx, op, err)
	}
	w.Rev = r.Rev
	return nil
}
