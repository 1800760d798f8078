// Package bus carries events and requests: what a publisher, a worker, a watcher, and those who ask and answer need of a message system.
//
// Nothing rests on the bus. A message is a hint that a record has changed: it may be lost, doubled, late or out of order, and the whole
// store of the bus may be deleted, without harm to a file. A request is answered or fails, and may be repeated. The package knows subjects
// and bytes, not what they mean.
package bus

import (
	"context"
	"errors"
	"time"
)

// Message is one event on its way.
type Message struct {
	ID      string // the event's id; a second publish with the same id within minutes is dropped by the bus
	Subject string
	Header  map[string]string
	Data    []byte
}

// Publisher sends messages.
type Publisher interface {
	// Publish returns nil when the bus has stored the message. Errors are file.Unavailable and file.Cancelled, and file.Invalid for
	// a message that no bus will ever take: a subject that is none of event.All, or more bytes than the server allows.
	Publish(ctx context.Context, m Message) error
}

// Delivery is a message in a worker's hands.
type Delivery struct {
	Message
	Attempt int  // 1 for the first
	Last    bool // no other attempt will follow an error
}

// Handler does the work of one delivery. Its context ends when the worker stops or loses the message.
// nil acknowledges. An error brings the message back after a delay of Work.Backoff; an error marked Permanent,
// or any error of the last attempt, hands it to Work.Dead instead.
type Handler func(ctx context.Context, d Delivery) error

// Work describes a durable subscription: its name is its identity, and all who consume under one name share the messages.
type Work struct {
	Name        string
	Subjects    []string // may end in ">"
	Concurrency int      // handlers at once in this process; 1 when 0
	AckWait     time.Duration
	Backoff     []time.Duration // delay after the n-th failed attempt, ±20 %; the number of attempts is one more than its length
	Handle      Handler
	// Dead is told of a message that is given up, before it is. Its error delays the message once more.
	Dead func(ctx context.Context, d Delivery, cause error) error
}

// DefaultAckWait and DefaultBackoff are what Consume uses where Work has none.
const DefaultAckWait = 60 * time.Second

// DefaultBackoff gives six attempts over some thirteen minutes.
var DefaultBackoff = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// Consumer receives work.
type Consumer interface {
	// Consume works until ctx ends, then lets handlers that run finish (their contexts end with ctx plus a grace of Drain),
	// gives back what it holds unstarted, and returns nil. It survives the loss of the connection and, by making them anew, of the stream and the consumer.
	Consume(ctx context.Context, w Work) error
}

// Watcher sees messages as they pass. It misses what passes while it is not connected: good for waking somebody who then looks at a record.
type Watcher interface {
	// Watch calls fn for each message on the subjects, one at a time, until the returned stop is called. fn must not block.
	Watch(subjects []string, fn func(Message)) (stop func(), err error)
}

// RequestPrefix begins the subject of every request, and that of no event: the bus stores no request.
const RequestPrefix = "inlet.rpc.v1."

// Requester asks whoever serves a subject.
type Requester interface {
	// Request returns the answer of one responder, or the error that it gave: its kind, code and public text. Other errors are
	// Unavailable where nobody serves the subject (at once), where all who do have too much to do (at once) or die, and where ctx reaches its
	// deadline or a minute passes; Cancelled when ctx is cancelled; Invalid for a subject that is none of RequestPrefix and for more bytes
	// than the server allows. After Unavailable and Cancelled the request may have been carried out.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
}

// Responder serves a subject.
type Responder interface {
	// Respond answers requests until ctx ends, then those that it has taken (for the grace of Drain, like Consume), and returns nil. Of all
	// who serve a subject under one queue, each request goes to one. fn runs at most concurrency times at once (1 when 0), under a context
	// that ends when the requester waits no longer; what waited for its turn until then is dropped. An error of fn crosses without its cause, as
	// Internal where it is none of package file; so does a panic. It survives the loss of the connection. Errors are Invalid for a subject or a
	// queue that is none, and Unavailable when the bus was closed.
	Respond(ctx context.Context, subject, queue string, concurrency int, fn func(ctx context.Context, data []byte) ([]byte, error)) error
}

// Bus is what a driver implements.
type Bus interface {
	Publisher
	Consumer
	Watcher
	Requester
	Responder
	Replayer
	Inspector
	DeadLetters
	// Ping returns nil when the bus can take a message now.
	Ping(ctx context.Context) error
	// Close sends what is buffered and disconnects.
	Close() error
}

// Drain is how long running handlers may go on after Consume or Respond was told to stop.
const Drain = 20 * time.Second

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that no other attempt can mend. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent reports whether err or something it wraps was marked Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
