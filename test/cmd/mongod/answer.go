package main

import (
	"bytes"
	"encoding/binary"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/inlethq/inlet/test/harness/mongowire"
)

// bodyAt is where the document of an OP_MSG begins that has one section alone: behind the envelope, the flags and the section's kind.
const bodyAt = mongowire.HeaderBytes + 4 + 1

// lookup is a command that asks for one document by its _id, and for more of it.
type lookup struct {
	message []byte
	command bson.Raw
	member  string // of the command, that is its filter
	id      bson.RawValue
	rest    []bson.RawElement // of the filter
}

// answer has a command answered, faster where it can. No other command may run meanwhile.
//
// FerretDB 1.24 goes straight to a document where a filter has its _id and nothing else; with anything else in the filter it reads and decodes the
// whole collection. A real server does not. So the document is asked for by its _id alone: where it plainly meets the rest of the filter, or plainly
// does not, the rest need not be asked. All else is left for FerretDB to judge.
func answer(message []byte, ask func([]byte) ([]byte, error)) ([]byte, error) {
	l, ok := parseLookup(message)
	if !ok {
		return ask(message)
	}
	reply, err := ask(l.find())
	if err != nil {
		return nil, err
	}
	switch found := judge(reply, l.rest); {
	case found == unsure:
		return ask(message)
	case found == no:
		return ask(l.by(bson.NewObjectID())) // which nothing has
	case l.isFind():
		return reply, nil
	default:
		return ask(l.by(l.id))
	}
}

// filters are the members that are a command's filter.
var filters = map[string]string{"find": "filter", "findAndModify": "query"}

// parseLookup reads a command that answer can do something for.
func parseLookup(message []byte) (lookup, bool) {
	command, ok := body(message)
	if !ok {
		return lookup{}, false
	}
	l := lookup{message: message, command: command, member: filters[command.Index(0).Key()]}
	filter, ok := command.Lookup(l.member).DocumentOK()
	if !ok || !l.isPlain() {
		return lookup{}, false
	}
	elements, err := filter.Elements()
	if err != nil {
		return lookup{}, false
	}
	for _, e := range elements {
		switch {
		case e.Key() != "_id":
			l.rest = append(l.rest, e)
		case e.Value().Type == bson.TypeString:
			l.id = e.Value()
		}
	}
	return l, !l.id.IsZero() && len(l.rest) > 0
}

func (l lookup) isFind() bool { return l.member == filters["find"] }

// isPlain reports whether the command gives the whole of a document that is there, or changes it. An upsert makes one out of its filter.
func (l lookup) isPlain() bool {
	has := func(member string) bool { return !l.command.Lookup(member).IsZero() }
	if l.isFind() {
		return !has("projection") && !has("skip")
	}
	return !has("upsert")
}

// find asks for the document that has the _id.
func (l lookup) find() []byte {
	if l.isFind() {
		return l.by(l.id)
	}
	return withBody(l.message, bson.D{
		{Key: "find", Value: l.command.Index(0).Value()}, {Key: "filter", Value: bson.D{{Key: "_id", Value: l.id}}},
		{Key: "limit", Value: 1}, {Key: "singleBatch", Value: true}, {Key: "$db", Value: l.command.Lookup("$db")},
	})
}

// by is the command with nothing but an _id in its filter.
func (l lookup) by(id any) []byte {
	elements, _ := l.command.Elements() // body has read them
	command := make(bson.D, len(elements))
	for i, e := range elements {
		command[i] = bson.E{Key: e.Key(), Value: e.Value()}
		if e.Key() == l.member {
			command[i].Value = bson.D{{Key: "_id", Value: id}}
		}
	}
	return withBody(l.message, command)
}

// verdict is whether a document meets a filter.
type verdict int

const (
	unsure verdict = iota
	yes
	no
)

// judge reads the reply to a find. It is sure where all conditions are plain values and the document has values of the same types, or is not there.
func judge(reply []byte, conditions []bson.RawElement) verdict {
	command, ok := body(reply)
	if !ok {
		return unsure
	}
	batch, ok := command.Lookup("cursor", "firstBatch").ArrayOK()
	if !ok {
		return unsure
	}
	documents, err := batch.Values()
	if err != nil || len(documents) > 1 {
		return unsure
	}
	if len(documents) == 0 {
		return no
	}
	document, ok := documents[0].DocumentOK()
	if !ok {
		return unsure
	}
	result := yes
	for _, c := range conditions {
		want, got := c.Value(), document.Lookup(c.Key())
		if !isScalar(want.Type) || got.Type != want.Type || strings.ContainsAny(c.Key(), ".$") {
			return unsure
		}
		if !bytes.Equal(got.Value, want.Value) {
			result = no
		}
	}
	return result
}

// isScalar reports whether values of a type are equal when their bytes are.
func isScalar(t bson.Type) bool {
	return t == bson.TypeString || t == bson.TypeInt32 || t == bson.TypeInt64 || t == bson.TypeBoolean
}

// body is the document of a message that has nothing else and wants a reply.
func body(m []byte) (bson.Raw, bool) {
	if mongowire.Opcode(m) != mongowire.OpMsg || len(m) < bodyAt || binary.LittleEndian.Uint32(m[mongowire.HeaderBytes:]) != 0 || m[bodyAt-1] != 0 {
		return nil, false
	}
	document := bson.Raw(m[bodyAt:])
	elements, err := document.Elements()
	return document, err == nil && document.Validate() == nil && len(elements) > 0
}

// withBody returns a message with another document, which can be written: it is made of what was read.
func withBody(m []byte, document bson.D) []byte {
	encoded, err := bson.Marshal(document)
	if err != nil {
		return m
	}
	out := append(bytes.Clone(m[:bodyAt]), encoded...)
	binary.LittleEndian.PutUint32(out, uint32(len(out))) //nolint:gosec // about as long as the message that it was made of
	return out
}
