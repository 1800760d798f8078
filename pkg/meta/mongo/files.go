package mongo

import (
	"context"
	"errors"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// document returns what is to be stored of f at a revision.
func document(f *file.File, rev int64) (meta.Document, error) {
	d := meta.FromFile(f)
	d.Rev = rev
	return d, d.Validate()
}

// Create inserts f, then its charge.
func (s *Store) Create(ctx context.Context, f *file.File) error {
	if f.Rev != 0 {
		return file.Errorf(file.Invalid, "mongo.create", "a new record has no revision")
	}
	d, err := document(f, 1)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return file.Wrap(file.Cancelled, "mongo.create", ctx.Err())
	}
	ctx = context.WithoutCancel(ctx) // what has begun comes to its end: record and account
	fresh, open := true, false       // no call before this one has inserted it; a try went without an answer
	err = untilAnswered(ctx, func(after bool) error {
		err := s.files.insert(ctx, d)
		if mongo.IsDuplicateKeyError(err) {
			fresh = after
			err = s.taken(ctx, d)
		}
		open = open || unanswered(err)
		return err
	})
	if file.CodeOf(err) == meta.ConflictID {
		err = s.createAgain(ctx, f, d, fresh, err)
		if fresh && file.Is(err, file.Unavailable) {
			s.settleLater(d, 0, true)
		}
		return err
	}
	if err != nil {
		err = translate(ctx, "mongo.create", err)
		if open && file.Is(err, file.Unavailable) {
			s.settleLater(d, 0, true)
		}
		return err
	}
	if err := s.charge(ctx, d, 0); err != nil {
		return err
	}
	f.Rev = 1
	return nil
}

// createAgain settles a Create whose id is taken: when the record that has it is this very one, it was inserted by a try without an answer, and that
// is success. Whose record it may be, a reservation that is still there says that the account has not followed it. Where an earlier call made the
// record and there never was a reservation, it counts from the next Recount on.
func (s *Store) createAgain(ctx context.Context, f *file.File, d meta.Document, fresh bool, conflict error) error {
	stored, err := s.document(ctx, d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return conflict // another tenant's
	}
	if err != nil {
		return translate(ctx, "mongo.create", err)
	}
	same, err := sameDocument(stored, d)
	if err != nil {
		return err
	}
	a, err := s.standing(ctx, d.Tenant, d.ID)
	if err != nil {
		return translate(ctx, "mongo.create", err)
	}
	if _, held := a.Held[d.ID]; held || same && fresh {
		before := int64(0)
		if held { // whoever ends the reservation first has followed
			before = stored.Charged
		}
		if err := s.charge(ctx, stored, before); err != nil {
			return err
		}
	}
	if !same {
		return conflict
	}
	f.Rev = 1
	return nil
}

// document reads what is stored under the id of d.
func (s *Store) document(ctx context.Context, d meta.Document) (stored meta.Document, err error) {
	err = s.files.first(ctx, &stored, bson.D{{Key: "_id", Value: d.ID}, {Key: "tenant", Value: d.Tenant}})
	return stored, err
}

// sameDocument compares what was read with what was to be written, as it would be read: the order and the width of what is stored do not matter.
func sameDocument(stored, d meta.Document) (bool, error) {
	text, err := bson.Marshal(d)
	if err != nil {
		return false, file.Wrap(file.Internal, "mongo.encode", err)
	}
	var written meta.Document
	if err := bson.Unmarshal(text, &written); err != nil {
		return false, file.Wrap(file.Internal, "mongo.decode", err)
	}
	return reflect.DeepEqual(stored, written), nil
}

// Update replaces the record where it is still at f.Rev, then follows with the account.
func (s *Store) Update(ctx context.Context, f *file.File) error {
	d, err := document(f, f.Rev+1)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return file.Wrap(file.Cancelled, "mongo.update", ctx.Err())
	}
	ctx = context.WithoutCancel(ctx) // as in Create
	before, open := d.Charged, false // most updates charge nothing: that is tried first
	err = untilAnswered(ctx, func(after bool) (err error) {
		before, err = s.swap(ctx, f.Rev, d, before, after)
		open = open || unanswered(err)
		return err
	})
	if mongo.IsDuplicateKeyError(err) {
		err = s.taken(ctx, d)
	}
	if err != nil {
		err = translate(ctx, "mongo.update", err)
		if open && before != d.Charged && file.Is(err, file.Unavailable) {
			s.settleLater(d, before, true)
		}
		return err
	}
	if d.Charged != before {
		if err := s.charge(ctx, d, before); err != nil {
			return err
		}
	}
	f.Rev = d.Rev
	return nil
}

// swap replaces the record at rev, and returns what that charged. The filter holds what it is thought to charge, so that this is known even when the answer is
// lost. After a try without an answer it recognises its own work, as far as stepTaken can; else a record that has moved on is a ConflictRev.
func (s *Store) swap(ctx context.Context, rev int64, d meta.Document, charged int64, after bool) (int64, error) {
	for {
		matched, err := s.files.replace(ctx, bson.D{
			{Key: "_id", Value: d.ID}, {Key: "tenant", Value: d.Tenant}, {Key: "number", Value: d.Number},
			{Key: "rev", Value: rev}, {Key: "charged", Value: charged},
		}, d)
		if err != nil || matched {
			return charged, err
		}
		stored, err := s.document(ctx, d)
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return charged, err
		}
		if after {
			if _, err := stepTaken(stored, d, charged); !errors.Is(err, errNotThere) && !errors.Is(err, errOthers) {
				return charged, err
			}
		}
		if stored.Rev != rev || stored.Number != d.Number || stored.Charged == charged {
			return charged, meta.Taken(meta.ConflictRev)
		}
		charged = stored.Charged
	}
}

// Purge removes a tombstone. It charges nothing, so no account follows.
func (s *Store) Purge(ctx context.Context, t file.Tenant, id file.ID, rev int64) error {
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	matched, err := s.files.remove(ctx, bson.D{
		{Key: "_id", Value: string(id)}, {Key: "tenant", Value: string(t)}, {Key: "rev", Value: rev}, {Key: "state", Value: string(file.Gone)},
	})
	if err != nil {
		return translate(ctx, "mongo.purge", err)
	}
	if !matched {
		return meta.Taken(meta.ConflictRev)
	}
	return nil
}

// taken finds out which unique value of d another record has. (The server says so only in the text of its error.)
func (s *Store) taken(ctx context.Context, d meta.Document) error {
	tenant := bson.E{Key: "tenant", Value: d.Tenant}
	for _, u := range []struct {
		code   string
		filter bson.D
	}{
		{meta.ConflictID, bson.D{{Key: "_id", Value: d.ID}}},
		{meta.ConflictNumber, bson.D{tenant, {Key: "number", Value: d.Number}}},
		{meta.ConflictPath, bson.D{tenant, {Key: "path_index", Value: d.PathIndex}}},
		{meta.ConflictIdempotency, bson.D{tenant, {Key: "idem_index", Value: d.IdemIndex}}},
	} {
		var other struct {
			ID  string `bson:"_id"`
			Rev int64  `bson:"rev"`
		}
		err := s.files.first(ctx, &other, u.filter)
		if errors.Is(err, mongo.ErrNoDocuments) || err == nil && d.Rev > 1 && other.ID == d.ID {
			continue // free, or d's own record before an update
		}
		if err != nil {
			return err
		}
		return meta.Taken(u.code)
	}
	// Whoever had it has just given it up.
	return meta.Taken(meta.ConflictRev)
}

// Get returns a record.
func (s *Store) Get(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	if err := meta.ValidateRef(ref); err != nil {
		return nil, err
	}
	switch {
	case ref.ID != "":
		return s.get(ctx, t, bson.E{Key: "_id", Value: string(ref.ID)})
	case ref.Number != 0:
		return s.get(ctx, t, bson.E{Key: "number", Value: ref.Number})
	default:
		return s.get(ctx, t, bson.E{Key: "path_index", Value: meta.UniqueIndex(ref.Path, "")})
	}
}

// GetMany returns the records with these ids.
func (s *Store) GetMany(ctx context.Context, t file.Tenant, ids []file.ID) ([]*file.File, error) {
	if err := meta.ValidateIDs(t, ids); err != nil || len(ids) == 0 {
		return nil, err
	}
	in := make(bson.A, len(ids))
	for i, id := range ids {
		in[i] = string(id)
	}
	return s.list(ctx, "mongo.get_many", bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: in}}}, {Key: "tenant", Value: string(t)}}, options.Find())
}

// GetIdempotent returns the record that was made under an idempotency key.
func (s *Store) GetIdempotent(ctx context.Context, t file.Tenant, key string) (*file.File, error) {
	if key == "" {
		return nil, file.Errorf(file.Invalid, "mongo.get", "an idempotency key is missing")
	}
	return s.get(ctx, t, bson.E{Key: "idem_index", Value: meta.UniqueIndex(key, "")})
}

func (s *Store) get(ctx context.Context, t file.Tenant, by bson.E) (*file.File, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	var d meta.Document
	err := s.files.first(ctx, &d, bson.D{{Key: "tenant", Value: string(t)}, by})
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, file.Errorf(file.NotFound, "mongo.get", "no such file")
	}
	if err != nil {
		return nil, translate(ctx, "mongo.get", err)
	}
	return d.File(), nil
}
