package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// durable is what every write asks for: that it is in the journals of a majority
// (https://www.mongodb.com/docs/manual/reference/write-concern/). A majority of one is a server on its own.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

// checkConcern refuses a URI that asks for less than durable: whoever wrote it expects something else than what would happen.
func checkConcern(o *options.ClientOptions) error {
	asked := o.WriteConcern
	switch {
	case asked == nil:
		return nil
	case asked.W != nil && asked.W != writeconcern.WCMajority:
		return file.Errorf(file.Invalid, "mongo.open", "the URI asks for w=%v; an acknowledged upload is one that a majority has: leave w out, or set w=majority", asked.W)
	case asked.Journal != nil && !*asked.Journal:
		return file.Errorf(file.Invalid, "mongo.open", "the URI asks for journal=false; an acknowledged upload is one that is in the journal: leave it out, or set journal=true")
	}
	return nil
}

// checkWrites makes a write as all others are made. A server that keeps no journal refuses it, and so does one that is read-only.
func (s *Store) checkWrites(ctx context.Context) error {
	started := collection{s.files.Database().Collection("started"), s.watch}
	done, err := started.update(ctx, bson.D{{Key: "_id", Value: "last"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "at", Value: meta.Micros(time.Now())}}}}, true)
	if err == nil && !done {
		err = errors.New("a write with w=majority and j=true changed nothing")
	}
	return translate(ctx, "mongo.open", err)
}
