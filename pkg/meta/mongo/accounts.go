package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// account is the document of a tenant's storage. Its id is the tenant, which is always a value and never a part of a field's name;
// the reservations are named by the ids of files, which are ULIDs.
type account struct {
	Tenant string          `bson:"_id"`
	Used   int64           `bson:"used"` // charged to records, and held
	Rev    int64           `bson:"rev"`  // grows with every change
	Held   map[string]hold `bson:"held"`
}

// hold is a reservation.
type hold struct {
	Bytes int64 `bson:"n"`
	Until int64 `bson:"until"` // microseconds
}

// maxTries bounds the attempts at an account that others keep changing. Each try that fails means that somebody else's has succeeded.
const maxTries = 100

var errBusy = errors.New("the account is being changed by too many others")

// Reserve sets storage aside in one update, which matches only while the bytes fit.
func (s *Store) Reserve(ctx context.Context, r meta.Reservation, limit int64) error {
	if err := r.Validate(); err != nil {
		return err
	}
	full := file.Errorf(file.OverQuota, "mongo.reserve", "the storage limit is reached")
	if r.Bytes > limit {
		return full // an account that does not exist would otherwise be made with too much in it
	}
	filter := bson.D{
		{Key: "_id", Value: string(r.Tenant)},
		{Key: "used", Value: bson.D{{Key: "$lte", Value: limit - r.Bytes}}},
	}
	field := heldField(string(r.ID))
	update := bson.D{
		{Key: "$inc", Value: bson.D{{Key: "used", Value: r.Bytes}, {Key: "rev", Value: int64(1)}, {Key: field + ".n", Value: r.Bytes}}},
		{Key: "$set", Value: bson.D{{Key: field + ".until", Value: meta.Micros(r.Until)}}},
	}
	matched, err := s.updateAccount(ctx, filter, update)
	if err != nil {
		return translate(ctx, "mongo.reserve", err)
	}
	if !matched {
		return full
	}
	return nil
}

// updateAccount changes the account that the filter matches, makes one when the tenant has none, and reports whether it did either.
func (s *Store) updateAccount(ctx context.Context, filter, update bson.D) (bool, error) {
	_, err := s.accounts.UpdateOne(ctx, filter, update, options.UpdateOne().SetUpsert(true))
	if err == nil {
		return true, nil
	}
	if !mongo.IsDuplicateKeyError(err) {
		return false, err
	}
	// There is an account, which the filter did not match, or which somebody made at this moment.
	r, err := s.accounts.UpdateOne(ctx, filter, update)
	return err == nil && r.MatchedCount > 0, err
}

func heldField(id string) string { return "held." + id }

// reservation returns the bytes reserved under an id.
func (s *Store) reservation(ctx context.Context, tenant, id string) (bytes int64, held bool, err error) {
	var a account
	err = s.accounts.FindOne(ctx, bson.D{{Key: "_id", Value: tenant}},
		options.FindOne().SetProjection(bson.D{{Key: heldField(id), Value: 1}})).Decode(&a)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, false, nil
	}
	h, held := a.Held[id]
	return h.Bytes, held, err
}

// charge lets the account follow a record that has changed: by so many bytes, and with the end of its reservation.
// The record is stored by now, so this goes on when ctx ends. A failure is an outcome that is not known: Unavailable.
func (s *Store) charge(ctx context.Context, d meta.Document, change int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
	defer cancel()
	err := s.settleAccount(ctx, d.Tenant, d.ID, change)
	if err != nil && !file.Is(err, file.NoSpace) {
		return file.Wrap(file.Unavailable, "mongo.charge", err)
	}
	return err
}

// settleAccount adds change to the tenant's usage and ends the reservation under id, in one update.
func (s *Store) settleAccount(ctx context.Context, tenant, id string, change int64) error {
	for range maxTries {
		bytes, held, err := s.reservation(ctx, tenant, id)
		if err != nil {
			return translate(ctx, "mongo.account", err)
		}
		if !held && change == 0 {
			return nil
		}
		var done bool
		if held {
			done, err = s.endReservation(ctx, tenant, id, bytes, change)
		} else {
			done, err = s.updateAccount(ctx,
				bson.D{{Key: "_id", Value: tenant}, {Key: heldField(id), Value: bson.D{{Key: "$exists", Value: false}}}},
				bson.D{{Key: "$inc", Value: bson.D{{Key: "used", Value: change}, {Key: "rev", Value: int64(1)}}}})
		}
		if err != nil || done {
			return translate(ctx, "mongo.account", err)
		}
	}
	return file.Wrap(file.Unavailable, "mongo.account", errBusy)
}

// endReservation takes a reservation of this many bytes out of the account and adds change, unless the reservation has changed or gone.
func (s *Store) endReservation(ctx context.Context, tenant, id string, bytes, change int64) (bool, error) {
	r, err := s.accounts.UpdateOne(ctx,
		bson.D{{Key: "_id", Value: tenant}, {Key: heldField(id) + ".n", Value: bytes}},
		bson.D{
			{Key: "$inc", Value: bson.D{{Key: "used", Value: change - bytes}, {Key: "rev", Value: int64(1)}}},
			{Key: "$unset", Value: bson.D{{Key: heldField(id), Value: ""}}},
		})
	return err == nil && r.MatchedCount > 0, err
}

// Release ends a reservation.
func (s *Store) Release(ctx context.Context, t file.Tenant, id file.ID) error {
	if err := errors.Join(meta.ValidateTenant(t), meta.ValidateID(id)); err != nil {
		return err
	}
	return s.settleAccount(ctx, string(t), string(id), 0)
}

// Account returns the tenant's storage.
func (s *Store) Account(ctx context.Context, t file.Tenant) (meta.Account, error) {
	a, err := s.account(ctx, t)
	if err != nil {
		return meta.Account{}, err
	}
	acc := meta.Account{Tenant: t, Used: a.Used}
	for _, h := range a.Held {
		acc.Held += h.Bytes
	}
	return acc, nil
}

// account reads the tenant's account; the zero account when there is none.
func (s *Store) account(ctx context.Context, t file.Tenant) (a account, err error) {
	if err := meta.ValidateTenant(t); err != nil {
		return a, err
	}
	err = s.accounts.FindOne(ctx, bson.D{{Key: "_id", Value: string(t)}}).Decode(&a)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return account{}, nil
	}
	return a, translate(ctx, "mongo.account", err)
}

// Recount compares the account with the records. A record and its account change one after the other: so when the two disagree it waits
// until what was under way has arrived, and corrects the account only if nothing has.
func (s *Store) Recount(ctx context.Context, t file.Tenant, now time.Time) (int64, error) {
	a, err := s.account(ctx, t)
	if err != nil {
		return 0, err
	}
	var holding []string // a record under one of these is counted by its reservation until the account has followed
	var lapsed bson.D
	var held int64
	for id, h := range a.Held {
		if h.Until < meta.Micros(now) {
			lapsed = append(lapsed, bson.E{Key: heldField(id), Value: ""})
			continue
		}
		holding = append(holding, id)
		held += h.Bytes
	}
	charged, err := s.sumCharged(ctx, t, holding)
	if err != nil {
		return 0, translate(ctx, "mongo.recount", err)
	}
	off := a.Used - charged - held
	if off == 0 && len(lapsed) == 0 {
		return 0, nil
	}
	if err := s.wait(ctx); err != nil {
		return 0, err
	}
	if err := s.correct(ctx, t, a.Rev, charged+held, lapsed); err != nil {
		return 0, translate(ctx, "mongo.recount", err)
	}
	return off, nil
}

// wait lets the settle time pass.
func (s *Store) wait(ctx context.Context) error {
	timer := time.NewTimer(s.settle)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, "mongo.recount", ctx.Err())
	}
}

// correct sets the usage and drops reservations in an account that is still at rev; 0 is an account that does not exist.
func (s *Store) correct(ctx context.Context, t file.Tenant, rev, used int64, lapsed bson.D) error {
	update := bson.D{
		{Key: "$set", Value: bson.D{{Key: "used", Value: used}}},
		{Key: "$inc", Value: bson.D{{Key: "rev", Value: int64(1)}}},
	}
	if len(lapsed) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: lapsed})
	}
	r, err := s.accounts.UpdateOne(ctx, bson.D{{Key: "_id", Value: string(t)}, {Key: "rev", Value: rev}}, update,
		options.UpdateOne().SetUpsert(rev == 0))
	if mongo.IsDuplicateKeyError(err) || err == nil && r.MatchedCount+r.UpsertedCount == 0 {
		return meta.Taken(meta.ConflictRev)
	}
	return err
}

// sumCharged adds up what the tenant's records charge, but for those with these ids.
func (s *Store) sumCharged(ctx context.Context, t file.Tenant, but []string) (int64, error) {
	match := bson.D{{Key: "tenant", Value: string(t)}}
	if len(but) > 0 {
		match = append(match, bson.E{Key: "_id", Value: bson.D{{Key: "$nin", Value: but}}})
	}
	cursor, err := s.files.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: match}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: nil}, {Key: "charged", Value: bson.D{{Key: "$sum", Value: "$charged"}}}}}},
	})
	if err != nil {
		return 0, err
	}
	var sums []struct {
		Charged int64 `bson:"charged"`
	}
	if err := cursor.All(ctx, &sums); err != nil {
		return 0, err
	}
	if len(sums) == 0 {
		return 0, nil
	}
	if sums[0].Charged < 0 {
		return 0, fmt.Errorf("the records of a tenant charge %d bytes", sums[0].Charged)
	}
	return sums[0].Charged, nil
}
