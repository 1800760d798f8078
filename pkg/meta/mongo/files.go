package mongo

import (
	"bytes"
	"context"
	"errors"

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
	_, err = s.files.InsertOne(ctx, d)
	if mongo.IsDuplicateKeyError(err) {
		err = s.taken(ctx, d)
		if file.CodeOf(err) == meta.ConflictID {
			return s.createAgain(ctx, f, d, err)
		}
	}
	if err != nil {
		return translate(ctx, "mongo.create", err)
	}
	if err := s.charge(ctx, d, d.Charged); err != nil {
		return err
	}
	f.Rev = 1
	return nil
}

// createAgain settles a Create whose id is taken: when the record that has it is this very one, an earlier call has inserted it.
// That call may have ended before the account followed. A reservation that is still there says so; where there never was one, the
// record counts from the next Recount on.
func (s *Store) createAgain(ctx context.Context, f *file.File, d meta.Document, conflict error) error {
	stored, err := s.files.FindOne(ctx, bson.D{{Key: "_id", Value: d.ID}, {Key: "tenant", Value: d.Tenant}}).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return conflict // another tenant's
	}
	if err != nil {
		return translate(ctx, "mongo.create", err)
	}
	same, err := sameDocument(stored, d)
	if err != nil || !same {
		return errors.Join(err, conflict)
	}
	if _, held, err := s.reservation(ctx, d.Tenant, d.ID); err != nil {
		return translate(ctx, "mongo.create", err)
	} else if held {
		if err := s.charge(ctx, d, d.Charged); err != nil {
			return err
		}
	}
	f.Rev = 1
	return nil
}

// sameDocument compares as stored: through the one mapping, so that the order of fields and the width of numbers do not matter.
func sameDocument(stored bson.Raw, d meta.Document) (bool, error) {
	var s meta.Document
	if err := bson.Unmarshal(stored, &s); err != nil {
		return false, file.Wrap(file.Damaged, "mongo.decode", err)
	}
	a, err := bson.Marshal(s)
	if err != nil {
		return false, file.Wrap(file.Internal, "mongo.encode", err)
	}
	b, err := bson.Marshal(d)
	return bytes.Equal(a, b), file.Wrap(file.Internal, "mongo.encode", err)
}

// Update replaces the record where it is still at f.Rev, then follows with the account.
func (s *Store) Update(ctx context.Context, f *file.File) error {
	d, err := document(f, f.Rev+1)
	if err != nil {
		return err
	}
	var before meta.Document
	err = s.files.FindOneAndReplace(ctx, bson.D{
		{Key: "_id", Value: d.ID}, {Key: "tenant", Value: d.Tenant}, {Key: "number", Value: d.Number}, {Key: "rev", Value: f.Rev},
	}, d, options.FindOneAndReplace().SetReturnDocument(options.Before)).Decode(&before)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return meta.Taken(meta.ConflictRev)
	case mongo.IsDuplicateKeyError(err):
		return translate(ctx, "mongo.update", s.taken(ctx, d))
	case err != nil:
		return translate(ctx, "mongo.update", err)
	}
	if d.Charged != before.Charged {
		if err := s.charge(ctx, d, d.Charged-before.Charged); err != nil {
			return err
		}
	}
	f.Rev = d.Rev
	return nil
}

// Purge removes a tombstone. It charges nothing, so no account follows.
func (s *Store) Purge(ctx context.Context, t file.Tenant, id file.ID, rev int64) error {
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	r, err := s.files.DeleteOne(ctx, bson.D{
		{Key: "_id", Value: string(id)}, {Key: "tenant", Value: string(t)}, {Key: "rev", Value: rev}, {Key: "state", Value: string(file.Gone)},
	})
	if err != nil {
		return translate(ctx, "mongo.purge", err)
	}
	if r.DeletedCount == 0 {
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
		err := s.files.FindOne(ctx, u.filter).Decode(&other)
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
	err := s.files.FindOne(ctx, bson.D{{Key: "tenant", Value: string(t)}, by}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, file.Errorf(file.NotFound, "mongo.get", "no such file")
	}
	if err != nil {
		return nil, translate(ctx, "mongo.get", err)
	}
	return d.File(), nil
}
