package main

import (
	"bytes"
	"encoding/binary"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/inlethq/inlet/test/harness/mongowire"
)

// The wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/.

// writes are the commands that change documents; greetings those by which a client looks whether a server is its primary.
var (
	writes    = []string{"insert", "update", "delete", "findAndModify"}
	greetings = []string{"hello", "isMaster", "ismaster", ""}
)

// bodyOffset is where the body of an OP_MSG begins: after its flags and the kind of its first section.
const bodyOffset = mongowire.HeaderBytes + 4 + 1

func forward(server net.Conn, command []byte) ([]byte, error) {
	if _, err := server.Write(command); err != nil {
		return nil, err
	}
	return mongowire.ReadMessage(server)
}

// commandOf returns the name of a command and of the collection that it is for; nothing for a message of another kind, which is a first hello.
func commandOf(m []byte) (name, collection string) {
	if len(m) < bodyOffset || mongowire.Opcode(m) != mongowire.OpMsg || m[bodyOffset-1] != 0 {
		return "", ""
	}
	body, err := bson.ReadDocument(bytes.NewReader(m[bodyOffset:]))
	if err != nil {
		return "", ""
	}
	first, err := body.IndexErr(0)
	if err != nil {
		return "", ""
	}
	collection, _ = first.Value().StringValueOK()
	return first.Key(), collection
}

// errorReply answers a command with an error.
func errorReply(command []byte, code int32) ([]byte, error) {
	body, err := bson.Marshal(bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "not primary"}, {Key: "code", Value: code}, {Key: "codeName", Value: mongoCodes[code]}})
	if err != nil {
		return nil, err
	}
	m := make([]byte, bodyOffset, bodyOffset+len(body))
	binary.LittleEndian.PutUint32(m, uint32(bodyOffset+len(body))) //nolint:gosec // some hundred
	copy(m[8:], command[4:8])                                      // responds to the request's id
	binary.LittleEndian.PutUint32(m[12:], mongowire.OpMsg)
	return append(m, body...), nil
}

// mongoCodes are the errors of a server that is not, or not any more, or not for long, the primary.
// https://www.mongodb.com/docs/manual/reference/error-codes/
var mongoCodes = map[int32]string{10107: "NotWritablePrimary", 91: "ShutdownInProgress", 11600: "InterruptedAtShutdown"}
