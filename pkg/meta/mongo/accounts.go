package mongo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
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
	// Done marks the steps that were followed of late, and the records whose reservation Recount has ended (see follow): when, in microseconds.
	Done map[string]int64 `bson:"done"`
}

// hold is a reservation.
type hold struct {
	Bytes int64 `bson:"n"`
	Until int64 `bson:"until"` // microseconds
}

// maxTries bounds the attempts at an account that others keep changing. Each try that fails means that somebody else's has succeeded.
const maxTries = 100

// markLife is how long the mark of a change stays at least. It is looked for as long as a call takes.
const markLife = time.Hour

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
func (s *Store) updateAccount(ctx context.Context, filter, change bson.D) (bool, error) {
	done, err := s.accounts.update(ctx, filter, change, true)
	if !mongo.IsDuplicateKeyError(err) {
		return done, err
	}
	// There is an account, which the filter did not match, or which somebody made at this moment.
	return s.accounts.update(ctx, filter, change, false)
}

func heldField(id string) string { return "held." + id }

func doneField(mark string) string { return "done." + mark }

// charge lets the account follow a record that charged so much before. The record is stored by now: a failure is an outcome that is not known, Unavailable.
func (s *Store) charge(ctx context.Context, d meta.Document, before int64) error {
	err := s.follow(ctx, stepOf(d, before), false)
	if file.Is(err, file.Unavailable) {
		s.settleLater(d, before, false)
	}
	if err != nil && !file.Is(err, file.NoSpace) {
		return file.Wrap(file.Unavailable, "mongo.charge", err)
	}
	return err
}

// step is the change from one revision of a record to the next, as an account sees it.
type step struct {
	tenant, id    string
	rev           int64 // the new one; 0 where there is no record, and just a reservation ends
	before, after int64 // bytes charged
}

func stepOf(d meta.Document, before int64) step {
	return step{d.Tenant, d.ID, d.Rev, before, d.Charged}
}

// mark is the name of a step in account.Done; empty for the end of a reservation, which needs none.
func (c step) mark() string {
	if c.rev == 0 {
		return ""
	}
	return c.id + "_" + strconv.FormatInt(c.rev, 10)
}

// recountedMark says that Recount has ended the reservation of a record, and counted what the record charges.
func recountedMark(id string) string { return id + "_0" }

// follow brings an account behind a step of a record, once, however often the answers are lost. While there is a reservation under the record's id it
// stands for all that the record charges: it ends, and what the record charges now takes its place. Where it ends meanwhile, another step has taken it,
// which leaves this one to do, or Recount, which has counted this one.
//
// again says that the step was tried before this call, without an answer. Such a try may be carried out at any later time: its mark stays for Recount.
func (s *Store) follow(ctx context.Context, c step, again bool) error {
	held := false
	for range maxTries {
		var done bool
		err := untilAnswered(ctx, func(bool) (err error) {
			defer func() { again = again || unanswered(err) }()
			a, err := s.standing(ctx, c.tenant, c.id)
			if err != nil {
				return err
			}
			_, marked := a.Done[c.mark()]
			_, recounted := a.Done[recountedMark(c.id)]
			h, holds := a.Held[c.id]
			if marked || !holds && (held && recounted || c.before == c.after) {
				done, again = true, again || marked // by another call, perhaps, which may still have a try under way
				return nil
			}
			held = held || holds
			done, err = s.apply(ctx, c, h.Bytes, holds)
			return err
		})
		if err == nil && done && !again && c.rev != 0 {
			s.spent.put(c.tenant, c.mark())
		}
		if err != nil || done {
			return translate(ctx, "mongo.account", err)
		}
	}
	return file.Wrap(file.Unavailable, "mongo.account", errBusy)
}

// standing reads what an account says of one file; the zero account when there is none.
func (s *Store) standing(ctx context.Context, tenant, id string) (a account, err error) {
	err = s.accounts.first(ctx, &a, bson.D{{Key: "_id", Value: tenant}}, heldField(id), "done")
	if errors.Is(err, mongo.ErrNoDocuments) {
		return account{}, nil
	}
	return a, err
}

// apply changes an account in which the record has a reservation of this many bytes, or none, and leaves a mark: an account with the mark is not changed again.
// It takes out marks that nobody will look for any more. false means that the account is another by now.
func (s *Store) apply(ctx context.Context, c step, bytes int64, held bool) (bool, error) {
	absent := bson.D{{Key: "$exists", Value: false}}
	reservation := heldField(c.id)
	filter := bson.D{{Key: "_id", Value: c.tenant}, {Key: reservation, Value: absent}}
	change := c.after - c.before
	var set, unset bson.D
	if held {
		filter[1] = bson.E{Key: reservation + ".n", Value: bytes}
		change = c.after - bytes
		unset = append(unset, bson.E{Key: reservation, Value: ""})
	}
	spent := s.spent.take(c.tenant, c.mark())
	for _, mark := range spent {
		unset = append(unset, bson.E{Key: doneField(mark), Value: ""})
	}
	if mark := c.mark(); mark != "" {
		filter = append(filter, bson.E{Key: doneField(mark), Value: absent})
		set = append(set, bson.E{Key: doneField(mark), Value: meta.Micros(time.Now())})
	}
	update := bson.D{{Key: "$inc", Value: bson.D{{Key: "used", Value: change}, {Key: "rev", Value: int64(1)}}}}
	if len(set) > 0 {
		update = append(update, bson.E{Key: "$set", Value: set})
	}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	done, err := s.accounts.update(ctx, filter, update, !held)
	if !done {
		s.spent.put(c.tenant, spent...)
	}
	if mongo.IsDuplicateKeyError(err) { // there is an account, which the filter did not match
		return false, nil
	}
	return done, err
}

// spentMarks holds, by tenant, the marks that nobody will look for any more. The zero value is empty; it may be used by many goroutines.
//
// It is a set: an update that names a field twice is refused by the server.
type spentMarks struct {
	mu       sync.Mutex
	byTenant map[string]map[string]struct{}
}

func (m *spentMarks) put(tenant string, marks ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byTenant == nil {
		m.byTenant = map[string]map[string]struct{}{}
	}
	spent := m.byTenant[tenant]
	if spent == nil {
		spent = map[string]struct{}{}
		m.byTenant[tenant] = spent
	}
	for _, mark := range marks {
		spent[mark] = struct{}{}
	}
}

// take empties the set of a tenant, but for a mark that is about to be made.
func (m *spentMarks) take(tenant, but string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	spent := m.byTenant[tenant]
	delete(m.byTenant, tenant)
	delete(spent, but)
	return slices.Collect(maps.Keys(spent))
}

// Release ends a reservation.
func (s *Store) Release(ctx context.Context, t file.Tenant, id file.ID) error {
	if err := errors.Join(meta.ValidateTenant(t), meta.ValidateID(id)); err != nil {
		return err
	}
	return s.follow(ctx, step{tenant: string(t), id: string(id)}, false)
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
	err = s.accounts.first(ctx, &a, bson.D{{Key: "_id", Value: string(t)}})
	if errors.Is(err, mongo.ErrNoDocuments) {
		return account{}, nil
	}
	return a, translate(ctx, "mongo.account", err)
}

// Recount compares the account with the records. A record and its account change one after the other: so when the two disagree, or a record that
// is there still has its reservation, it waits until what was under way has arrived, and corrects the account only if nothing has.
func (s *Store) Recount(ctx context.Context, t file.Tenant, now time.Time) (int64, error) {
	a, err := s.account(ctx, t)
	if err != nil {
		return 0, err
	}
	landed, err := s.landed(ctx, t, a.Held)
	if err != nil {
		return 0, translate(ctx, "mongo.recount", err)
	}
	var over bson.D // reservations that have lapsed, or whose record is there, and old marks
	var counted bson.D
	var held int64
	for id, h := range a.Held {
		if landed[id] {
			counted = append(counted, bson.E{Key: doneField(recountedMark(id)), Value: meta.Micros(now)})
		}
		if landed[id] || h.Until < meta.Micros(now) {
			over = append(over, bson.E{Key: heldField(id), Value: ""})
			continue
		}
		held += h.Bytes
	}
	for mark, at := range a.Done {
		if at < meta.Micros(now.Add(-markLife)) {
			over = append(over, bson.E{Key: doneField(mark), Value: ""})
		}
	}
	charged, err := s.sumCharged(ctx, t)
	if err != nil {
		return 0, translate(ctx, "mongo.recount", err)
	}
	off := a.Used - charged - held
	if off == 0 && len(over) == 0 {
		return 0, nil
	}
	if err := pause(ctx, s.settle); err != nil {
		return 0, file.Wrap(file.Cancelled, "mongo.recount", err)
	}
	if err := s.correct(ctx, t, a.Rev, charged+held, over, counted); err != nil {
		return 0, translate(ctx, "mongo.recount", err)
	}
	return off, nil
}

// landed returns those of the reservations whose record is there: their writer died before the account followed, or is about to let it follow.
func (s *Store) landed(ctx context.Context, t file.Tenant, held map[string]hold) (map[string]bool, error) {
	if len(held) == 0 {
		return nil, nil
	}
	var list []struct {
		ID string `bson:"_id"`
	}
	err := s.files.all(ctx, &list, bson.D{{Key: "tenant", Value: string(t)}, {Key: "_id", Value: bson.D{{Key: "$in", Value: slices.Collect(maps.Keys(held))}}}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	ids := make(map[string]bool, len(list))
	for _, d := range list {
		ids[d.ID] = true
	}
	return ids, nil
}

// correct sets the usage, drops reservations and leaves marks in an account that is still at rev; 0 is an account that does not exist.
func (s *Store) correct(ctx context.Context, t file.Tenant, rev, used int64, over, counted bson.D) error {
	update := bson.D{
		{Key: "$set", Value: append(counted, bson.E{Key: "used", Value: used})},
		{Key: "$inc", Value: bson.D{{Key: "rev", Value: int64(1)}}},
	}
	if len(over) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: over})
	}
	done, err := s.accounts.update(ctx, bson.D{{Key: "_id", Value: string(t)}, {Key: "rev", Value: rev}}, update, rev == 0)
	if mongo.IsDuplicateKeyError(err) || err == nil && !done {
		return meta.Taken(meta.ConflictRev)
	}
	return err
}

// sumCharged adds up what the tenant's records charge.
func (s *Store) sumCharged(ctx context.Context, t file.Tenant) (int64, error) {
	var sums []struct {
		Charged int64 `bson:"charged"`
	}
	err := s.files.aggregate(ctx, &sums, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "tenant", Value: string(t)}}}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: nil}, {Key: "charged", Value: bson.D{{Key: "$sum", Value: "$charged"}}}}}},
	})
	if err != nil {
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
