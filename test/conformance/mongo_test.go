package conformance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/metatest"
	"github.com/inlethq/inlet/pkg/meta/mongo"
	"github.com/inlethq/inlet/test/peers"
)

func TestMongo(t *testing.T) { metatest.Run(t, mongoSuite(t)) }

func BenchmarkMongo(b *testing.B) { metatest.Bench(b, mongoSuite(b)) }

// mongoSuite runs against one server, with a database for each repository. It is small: the usual peer makes some hundred writes a second.
func mongoSuite(t testing.TB) metatest.Suite {
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	var opened sync.Map // meta.Repo → the name of its database
	return metatest.Suite{
		Writes:       240,
		BluntUpdates: isFerretDB(t, client),
		Open: func(t testing.TB) meta.Repo {
			c := mongo.Config{URI: uri, Database: databaseName(), Settle: 10 * time.Millisecond, Patience: patience}
			s := openMongo(t, client, c)
			opened.Store(s, c.Database)
			return s
		},
		Drift: func(t testing.TB, r meta.Repo, tenant file.Tenant, bytes int64) {
			name, _ := opened.Load(r)
			_, err := client.Database(name.(string)).Collection("accounts").UpdateOne(t.Context(),
				bson.D{{Key: "_id", Value: string(tenant)}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "used", Value: bytes}}}})
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

// patience is what the peer needs, which shares the machine with other tests.
const patience = 30 * time.Second

var databases atomic.Int64

// databaseName returns one that no other test uses, of this process or of another one on the same server.
func databaseName() string {
	return fmt.Sprintf("inlet_test_%d_%d", time.Now().UnixNano(), databases.Add(1))
}

// openMongo opens a store that is closed, and whose database is dropped, when the test ends.
func openMongo(t testing.TB, client *driver.Client, c mongo.Config) *mongo.Store {
	t.Helper()
	s, err := mongo.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		_ = client.Database(c.Database).Drop(context.Background()) // a server that the test has killed drops nothing
	})
	return s
}

func mongoClient(t testing.TB, uri string) *driver.Client {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client
}

// isFerretDB reports whether the server is the one of test/cmd/mongod.
func isFerretDB(t testing.TB, client *driver.Client) bool {
	t.Helper()
	info, err := client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "buildInfo", Value: 1}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	_, err = info.LookupErr("ferretdbVersion")
	return err == nil
}
