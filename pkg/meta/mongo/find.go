package mongo

import (
	"context"
	"errors"
	"regexp"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Find returns the records that match, in the order of Number.
func (s *Store) Find(ctx context.Context, q meta.Query) ([]*file.File, error) {
	if err := errors.Join(q.Validate(), meta.ValidateLimit(q.Limit)); err != nil {
		return nil, err
	}
	order := 1
	if q.Descending {
		order = -1
	}
	return s.list(ctx, "mongo.find", append(matching(q), between(q, q.After)...), options.Find().
		SetSort(bson.D{{Key: "number", Value: order}}).SetSkip(int64(q.Offset)).SetLimit(int64(q.Limit)))
}

// Count counts the records that match.
func (s *Store) Count(ctx context.Context, q meta.Query, most int64) (int64, error) {
	if err := errors.Join(q.Validate(), meta.ValidateMost(most)); err != nil {
		return 0, err
	}
	n, err := s.files.count(ctx, append(matching(q), between(q, 0)...), most)
	return n, translate(ctx, "mongo.count", err)
}

// between is the filter of the records after one of this Number, when it is not 0, up to q.Until.
func between(q meta.Query, after int64) bson.D {
	low, high := "$gt", "$lte"
	if q.Descending {
		low, high = "$lt", "$gte"
	}
	var window bson.D
	if after != 0 {
		window = append(window, bson.E{Key: low, Value: after})
	}
	if q.Until != 0 {
		window = append(window, bson.E{Key: high, Value: q.Until})
	}
	if window == nil {
		return nil
	}
	return bson.D{{Key: "number", Value: window}}
}

// matching is the filter that Find and Count have in common.
func matching(q meta.Query) bson.D {
	filter := bson.D{{Key: "tenant", Value: string(q.Tenant)}}
	if q.Parent != nil {
		filter = append(filter, bson.E{Key: "parent_kind", Value: q.Parent.Kind}, bson.E{Key: "parent_id", Value: q.Parent.ID})
	}
	if link := q.LinkKey(); link != "" {
		filter = append(filter, bson.E{Key: "link_index", Value: link})
	}
	if len(q.States) > 0 {
		var states bson.A
		for _, s := range q.States {
			states = append(states, string(s))
		}
		filter = append(filter, bson.E{Key: "state", Value: bson.D{{Key: "$in", Value: states}}})
	}
	if !q.NotExpiredAt.IsZero() {
		filter = append(filter, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "expires_at", Value: 0}},
			bson.D{{Key: "expires_at", Value: bson.D{{Key: "$gt", Value: meta.Micros(q.NotExpiredAt)}}}},
		}})
	}
	if low, high := q.TypeRange(); low != "" {
		filter = append(filter, bson.E{Key: "type_index", Value: bson.D{{Key: "$gte", Value: low}, {Key: "$lt", Value: high}}})
	}
	if q.Name != "" {
		// Every character stands for itself: the expression is as cheap as a search for a text.
		filter = append(filter, bson.E{Key: "name_index", Value: bson.D{{Key: "$regex", Value: regexp.QuoteMeta(meta.Fold(q.Name))}}})
	}
	return filter
}

// Due returns what is due in a queue.
func (s *Store) Due(ctx context.Context, d meta.Due, before time.Time, limit int) ([]*file.File, error) {
	work, err := d.Work()
	if err = errors.Join(err, meta.ValidateLimit(limit)); err != nil {
		return nil, err
	}
	filter, at := due(d, work, before)
	return s.list(ctx, "mongo.due", filter, options.Find().SetSort(bson.D{{Key: at, Value: 1}}).SetLimit(int64(limit)))
}

// due returns the filter of a queue, and the field that orders it.
func due(d meta.Due, work file.Work, before time.Time) (filter bson.D, at string) {
	upTo := bson.D{{Key: "$lte", Value: meta.Micros(before)}} // a number: it matches no document without the field
	if work != file.WorkNone {
		return bson.D{{Key: "work", Value: string(work)}, {Key: "work_at", Value: upTo}}, "work_at"
	}
	at = "due_" + string(d)
	return bson.D{{Key: at, Value: upTo}}, at
}

// Scan returns the records of all tenants in the order of ID.
func (s *Store) Scan(ctx context.Context, after file.ID, limit int) ([]*file.File, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	return s.list(ctx, "mongo.scan", bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: string(after)}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
}

func (s *Store) list(ctx context.Context, op string, filter bson.D, o *options.FindOptionsBuilder) ([]*file.File, error) {
	var found []meta.Document
	if err := s.files.all(ctx, &found, filter, o); err != nil {
		return nil, translate(ctx, op, err)
	}
	files := make([]*file.File, len(found))
	for i, d := range found {
		files[i] = d.File()
	}
	return files, nil
}
