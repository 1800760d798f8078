package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/mongo"
	"github.com/inlethq/inlet/test/peers"
)

// commandRecorder keeps the commands that a store sends.
type commandRecorder struct {
	mu       sync.Mutex
	commands []bson.Raw
}

func (r *commandRecorder) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.commands = append(r.commands, slices.Clone(e.Command))
	}}
}

// sent returns the commands of these names.
func (r *commandRecorder) sent(names ...string) []bson.Raw {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []bson.Raw
	for _, c := range r.commands {
		if first, err := c.IndexErr(0); err == nil && slices.Contains(names, first.Key()) {
			found = append(found, c)
		}
	}
	return found
}

// await returns when a command of this name has been sent.
func (r *commandRecorder) await(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(r.sent(name)) == 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %s was sent within 10 s", name)
		}
	}
}

// mongoFile returns the n-th file of a test. Its tenant would be trouble in the name of a field.
func mongoFile(n int) *file.File {
	return &file.File{
		ID: file.ID(fmt.Sprintf("01J%023d", n)), Number: int64(n), Tenant: "a.$cme", Parent: file.Parent{Kind: "user", ID: "u"},
		Links: []file.Link{{Type: "ticket", ID: "1"}}, Path: fmt.Sprint("p", n), Name: "a.txt", Size: 10, State: file.Ready,
		Created: file.Actor{At: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)},
	}
}

func mongoReservation(n int, bytes int64) meta.Reservation {
	f := mongoFile(n)
	return meta.Reservation{Tenant: f.Tenant, ID: f.ID, Bytes: bytes, Until: f.Created.At.Add(time.Hour)}
}

// everyMongoCommand has the store send each kind of command that it knows.
func everyMongoCommand(t *testing.T, s *mongo.Store) {
	t.Helper()
	ctx := t.Context()
	f := mongoFile(1)
	later := f.Created.At.Add(time.Hour)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Reserve(ctx, mongoReservation(1, 30), 1000))
	check(s.Create(ctx, f))
	check(s.Create(ctx, mongoFile(2)))
	check(s.Reserve(ctx, mongoReservation(3, 30), 1000))
	check(s.Reserve(ctx, mongoReservation(4, 30), 1000))
	check(s.Release(ctx, f.Tenant, mongoFile(3).ID))
	for _, ref := range []file.Ref{file.ByID(f.ID), file.ByNumber(f.Number), file.ByPath(f.Path)} {
		_, err := s.Get(ctx, f.Tenant, ref)
		check(err)
	}
	if _, err := s.GetIdempotent(ctx, f.Tenant, "key"); !file.Is(err, file.NotFound) {
		t.Fatal(err)
	}
	_, err := s.GetMany(ctx, f.Tenant, []file.ID{f.ID})
	check(err)
	for _, q := range []meta.Query{
		{Path: f.Path},
		{}, {Descending: true, After: 9}, {Parent: &f.Parent}, {Parent: &f.Parent, States: file.States, NotExpiredAt: later, After: 9, Descending: true}, {Link: &f.Links[0]},
	} {
		q.Tenant, q.Limit = f.Tenant, 10
		_, err := s.Find(ctx, q)
		check(err)
		_, err = s.Count(ctx, q, 1000)
		check(err)
	}
	for _, d := range []meta.Due{meta.DueExpiry, meta.DueOutbox, meta.DuePurge, meta.DueVerify} {
		_, err := s.Due(ctx, d, later, 10)
		check(err)
	}
	_, err = s.Scan(ctx, f.ID, 10)
	check(err)
	_, err = s.Recount(ctx, f.Tenant, later.Add(time.Hour))
	check(err)
	f.State = file.Deleting
	check(s.Update(ctx, f))
	f.State = file.Gone
	check(s.Update(ctx, f))
	check(s.Purge(ctx, f.Tenant, f.ID, f.Rev))
	everyHookCommand(t, s, check)
}

// TestMongoCommands: every write asks for a majority and its journals, and nothing is used that is not atomic on one document.
func TestMongoCommands(t *testing.T) {
	uri := peers.Mongo(t)
	var seen commandRecorder
	s := openMongo(t, mongoClient(t, uri), mongo.Config{URI: uri, Database: databaseName(), Patience: patience, Settle: time.Millisecond, Monitor: seen.monitor()})
	everyMongoCommand(t, s)
	for _, name := range []string{"insert", "update", "delete", "findAndModify", "createIndexes"} {
		commands := seen.sent(name)
		if len(commands) == 0 {
			t.Errorf("no %s was sent", name)
		}
		for _, c := range commands {
			w, _ := c.Lookup("writeConcern", "w").StringValueOK()
			j, _ := c.Lookup("writeConcern", "j").BooleanOK()
			if name != "createIndexes" && (w != "majority" || !j) {
				t.Errorf("write concern w=%q, j=%t of %s", w, j, c)
			}
			if text := c.String(); strings.Contains(text, "startTransaction") {
				t.Errorf("a transaction: %s", text)
			}
		}
	}
	for _, c := range seen.sent("update") {
		for _, u := range documentsOf(t, c, "updates") {
			update, isDocument := u.Lookup("u").DocumentOK()
			if !isDocument {
				t.Errorf("a pipeline update: %s", u)
				continue
			}
			elements, err := update.Elements()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range elements {
				if !slices.Contains([]string{"$set", "$unset", "$inc", "$setOnInsert"}, e.Key()) {
					t.Errorf("the operator %s: %s", e.Key(), u)
				}
			}
		}
	}
	for _, c := range seen.sent("createIndexes") {
		for _, i := range documentsOf(t, c, "indexes") {
			for _, option := range []string{"expireAfterSeconds", "partialFilterExpression", "sparse"} {
				if _, err := i.LookupErr(option); err == nil {
					t.Errorf("an index with %s: %s", option, i)
				}
			}
		}
	}
}

func documentsOf(t *testing.T, command bson.Raw, field string) []bson.Raw {
	t.Helper()
	values, err := command.Lookup(field).Array().Values()
	if err != nil {
		t.Fatal(err)
	}
	documents := make([]bson.Raw, len(values))
	for i, v := range values {
		documents[i] = v.Document()
	}
	return documents
}

// TestMongoPlans has the server explain the commands of a store: none reads a whole collection, or sorts in memory.
func TestMongoPlans(t *testing.T) {
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	if isFerretDB(t, client) {
		t.Skip("FerretDB does not explain the plans of MongoDB: set INLET_TEST_MONGODB to a real server")
	}
	var seen commandRecorder
	c := mongo.Config{URI: uri, Database: databaseName(), Patience: patience, Settle: time.Millisecond, Monitor: seen.monitor()}
	s := openMongo(t, client, c)
	everyMongoCommand(t, s)
	for _, command := range seen.sent("find", "aggregate", "findAndModify", "update", "delete") {
		plain := bson.D{}
		elements, err := command.Elements()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range elements {
			if !slices.Contains([]string{"lsid", "$db", "$clusterTime", "txnNumber", "writeConcern", "$readPreference"}, e.Key()) {
				plain = append(plain, bson.E{Key: e.Key(), Value: e.Value()})
			}
		}
		plan, err := client.Database(c.Database).RunCommand(t.Context(),
			bson.D{{Key: "explain", Value: plain}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
		if err != nil {
			t.Fatalf("explain %s: %v", command, err)
		}
		for _, stage := range []string{`"COLLSCAN"`, `"SORT"`} {
			if strings.Contains(plan.Lookup("queryPlanner", "winningPlan").String(), stage) {
				t.Errorf("%s in the plan of %s:\n%s", stage, command, plan)
			}
		}
	}
}

// TestMongoCreateAgain: a Create whose answer was lost can be made again, and charges once.
func TestMongoCreateAgain(t *testing.T) {
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	c := mongo.Config{URI: uri, Database: databaseName(), Patience: patience}
	s := openMongo(t, client, c)
	ctx := t.Context()
	used := func(want int64) {
		t.Helper()
		a, err := s.Account(ctx, mongoFile(1).Tenant)
		if err != nil || a.Used != want || a.Held != 0 {
			t.Errorf("Account = %+v, %v, want %d used", a, err, want)
		}
	}
	for range 3 {
		f := mongoFile(1)
		if err := s.Create(ctx, f); err != nil || f.Rev != 1 {
			t.Fatalf("Create: %v, revision %d", err, f.Rev)
		}
		used(10)
	}

	// A crash between the record and its account leaves the reservation.
	if err := s.Reserve(ctx, mongoReservation(2, 70), 1000); err != nil {
		t.Fatal(err)
	}
	d := meta.FromFile(mongoFile(2))
	d.Rev = 1
	if _, err := client.Database(c.Database).Collection("files").InsertOne(ctx, d); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, mongoFile(2)); err != nil {
		t.Fatal(err)
	}
	used(20)

	other := mongoFile(1)
	other.Size = 11
	if err := s.Create(ctx, other); file.CodeOf(err) != meta.ConflictID {
		t.Errorf("another record under the same id: %v", err)
	}
	f := mongoFile(1)
	f.Rev = 1
	if err := s.Update(ctx, f); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, mongoFile(1)); file.CodeOf(err) != meta.ConflictID {
		t.Errorf("a record that has changed since: %v", err)
	}
	used(20)
}

// TestMongoRecountAfterCrash: a writer that died between the record and its account leaves a reservation, which ends with the next Recount and not
// with its lease.
func TestMongoRecountAfterCrash(t *testing.T) {
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	c := mongo.Config{URI: uri, Database: databaseName(), Patience: patience, Settle: time.Millisecond}
	s := openMongo(t, client, c)
	ctx := t.Context()
	for n, bytes := range map[int]int64{1: 10, 2: 10, 3: 70} { // the third has no record yet
		if err := s.Reserve(ctx, mongoReservation(n, bytes), 1000); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		d := meta.FromFile(mongoFile(n + 1))
		d.Rev = 1
		if _, err := client.Database(c.Database).Collection("files").InsertOne(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	f := mongoFile(1)
	if off, err := s.Recount(ctx, f.Tenant, f.Created.At); err != nil || off != 0 {
		t.Errorf("Recount = %d, %v: the reservations held what the records charge", off, err)
	}
	if a, err := s.Account(ctx, f.Tenant); err != nil || a.Used != 90 || a.Held != 70 {
		t.Errorf("Account = %+v, %v, want 90 used, 70 of it held", a, err)
	}
}

// TestMongoRecountYields: while it waits for the account to settle, a write makes it give up.
func TestMongoRecountYields(t *testing.T) {
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	c := mongo.Config{URI: uri, Database: databaseName(), Patience: patience, Settle: time.Hour}
	waiting := openMongo(t, client, c)
	c.Settle = time.Millisecond
	quick := openMongo(t, client, c)
	f := mongoFile(1)
	if err := quick.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	accounts := client.Database(c.Database).Collection("accounts")
	drift := bson.D{{Key: "$inc", Value: bson.D{{Key: "used", Value: 5}}}}
	if _, err := accounts.UpdateOne(t.Context(), bson.D{}, drift); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := waiting.Recount(ctx, f.Tenant, f.Created.At); !file.Is(err, file.Cancelled) {
		t.Errorf("a Recount that is called off: %v", err)
	}

	var busy commandRecorder
	c.Settle, c.Monitor = 300*time.Millisecond, busy.monitor()
	slow := openMongo(t, client, c)
	outcome := make(chan error, 1)
	go func() {
		_, err := slow.Recount(t.Context(), f.Tenant, f.Created.At)
		outcome <- err
	}()
	busy.await(t, "aggregate")
	if err := quick.Create(t.Context(), mongoFile(2)); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; file.CodeOf(err) != meta.ConflictRev {
		t.Errorf("a Recount with a write in between: %v", err)
	}
	if off, err := quick.Recount(t.Context(), f.Tenant, f.Created.At); err != nil || off != 5 {
		t.Errorf("Recount = %d, %v", off, err)
	}
}

// TestMongoServerGone: without a server every call is Unavailable, and soon.
func TestMongoServerGone(t *testing.T) {
	program, err := peers.Build("github.com/inlethq/inlet/test/cmd/mongod")
	if err != nil {
		t.Fatal(err)
	}
	addr := peers.FreeAddr(t)
	server := peers.Start(t, addr, program, "-listen", addr, "-dir", t.TempDir())
	uri := "mongodb://" + addr + "/?serverSelectionTimeoutMS=200"
	s, err := mongo.Open(t.Context(), mongo.Config{URI: uri, Database: databaseName(), Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := mongoFile(1)
	if err := s.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	_, getErr := s.Get(t.Context(), f.Tenant, file.ByID(f.ID))
	_, findErr := s.Find(t.Context(), meta.Query{Tenant: f.Tenant, Limit: 1})
	_, openErr := mongo.Open(t.Context(), mongo.Config{URI: uri, Database: databaseName(), Patience: patience})
	for name, err := range map[string]error{
		"Create": s.Create(t.Context(), mongoFile(2)), "Update": s.Update(t.Context(), f), "Get": getErr, "Find": findErr, "Open": openErr,
		"Reserve": s.Reserve(t.Context(), mongoReservation(3, 1), 10), "Ping": s.Ping(t.Context()),
	} {
		if !file.Is(err, file.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMongoBadConfig: what can never work is said at once.
func TestMongoBadConfig(t *testing.T) {
	for _, c := range []mongo.Config{{}, {URI: "mongodb://127.0.0.1"}, {Database: "d"}, {URI: "http://127.0.0.1", Database: "d"}} {
		if _, err := mongo.Open(t.Context(), c); !file.Is(err, file.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
