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
)

// webhookIndexes and deliveryIndexes are what the queries of this file use.
var (
	webhookIndexes  = []mongo.IndexModel{index(false, "tenant", "_id")}
	deliveryIndexes = []mongo.IndexModel{
		index(true, "webhook", "event_id"),
		index(false, "webhook", "_id", "state"),
		index(false, "due", "webhook"),
		index(false, "ended_at"),
	}
)

// webhooks is the collection of meta.WebhookRecord.
func (s *Store) webhooks() collection { return s.beside("webhooks") }

// deliveries is the collection of meta.DeliveryRecord.
func (s *Store) deliveries() collection { return s.beside("deliveries") }

func (s *Store) beside(name string) collection {
	return collection{s.files.Database().Collection(name), s.watch}
}

// makeHookIndexes makes those that are missing, one at a time as makeIndexes does.
func (s *Store) makeHookIndexes(ctx context.Context) error {
	for c, models := range map[collection][]mongo.IndexModel{s.webhooks(): webhookIndexes, s.deliveries(): deliveryIndexes} {
		for _, i := range models {
			if _, err := c.Indexes().CreateOne(ctx, i); err != nil {
				return translate(ctx, "mongo.index", err)
			}
		}
	}
	return nil
}

// CreateWebhook inserts a webhook. One that is there already, and the same, was inserted by a try without an answer.
func (s *Store) CreateWebhook(ctx context.Context, w *meta.Webhook) error {
	const op = "mongo.webhook"
	if w.Rev != 0 {
		return file.Errorf(file.Invalid, op, "a new webhook has no revision")
	}
	r, err := meta.FromWebhook(w)
	if err != nil {
		return err
	}
	err = untilAnswered(ctx, func(after bool) error {
		err := s.webhooks().insert(ctx, r)
		if mongo.IsDuplicateKeyError(err) {
			if after { // ids are random: nobody else has it
				return nil
			}
			return meta.Taken(meta.ConflictID)
		}
		return err
	})
	if err != nil {
		return translate(ctx, op, err)
	}
	w.Rev = r.Rev
	return nil
}

// Webhook returns a webhook of a tenant.
func (s *Store) Webhook(ctx context.Context, t file.Tenant, id string) (*meta.Webhook, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	var r meta.WebhookRecord
	if err := s.webhooks().first(ctx, &r, ofTenant(t, id)); err != nil {
		return nil, missing(ctx, "mongo.webhook", err)
	}
	return r.Webhook(), nil
}

// WebhooksOf returns the webhooks of a tenant.
func (s *Store) WebhooksOf(ctx context.Context, t file.Tenant, limit int) ([]*meta.Webhook, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	return s.listWebhooks(ctx, bson.D{{Key: "tenant", Value: string(t)}}, limit)
}

// ScanWebhooks returns the webhooks of all tenants in the order of ID.
func (s *Store) ScanWebhooks(ctx context.Context, after string, limit int) ([]*meta.Webhook, error) {
	return s.listWebhooks(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}, limit)
}

func (s *Store) listWebhooks(ctx context.Context, filter bson.D, limit int) ([]*meta.Webhook, error) {
	return records(ctx, s.webhooks(), meta.WebhookRecord.Webhook, filter, "_id", 1, 0, limit)
}

// UpdateWebhook replaces a webhook if nobody else did meanwhile.
func (s *Store) UpdateWebhook(ctx context.Context, w *meta.Webhook) error {
	r, err := meta.FromWebhook(w)
	if err != nil {
		return err
	}
	if err := s.replaceAt(ctx, s.webhooks(), append(ofTenant(w.Tenant, w.ID), bson.E{Key: "rev", Value: w.Rev}), r); err != nil {
		return err
	}
	w.Rev = r.Rev
	return nil
}

// RemoveWebhook removes a webhook, and then its deliveries.
func (s *Store) RemoveWebhook(ctx context.Context, t file.Tenant, id string) error {
	const op = "mongo.webhook"
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	removed, err := s.webhooks().remove(ctx, ofTenant(t, id))
	if err != nil || !removed {
		return translate(ctx, op, err)
	}
	deliveries := s.deliveries()
	err = deliveries.watch.attend(ctx, func(ctx context.Context) error {
		_, err := deliveries.DeleteMany(ctx, bson.D{{Key: "webhook", Value: id}})
		return err
	})
	return translate(ctx, op, err)
}

// AddDelivery inserts a delivery unless the webhook has one of the event.
func (s *Store) AddDelivery(ctx context.Context, d *meta.Delivery) (bool, error) {
	const op = "mongo.delivery"
	if d.Rev != 0 {
		return false, file.Errorf(file.Invalid, op, "a new delivery has no revision")
	}
	r, err := meta.FromDelivery(d)
	if err != nil {
		return false, err
	}
	err = untilAnswered(ctx, func(bool) error { return s.deliveries().insert(ctx, r) })
	if mongo.IsDuplicateKeyError(err) {
		return false, nil
	}
	if err != nil {
		return false, translate(ctx, op, err)
	}
	d.Rev = r.Rev
	return true, nil
}

// Delivery returns a delivery of a tenant.
func (s *Store) Delivery(ctx context.Context, t file.Tenant, id string) (*meta.Delivery, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	var r meta.DeliveryRecord
	if err := s.deliveries().first(ctx, &r, ofTenant(t, id)); err != nil {
		return nil, missing(ctx, "mongo.delivery", err)
	}
	return r.Delivery(), nil
}

// UpdateDelivery replaces a delivery if nobody else did meanwhile.
func (s *Store) UpdateDelivery(ctx context.Context, d *meta.Delivery) error {
	r, err := meta.FromDelivery(d)
	if err != nil {
		return err
	}
	filter := append(ofTenant(d.Tenant, d.ID),
		bson.E{Key: "webhook", Value: d.Webhook}, bson.E{Key: "event_id", Value: d.EventID}, bson.E{Key: "rev", Value: d.Rev})
	if err := s.replaceAt(ctx, s.deliveries(), filter, r); err != nil {
		return err
	}
	d.Rev = r.Rev
	return nil
}

// RemoveDelivery removes a delivery.
func (s *Store) RemoveDelivery(ctx context.Context, id string) error {
	_, err := s.deliveries().remove(ctx, bson.D{{Key: "_id", Value: id}})
	return translate(ctx, "mongo.delivery", err)
}

// Deliveries returns the deliveries that match, the newest first.
func (s *Store) Deliveries(ctx context.Context, q meta.DeliveryQuery) ([]*meta.Delivery, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	filter := bson.D{{Key: "webhook", Value: q.Webhook}}
	if q.Before != "" {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$lt", Value: q.Before}}})
	}
	if len(q.States) > 0 {
		var states bson.A
		for _, state := range q.States {
			states = append(states, string(state))
		}
		filter = append(filter, bson.E{Key: "state", Value: bson.D{{Key: "$in", Value: states}}})
	}
	return records(ctx, s.deliveries(), meta.DeliveryRecord.Delivery, filter, "_id", -1, q.Offset, q.Limit)
}

// DueDeliveries returns what is due.
func (s *Store) DueDeliveries(ctx context.Context, before time.Time, skip []string, limit int) ([]*meta.Delivery, error) {
	filter := bson.D{{Key: "due", Value: bson.D{{Key: "$lte", Value: meta.Micros(before)}}}} // a number: it matches no document without the field
	if len(skip) > 0 {
		filter = append(filter, bson.E{Key: "webhook", Value: bson.D{{Key: "$nin", Value: skip}}})
	}
	return records(ctx, s.deliveries(), meta.DeliveryRecord.Delivery, filter, "due", 1, 0, limit)
}

// EndedDeliveries returns what ended until a time.
func (s *Store) EndedDeliveries(ctx context.Context, before time.Time, limit int) ([]*meta.Delivery, error) {
	filter := bson.D{{Key: "ended_at", Value: bson.D{{Key: "$lte", Value: meta.Micros(before)}}}}
	return records(ctx, s.deliveries(), meta.DeliveryRecord.Delivery, filter, "ended_at", 1, 0, limit)
}

// replaceAt replaces the document that the filter finds at its revision; a ConflictRev when there is none. A try whose answer is lost is not
// repeated: whoever changes a webhook or a delivery reads it again.
func (s *Store) replaceAt(ctx context.Context, c collection, filter bson.D, document any) error {
	matched, err := c.replace(ctx, filter, document)
	if err != nil {
		return translate(ctx, "mongo.webhook", err)
	}
	if !matched {
		return meta.Taken(meta.ConflictRev)
	}
	return nil
}

// records lists the documents that match in the order of one field.
func records[R, T any](ctx context.Context, c collection, value func(R) T, filter bson.D, by string, direction, offset, limit int) ([]T, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	var found []R
	err := c.all(ctx, &found, filter, options.Find().SetSort(bson.D{{Key: by, Value: direction}}).SetSkip(int64(offset)).SetLimit(int64(limit)))
	if err != nil {
		return nil, translate(ctx, "mongo.webhook", err)
	}
	var list []T
	for _, r := range found {
		list = append(list, value(r))
	}
	return list, nil
}

func ofTenant(t file.Tenant, id string) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "tenant", Value: string(t)}}
}

// missing translates the error of a look for one document.
func missing(ctx context.Context, op string, err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return file.Errorf(file.NotFound, op, "not found")
	}
	return translate(ctx, op, err)
}
