package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/.

// writes are the commands that change documents; greetings those by which a client looks whether a server is its primary.
var (
	writes    = []string{"insert", "update", "delete", "findAndModify"}
	greetings = []string{"hello", "isMaster", "ismaster", ""}
)

const (
	headerBytes = 16 // length, request id, response to, opcode: four little-endian int32
	maxMessage  = 48_000_000
	opMsg       = 2013
	bodyOffset  = headerBytes + 4 + 1 // flags, and the kind of the first section
)

// readMessage reads one message, header included.
func readMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n < headerBytes || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m := make([]byte, n)
	copy(m, length[:])
	_, err := io.ReadFull(r, m[len(length):])
	return m, err
}

func forward(server net.Conn, command []byte) ([]byte, error) {
	if _, err := server.Write(command); err != nil {
		return nil, err
	}
	return readMessage(server)
}

// commandOf returns the name of a command and of the collection that it is for; nothing for a message of another kind, which is a first hello.
func commandOf(m []byte) (name, collection string) {
	if len(m) < bodyOffset || binary.LittleEndian.Uint32(m[12:]) != opMsg || m[bodyOffset-1] != 0 {
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
	binary.LittleEndian.PutUint32(m[12:], opMsg)
	return append(m, body...), nil
}

// mongoCodes are the errors of a server that is not, or not any more, or not for long, the primary.
// https://www.mongodb.com/docs/manual/reference/error-codes/
var mongoCodes = map[int32]string{10107: "NotWritablePrimary", 91: "ShutdownInProgress", 11600: "InterruptedAtShutdown"}
