package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

const (
	insertWebhook   = `INSERT INTO webhooks (id, tenant, rev, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	updateWebhook   = `UPDATE webhooks SET rev = ?, doc = ? WHERE id = ? AND tenant = ? AND rev = ?`
	deleteWebhook   = `DELETE FROM webhooks WHERE id = ? AND tenant = ?`
	selectWebhook   = `SELECT doc FROM webhooks WHERE id = ? AND tenant = ?`
	selectWebhooks  = `SELECT doc FROM webhooks WHERE tenant = ? ORDER BY id LIMIT ?`
	scanWebhooks    = `SELECT doc FROM webhooks WHERE id > ? ORDER BY id LIMIT ?`
	insertDelivery  = `INSERT INTO deliveries (id, webhook, tenant, event, state, due, ended, rev, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	updateDelivery  = `UPDATE deliveries SET state = ?, due = ?, ended = ?, rev = ?, doc = ? WHERE id = ? AND webhook = ? AND tenant = ? AND event = ? AND rev = ?`
	deleteDelivery  = `DELETE FROM deliveries WHERE id = ?`
	deleteHooked    = `DELETE FROM deliveries WHERE webhook = ?`
	selectDelivery  = `SELECT doc FROM deliveries WHERE id = ? AND tenant = ?`
	endedDeliveries = `SELECT doc FROM deliveries WHERE ended <= ? ORDER BY ended LIMIT ?`
)

// CreateWebhook inserts a webhook.
func (s *Store) CreateWebhook(ctx context.Context, w *meta.Webhook) error {
	const op = "sqlite.webhook"
	if w.Rev != 0 {
		return file.Errorf(file.Invalid, op, "a new webhook has no revision")
	}
	return s.saveWebhook(ctx, w, meta.ConflictID, func(r meta.WebhookRecord, doc []byte) (string, []any) {
		return insertWebhook, []any{r.ID, r.Tenant, r.Rev, doc}
	})
}

// UpdateWebhook replaces a webhook if nobody else did meanwhile.
func (s *Store) UpdateWebhook(ctx context.Context, w *meta.Webhook) error {
	return s.saveWebhook(ctx, w, meta.ConflictRev, func(r meta.WebhookRecord, doc []byte) (string, []any) {
		return updateWebhook, []any{r.Rev, doc, r.ID, r.Tenant, w.Rev}
	})
}

func (s *Store) saveWebhook(ctx context.Context, w *meta.Webhook, conflict string, statement func(meta.WebhookRecord, []byte) (string, []any)) error {
	const op = "sqlite.webhook"
	r, err := meta.FromWebhook(w)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(r)
	if err != nil {
		return file.Wrap(file.Internal, op, err)
	}
	query, args := statement(r, doc)
	changed, err := s.change(ctx, op, query, args...)
	if err != nil {
		return err
	}
	if !changed {
		return meta.Taken(conflict)
	}
	w.Rev = r.Rev
	return nil
}

// RemoveWebhook removes a webhook and its deliveries in one transaction.
func (s *Store) RemoveWebhook(ctx context.Context, t file.Tenant, id string) error {
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	return s.writer.do(ctx, "sqlite.webhook", func(b *batch) error {
		if b.exec(deleteWebhook, id, string(t)) && b.affected > 0 {
			b.exec(deleteHooked, id)
		}
		return b.broken
	})
}

// Webhook returns a webhook of a tenant.
func (s *Store) Webhook(ctx context.Context, t file.Tenant, id string) (*meta.Webhook, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	return only(s.webhooks(ctx, selectWebhook, id, string(t)))
}

// WebhooksOf returns the webhooks of a tenant.
func (s *Store) WebhooksOf(ctx context.Context, t file.Tenant, limit int) ([]*meta.Webhook, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	return s.webhooks(ctx, selectWebhooks, string(t), limit)
}

// ScanWebhooks returns the webhooks of all tenants in the order of ID.
func (s *Store) ScanWebhooks(ctx context.Context, after string, limit int) ([]*meta.Webhook, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	return s.webhooks(ctx, scanWebhooks, after, limit)
}

// AddDelivery inserts a delivery unless the webhook has one of the event.
func (s *Store) AddDelivery(ctx context.Context, d *meta.Delivery) (bool, error) {
	const op = "sqlite.delivery"
	if d.Rev != 0 {
		return false, file.Errorf(file.Invalid, op, "a new delivery has no revision")
	}
	r, doc, err := encodeDelivery(d)
	if err != nil {
		return false, err
	}
	added, err := s.change(ctx, op, insertDelivery,
		r.ID, r.Webhook, r.Tenant, r.EventID, r.State, orNull(r.Due), orNull(r.EndedAt), r.Rev, doc)
	if added {
		d.Rev = r.Rev
	}
	return added, err
}

// UpdateDelivery replaces a delivery if nobody else did meanwhile.
func (s *Store) UpdateDelivery(ctx context.Context, d *meta.Delivery) error {
	r, doc, err := encodeDelivery(d)
	if err != nil {
		return err
	}
	changed, err := s.change(ctx, "sqlite.delivery", updateDelivery,
		r.State, orNull(r.Due), orNull(r.EndedAt), r.Rev, doc, r.ID, r.Webhook, r.Tenant, r.EventID, d.Rev)
	if err != nil {
		return err
	}
	if !changed {
		return meta.Taken(meta.ConflictRev)
	}
	d.Rev = r.Rev
	return nil
}

func encodeDelivery(d *meta.Delivery) (meta.DeliveryRecord, []byte, error) {
	r, err := meta.FromDelivery(d)
	if err != nil {
		return r, nil, err
	}
	doc, err := json.Marshal(r)
	return r, doc, file.Wrap(file.Internal, "sqlite.delivery", err)
}

// RemoveDelivery removes a delivery.
func (s *Store) RemoveDelivery(ctx context.Context, id string) error {
	_, err := s.change(ctx, "sqlite.delivery", deleteDelivery, id)
	return err
}

// change runs one statement in the writer and reports whether it changed a row.
func (s *Store) change(ctx context.Context, op, query string, args ...any) (bool, error) {
	if err := s.writable(); err != nil {
		return false, err
	}
	var changed bool // the writer's until it has answered
	err := s.writer.do(ctx, op, func(b *batch) error {
		changed = b.exec(query, args...) && b.affected > 0
		return b.broken
	})
	if err != nil {
		return false, err
	}
	return changed, nil
}

// Delivery returns a delivery of a tenant.
func (s *Store) Delivery(ctx context.Context, t file.Tenant, id string) (*meta.Delivery, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	return only(s.deliveries(ctx, selectDelivery, id, string(t)))
}

// Deliveries returns the deliveries that match, the newest first.
func (s *Store) Deliveries(ctx context.Context, q meta.DeliveryQuery) ([]*meta.Delivery, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	query, args := findDeliveries(q)
	return s.deliveries(ctx, query, args...)
}

func findDeliveries(q meta.DeliveryQuery) (string, []any) {
	before := q.Before
	if before == "" {
		before = "~" // after every id
	}
	args := []any{q.Webhook, before}
	in := ""
	if len(q.States) > 0 {
		in = ` AND state IN (` + marks(len(q.States)) + `)`
		for _, state := range q.States {
			args = append(args, string(state))
		}
	}
	return `SELECT doc FROM deliveries WHERE webhook = ? AND id < ?` + in + ` ORDER BY id DESC LIMIT ? OFFSET ?`, append(args, q.Limit, q.Offset)
}

// DueDeliveries returns what is due.
func (s *Store) DueDeliveries(ctx context.Context, before time.Time, skip []string, limit int) ([]*meta.Delivery, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	args := []any{meta.Micros(before)}
	for _, id := range skip {
		args = append(args, id)
	}
	return s.deliveries(ctx, dueDeliveries(len(skip)), append(args, limit)...)
}

// dueDeliveries is the query without those of n webhooks, which the index itself tells.
func dueDeliveries(n int) string {
	not := ""
	if n > 0 {
		not = ` AND webhook NOT IN (` + marks(n) + `)`
	}
	return `SELECT doc FROM deliveries WHERE due <= ?` + not + ` ORDER BY due LIMIT ?`
}

func marks(n int) string { return `?` + strings.Repeat(`, ?`, n-1) }

// EndedDeliveries returns what ended until a time.
func (s *Store) EndedDeliveries(ctx context.Context, before time.Time, limit int) ([]*meta.Delivery, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	return s.deliveries(ctx, endedDeliveries, meta.Micros(before), limit)
}

func (s *Store) webhooks(ctx context.Context, query string, args ...any) ([]*meta.Webhook, error) {
	return documents(ctx, s, "sqlite.webhooks", meta.WebhookRecord.Webhook, query, args...)
}

func (s *Store) deliveries(ctx context.Context, query string, args ...any) ([]*meta.Delivery, error) {
	return documents(ctx, s, "sqlite.deliveries", meta.DeliveryRecord.Delivery, query, args...)
}

// documents runs a query for records that are kept as JSON.
func documents[R, T any](ctx context.Context, s *Store, op string, value func(R) T, query string, args ...any) ([]T, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	var list []T
	err := each(ctx, s.readers, query, args, func(scan scanner) error {
		var doc sql.RawBytes
		if err := scan(&doc); err != nil {
			return err
		}
		var r R
		if err := json.Unmarshal(doc, &r); err != nil {
			return file.Wrap(file.Damaged, op, err)
		}
		list = append(list, value(r))
		return nil
	})
	if err != nil {
		return nil, s.readError(ctx, op, err)
	}
	return list, nil
}

// only is the one that was found; NotFound when there is none.
func only[T any](list []*T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, file.Errorf(file.NotFound, "sqlite.webhook", "not found")
	}
	return list[0], nil
}
