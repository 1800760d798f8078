package main

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxJournal bounds the journal, in bytes; what comes after it is not written.
const maxJournal = 64 << 20

// mongoJournal keeps what Inlet wrote to accounts, and which records it made: how an account came to be wrong is told by nothing else. It may be used by
// many goroutines.
type mongoJournal struct {
	mu   sync.Mutex
	file *os.File
	size int
}

// journalLine is one write.
type journalLine struct {
	Began   time.Time       `json:"began"`
	Ended   time.Time       `json:"ended"`
	Write   string          `json:"write"`
	Lost    bool            `json:"lost,omitempty"` // its answer
	Command json.RawMessage `json:"command"`
	Reply   json.RawMessage `json:"reply,omitempty"` // nothing where the server has gone
}

func newMongoJournal(path string) (*mongoJournal, error) {
	f, err := os.Create(path) //nolint:gosec // in the trial's folder
	return &mongoJournal{file: f}, err
}

func (j *mongoJournal) close() error { return j.file.Close() }

// note writes a line for a command that changes an account or makes a record.
func (j *mongoJournal) note(began time.Time, command []byte, name, target string, reply []byte, lost bool) {
	if target != "accounts" && (target != "files" || name != "insert") {
		return
	}
	line, err := json.Marshal(journalLine{Began: began, Ended: time.Now(), Write: name + " " + target, Lost: lost, Command: textOf(command), Reply: textOf(reply)})
	if err != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size += len(line) + 1; j.size <= maxJournal {
		_, _ = j.file.Write(append(line, '\n')) // it is there to be read by people
	}
}

// textOf gives the sections of a message as JSON; null where it has none.
func textOf(m []byte) json.RawMessage {
	sections := []bson.Raw{}
	for rest := m[min(len(m), bodyOffset-1):]; len(rest) > 1; {
		kind := rest[0]
		rest = rest[1:]
		if kind == 1 { // a sequence of documents: its size, and its name
			_, documents, found := bytes.Cut(rest[min(len(rest), 4):], []byte{0})
			if !found {
				break
			}
			rest = documents
		}
		for len(rest) > 4 {
			d, err := bson.ReadDocument(bytes.NewReader(rest))
			if err != nil {
				break
			}
			sections = append(sections, d)
			rest = rest[len(d):]
			if kind == 0 {
				break
			}
		}
	}
	var text bytes.Buffer
	text.WriteByte('[')
	for i, d := range sections {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(d.String())
	}
	text.WriteByte(']')
	if !json.Valid(text.Bytes()) {
		return nil
	}
	return text.Bytes()
}
