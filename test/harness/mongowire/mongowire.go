// Package mongowire reads the messages of MongoDB's wire protocol, for what stands between a client and a server in the tests.
//
// It takes the envelope off and does not look into it. https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
package mongowire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The envelope of a message.
const (
	HeaderBytes = 16         // length, request id, response to, opcode: four little-endian int32
	MaxMessage  = 48_000_000 // maxMessageSizeBytes
	OpMsg       = 2013
)

// ReadMessage reads one message, header included.
func ReadMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n < HeaderBytes || n > MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m := make([]byte, n)
	copy(m, length[:])
	_, err := io.ReadFull(r, m[len(length):])
	return m, err
}

// Opcode is what kind of message m is; 0 where it has no whole header.
func Opcode(m []byte) uint32 {
	if len(m) < HeaderBytes {
		return 0
	}
	return binary.LittleEndian.Uint32(m[12:])
}
