package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

var _ meta.Auditor = (*Store)(nil)

// ScanDocuments returns the documents of all tenants in the order of ID.
func (s *Store) ScanDocuments(ctx context.Context, after file.ID, limit int) ([]meta.Document, error) {
	const op = "mongo.audit"
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	var list []meta.Document
	err := s.files.all(ctx, &list, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: string(after)}}}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
	return list, translate(ctx, op, err)
}

// Total adds up all accounts.
func (s *Store) Total(ctx context.Context) (meta.Account, error) {
	const op = "mongo.audit"
	var accounts []account
	if err := s.accounts.all(ctx, &accounts, bson.D{}, options.Find().SetProjection(bson.D{{Key: "used", Value: 1}, {Key: "held", Value: 1}})); err != nil {
		return meta.Account{}, translate(ctx, op, err)
	}
	var total meta.Account
	for _, a := range accounts {
		total.Used += a.Used
		for _, h := range a.Held {
			total.Held += h.Bytes
		}
	}
	return total, nil
}

// Reservations lists those of all accounts.
func (s *Store) Reservations(ctx context.Context) ([]meta.Reservation, error) {
	const op = "mongo.audit"
	var accounts []account
	if err := s.accounts.all(ctx, &accounts, bson.D{}, options.Find()); err != nil {
		return nil, translate(ctx, op, err)
	}
	var list []meta.Reservation
	for _, a := range accounts {
		for id, h := range a.Held {
			list = append(list, meta.Reservation{Tenant: file.Tenant(a.Tenant), ID: file.ID(id), Bytes: h.Bytes, Until: meta.Time(h.Until)})
		}
	}
	return list, nil
}
