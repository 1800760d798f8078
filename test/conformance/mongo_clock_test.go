package conformance

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/mongo"
	"github.com/inlethq/inlet/test/peers"
)

// Processes that share a database tell its time, and agree after it was set back: the later starts where the earlier was.
func TestMongoClock(t *testing.T) {
	const round = time.Second // more than an answer takes
	uri := peers.Mongo(t)
	client := mongoClient(t, uri)
	c := mongo.Config{URI: uri, Database: databaseName(), Patience: patience}
	serverTime := func() time.Time {
		var hello struct {
			LocalTime time.Time `bson:"localTime"`
		}
		if err := client.Database(c.Database).RunCommand(t.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
			t.Fatal(err)
		}
		return hello.LocalTime
	}
	one, two := openMongo(t, client, c), openMongo(t, client, c)
	for _, s := range []*mongo.Store{one, two} {
		before := serverTime()
		now := s.Now()
		if after := serverTime().Add(time.Millisecond); now.Before(before.Add(-round)) || now.After(after) {
			t.Errorf("it is %s, which is not from %s to %s", now, before, after)
		}
	}
	marks := client.Database(c.Database).Collection("clock")
	var mark struct {
		At int64 `bson:"at"`
	}
	if err := marks.FindOne(t.Context(), bson.D{}).Decode(&mark); err != nil || meta.Time(mark.At).After(one.Now()) {
		t.Errorf("the mark is %s, %v", meta.Time(mark.At), err)
	}
	ahead := one.Now().Add(time.Hour)
	_, err := marks.UpdateOne(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "at", Value: meta.Micros(ahead)}}}}, options.UpdateOne())
	if err != nil {
		t.Fatal(err)
	}
	three := openMongo(t, client, c)
	if off := three.Now().Sub(ahead); off < -time.Microsecond || off > round {
		t.Errorf("it starts %s off the mark", off)
	}
}
