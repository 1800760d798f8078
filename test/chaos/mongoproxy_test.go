package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/inlethq/inlet/test/harness/mongowire"
)

// command encodes one as a driver does.
func command(t *testing.T, id uint32, body bson.D) []byte {
	t.Helper()
	text, err := bson.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	m := make([]byte, bodyOffset, bodyOffset+len(text))
	binary.LittleEndian.PutUint32(m, uint32(bodyOffset+len(text)))
	binary.LittleEndian.PutUint32(m[4:], id)
	binary.LittleEndian.PutUint32(m[12:], mongowire.OpMsg)
	return append(m, text...)
}

func TestMongoMessages(t *testing.T) {
	insert := command(t, 77, bson.D{{Key: "insert", Value: "files"}, {Key: "ordered", Value: true}})
	got, err := mongowire.ReadMessage(bytes.NewReader(append(insert, "the next one"...)))
	if err != nil || !bytes.Equal(got, insert) {
		t.Fatalf("read %x, %v", got, err)
	}
	if name, collection := commandOf(insert); name != "insert" || collection != "files" {
		t.Errorf("%s of %s", name, collection)
	}
	if name, _ := commandOf(command(t, 1, bson.D{{Key: "ping", Value: 1}})); name != "ping" {
		t.Errorf("a command without a collection is %q", name)
	}
	for _, bad := range [][]byte{nil, insert[:mongowire.HeaderBytes], insert[:len(insert)-1]} {
		if name, _ := commandOf(bad); name != "" {
			t.Errorf("%x is %q", bad, name)
		}
	}
	for _, length := range []uint32{0, mongowire.HeaderBytes - 1, mongowire.MaxMessage + 1} {
		if _, err := mongowire.ReadMessage(bytes.NewReader(binary.LittleEndian.AppendUint32(nil, length))); err == nil {
			t.Errorf("a message of %d bytes was read", length)
		}
	}
}

func TestMongoErrors(t *testing.T) {
	for code, name := range mongoCodes {
		m, err := errorReply(command(t, 77, bson.D{{Key: "insert", Value: "files"}}), code)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := mongowire.ReadMessage(bytes.NewReader(m)); err != nil || binary.LittleEndian.Uint32(read[8:]) != 77 {
			t.Errorf("%s: a reply of %x, %v", name, read, err)
		}
		var body struct {
			OK       float64 `bson:"ok"`
			Code     int32   `bson:"code"`
			CodeName string  `bson:"codeName"`
		}
		if err := bson.Unmarshal(m[bodyOffset:], &body); err != nil || body.OK != 0 || body.Code != code || body.CodeName != name {
			t.Errorf("%+v, %v", body, err)
		}
	}
}
