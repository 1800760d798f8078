// Package mongo keeps the records in MongoDB, for many processes at once.
//
// Every write is one atomic operation on one document: a record is replaced as a whole where its revision still holds, and an account
// is counted up and down under a filter. So it needs no transactions and no replica set. A record and its account change one after the
// other; what a crash between the two leaves is small, never loses a file, and is put right by Recount.
//
// A write whose context ends, or whose connection breaks, may or may not have happened. Create may be called again with the same record:
// when that is what is stored, it succeeds.
package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Defaults of Config, and bounds on waiting for a server that is out.
const (
	DefaultSettle    = 2 * time.Second
	operationTimeout = 10 * time.Second // of a call whose context has no deadline
	selectionTimeout = 5 * time.Second  // for finding a server
	closeTimeout     = 5 * time.Second
)

// Config says which database to use.
type Config struct {
	URI      string // mongodb://… ; its options win over ours, but for the write concern and the read preference
	Database string
	// Settle is how long Recount waits for writes that were under way when it counted; DefaultSettle when 0.
	Settle time.Duration
	// Monitor sees every command that is sent; may be nil.
	Monitor *event.CommandMonitor
}

// Store is a meta.Repo in a MongoDB database.
type Store struct {
	client   *mongo.Client
	files    *mongo.Collection // of meta.Document
	accounts *mongo.Collection // of account
	settle   time.Duration
}

var _ meta.Repo = (*Store)(nil)

// Open connects and makes the indexes that are missing. It fails with Unavailable when no server answers: call it again later.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.URI == "" || c.Database == "" {
		return nil, file.Errorf(file.Invalid, "mongo.open", "a URI and a database are needed")
	}
	if c.Settle == 0 {
		c.Settle = DefaultSettle
	}
	journal := true
	o := options.Client().SetTimeout(operationTimeout).SetServerSelectionTimeout(selectionTimeout).SetAppName("inlet").
		ApplyURI(c.URI).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		SetReadPreference(readpref.Primary())
	if c.Monitor != nil {
		o.SetMonitor(c.Monitor)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, file.Wrap(file.Invalid, "mongo.open", err)
	}
	db := client.Database(c.Database)
	s := &Store{client: client, files: db.Collection("files"), accounts: db.Collection("accounts"), settle: c.Settle}
	err = s.Ping(ctx)
	if err == nil {
		err = s.makeIndexes(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// makeIndexes makes those that are missing, one at a time: FerretDB 1.24 breaks the connection over a list of which two exist.
func (s *Store) makeIndexes(ctx context.Context) error {
	for _, i := range indexes {
		if _, err := s.files.Indexes().CreateOne(ctx, i); err != nil {
			return translate(ctx, "mongo.index", err)
		}
	}
	return nil
}

// indexes are what the queries of this package use. A unique one needs a value in every document, for want of partial indexes.
var indexes = []mongo.IndexModel{
	index(true, "tenant", "number"),
	index(true, "tenant", "path_index"),
	index(true, "tenant", "idem_index"),
	index(false, "tenant", "parent_kind", "parent_id", "number"),
	index(false, "tenant", "link_index", "number"),
	index(false, "due_expiry"),
	index(false, "due_outbox"),
	index(false, "due_purge"),
	index(false, "work", "work_at"),
}

func index(unique bool, fields ...string) mongo.IndexModel {
	var keys bson.D
	for _, f := range fields {
		keys = append(keys, bson.E{Key: f, Value: 1})
	}
	return mongo.IndexModel{Keys: keys, Options: options.Index().SetUnique(unique)}
}

// Ping returns nil when the primary answers.
func (s *Store) Ping(ctx context.Context) error {
	return translate(ctx, "mongo.ping", s.client.Ping(ctx, readpref.Primary()))
}

// Close disconnects. A second Close does nothing.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.client.Disconnect(ctx)
	if errors.Is(err, mongo.ErrClientDisconnected) {
		return nil
	}
	return file.Wrap(file.Unavailable, "mongo.close", err)
}
