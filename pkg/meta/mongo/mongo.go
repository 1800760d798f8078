// Package mongo keeps the records in MongoDB, for many processes at once.
//
// Every write is one atomic operation on one document: a record is replaced as a whole where its revision still holds, and an account
// is counted up and down under a filter. So it needs no transactions and no replica set. A record and its account change one after the
// other; what a crash between the two leaves is small, never loses a file, and is put right by Recount.
//
// A write whose answer is lost may or may not have happened. Create, Update and the changes of accounts find out, by asking again for a moment, and happen
// once; what they cannot find out is Unavailable, and so is everything while the database is out, within two seconds. Create may be called again with the
// same record: when that is what is stored, it succeeds.
package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/clock"
)

// Defaults of Config, and bounds on waiting for a server that is out.
const (
	DefaultSettle    = 2 * time.Second
	DefaultPatience  = 1250 * time.Millisecond
	operationTimeout = 10 * time.Second // of a call whose context has no deadline, of a database that is there but slow
	selectionTimeout = 5 * time.Second  // for finding a server
	connectTimeout   = 3 * time.Second  // for a connection: one that hangs must not outlast the recovery of the server for long
	closeTimeout     = 5 * time.Second
)

// Config says which database to use.
type Config struct {
	URI      string // mongodb://… ; its options win over ours, but for the read preference, and it may not weaken the write concern
	Database string
	// Settle is how long Recount waits for writes that were under way when it counted; DefaultSettle when 0.
	Settle time.Duration
	// Patience is how long the database may leave everything unanswered before it is taken to be out; DefaultPatience when 0.
	Patience time.Duration
	// Monitor sees every command that is sent; may be nil.
	Monitor *event.CommandMonitor
}

// Store is a meta.Repo in a MongoDB database.
type Store struct {
	client   *mongo.Client
	watch    *watch
	files    collection        // of meta.Document
	accounts collection        // of account
	marks    *mongo.Collection // of mark
	spent    spentMarks        // of changes of accounts
	settle   time.Duration
	clock    *clock.Clock // nil until it is set

	later sync.WaitGroup  // of settleLater
	life  context.Context //nolint:containedctx // of the Store: what goes on without a caller ends with it
	end   context.CancelFunc
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
	o := options.Client().SetTimeout(operationTimeout).SetServerSelectionTimeout(selectionTimeout).SetConnectTimeout(connectTimeout).SetAppName("inlet").
		ApplyURI(c.URI)
	if err := checkConcern(o); err != nil {
		return nil, err
	}
	o.SetWriteConcern(durable()).SetReadPreference(readpref.Primary())
	if c.Monitor != nil {
		o.SetMonitor(c.Monitor)
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, file.Wrap(file.Invalid, "mongo.open", err)
	}
	db := client.Database(c.Database)
	w := startWatch(c.Patience, func(ctx context.Context) error { return client.Ping(ctx, readpref.Primary()) })
	s := &Store{
		client: client, watch: w, settle: c.Settle,
		files: collection{db.Collection("files"), w}, accounts: collection{db.Collection("accounts"), w}, marks: db.Collection("clock"),
	}
	s.life, s.end = context.WithCancel(context.Background())
	for _, step := range []func(context.Context) error{s.Ping, s.checkWrites, s.makeIndexes, s.makeHookIndexes, s.startClock} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
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
	index(false, "tenant", "parent_kind", "parent_id", "number", "state", "expires_at", "type_index", "name_index"),
	index(false, "tenant", "number", "state", "expires_at", "type_index", "name_index"),
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
	err := s.watch.attend(ctx, func(ctx context.Context) error { return s.client.Ping(ctx, readpref.Primary()) })
	return translate(ctx, "mongo.ping", err)
}

// Close disconnects. A second Close does nothing.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.clock != nil {
		_ = s.clock.Close(ctx) // a mark that the server did not take is one that is a little older
	}
	s.end()
	s.later.Wait()
	s.watch.close()
	err := s.client.Disconnect(ctx)
	if errors.Is(err, mongo.ErrClientDisconnected) {
		return nil
	}
	return file.Wrap(file.Unavailable, "mongo.close", err)
}
