package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/inlethq/inlet/test/harness/mongowire"
	"github.com/inlethq/inlet/test/peers"
)

// message makes an OP_MSG.
func message(t *testing.T, document bson.D) []byte {
	t.Helper()
	encoded, err := bson.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	m := make([]byte, bodyAt, bodyAt+len(encoded))
	m = append(m, encoded...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[12:], mongowire.OpMsg)
	return m
}

// The collection is read as a whole only where the document alone does not tell the answer.
func TestAnswer(t *testing.T) {
	stored := bson.D{{Key: "_id", Value: "a"}, {Key: "tenant", Value: "acme"}, {Key: "rev", Value: int64(7)}, {Key: "tags", Value: bson.A{"x"}}}
	byID, more := bson.E{Key: "_id", Value: "a"}, bson.E{Key: "tenant", Value: "acme"}
	find := func(filter ...bson.E) bson.D {
		return bson.D{{Key: "find", Value: "files"}, {Key: "filter", Value: bson.D(filter)}}
	}
	modify := func(filter ...bson.E) bson.D {
		return bson.D{{Key: "findAndModify", Value: "files"}, {Key: "query", Value: bson.D(filter)}}
	}
	for _, c := range []struct {
		name    string
		command bson.D
		want    string // the commands that FerretDB gets: whole, by the _id, or by one that nothing has
	}{
		{"find", find(more, byID), "by"},
		{"find another's", find(byID, bson.E{Key: "tenant", Value: "b"}), "by none"},
		{"modify", modify(byID, more, bson.E{Key: "rev", Value: int64(7)}), "by by"},
		{"modify what has changed", modify(byID, more, bson.E{Key: "rev", Value: int64(6)}), "by none"},
		{"upsert", append(modify(byID, more), bson.E{Key: "upsert", Value: true}), "whole"},
		{"a part of it", append(find(byID, more), bson.E{Key: "projection", Value: bson.D{{Key: "rev", Value: 1}}}), "whole"},
		{"nothing but the _id", find(byID), "whole"},
		{"no _id", find(more), "whole"},
		{"a range of _id", find(bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: "a"}}}, more), "whole"},
		{"a number of another type", find(byID, bson.E{Key: "rev", Value: 7.0}), "by whole"},
		{"a condition", find(byID, bson.E{Key: "rev", Value: bson.D{{Key: "$gt", Value: 1}}}), "by whole"},
		{"one of a list", find(byID, bson.E{Key: "tags", Value: "x"}), "by whole"},
		{"what it has not", find(byID, bson.E{Key: "none", Value: nil}), "by whole"},
		{"another after what differs", find(byID, bson.E{Key: "tenant", Value: "b"}, bson.E{Key: "$or", Value: bson.A{}}), "by whole"},
		{"another command", bson.D{{Key: "count", Value: "files"}, {Key: "query", Value: bson.D{byID, more}}}, "whole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := message(t, append(c.command, bson.E{Key: "$db", Value: "inlet"}))
			reply := message(t, bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{stored}}}}, {Key: "ok", Value: 1.0}})
			var got []string
			_, err := answer(m, func(asked []byte) ([]byte, error) {
				command, ok := body(asked)
				if !ok || command.Lookup("$db").StringValue() != "inlet" {
					t.Fatalf("FerretDB is sent %q", asked)
				}
				got = append(got, scope(command, m, asked))
				return reply, nil
			})
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("FerretDB is asked %v, want %s: %v", got, c.want, err)
			}
		})
	}
}

// scope is how much of the collection a command makes FerretDB read.
func scope(command bson.Raw, whole, asked []byte) string {
	id := command.Lookup(filters[command.Index(0).Key()], "_id")
	switch {
	case bytes.Equal(asked, whole):
		return "whole"
	case id.Type == bson.TypeObjectID:
		return "none"
	default:
		return "by"
	}
}

// What is no whole command is left to FerretDB.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, bodyAt))
	f.Add(append(make([]byte, bodyAt), 5, 0, 0, 0, 0))
	command, err := bson.Marshal(bson.D{{Key: "find", Value: "f"}, {Key: "filter", Value: bson.D{{Key: "_id", Value: "a"}, {Key: "b", Value: "c"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(make([]byte, bodyAt), command...))
	f.Fuzz(func(t *testing.T, m []byte) {
		if len(m) >= mongowire.HeaderBytes {
			binary.LittleEndian.PutUint32(m[12:], mongowire.OpMsg)
		}
		if _, err := answer(m, func(m []byte) ([]byte, error) { return m, nil }); err != nil {
			t.Errorf("%x: %v", m, err)
		}
	})
}

// The server answers as MongoDB does, whichever way a command has gone.
func TestServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	listen, ended := peers.FreeAddr(t), make(chan error, 1)
	dir := t.TempDir()
	go func() { ended <- run(ctx, listen, dir) }()
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Disconnect(context.Background()) // the server ends with the test
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	files := client.Database("test").Collection("files")
	if _, err := files.InsertOne(ctx, bson.D{{Key: "_id", Value: "a"}, {Key: "tenant", Value: "acme"}, {Key: "rev", Value: int64(1)}}); err != nil {
		t.Fatal(err)
	}
	change := func(id string, rev any, to int64) error {
		filter := bson.D{{Key: "_id", Value: id}, {Key: "tenant", Value: "acme"}, {Key: "rev", Value: rev}}
		return files.FindOneAndUpdate(ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: "rev", Value: to}}}}).Err()
	}
	for _, step := range []struct {
		id    string
		rev   any
		to    int64
		found bool
	}{
		{"a", int64(1), 2, true},
		{"a", int64(1), 3, false}, // lost its race
		{"b", int64(2), 3, false},
		{"a", 2.0, 3, true}, // numbers are equal across types
		{"a", bson.D{{Key: "$lt", Value: 9}}, 4, true},
	} {
		if err := change(step.id, step.rev, step.to); (err == nil) != step.found || err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			t.Errorf("%s at %v: %v", step.id, step.rev, err)
		}
	}
	var got struct{ Rev int64 }
	if err := files.FindOne(ctx, bson.D{{Key: "tenant", Value: "acme"}, {Key: "_id", Value: "a"}}).Decode(&got); err != nil || got.Rev != 4 {
		t.Errorf("it is at %d, want 4: %v", got.Rev, err)
	}
	if err := files.FindOne(ctx, bson.D{{Key: "tenant", Value: "globex"}, {Key: "_id", Value: "a"}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("another tenant's: %v", err)
	}
}
