package main

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/harness/mongowire"
)

// mongoFault is what a mongoProxy does to the commands that come while it stands.
type mongoFault int

// The faults.
const (
	mongoWell      mongoFault = iota // none
	mongoDeposed                     // no primary: every command but hello is answered with an error, and not done
	mongoForgetful                   // the same, but writes are done before
	mongoSlow                        // every command takes mongoLag longer
	mongoHung                        // commands get no answer, and are not done
	mongoGone                        // connections are refused
)

const mongoLag = 3 * time.Second

// mongoProxy stands between Inlet and a MongoDB server, at the level of the wire protocol: it knows where a command begins and ends, and which it is. Its
// faults may be set at any time, by one goroutine.
type mongoProxy struct {
	address string
	server  string // host:port
	journal *mongoJournal

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	conns    map[net.Conn]struct{}
	fault    mongoFault
	changed  chan struct{} // closed when the fault changes
	skip     int           // writes that are answered before the next that is not
	lose     int           // writes whose answer is lost
	lost     map[string]int
	code     int32         // of a deposed primary's errors
	drained  chan struct{} // closed when lose comes to 0
}

// newMongoProxy listens before a server, and writes what is written to accounts and made in files to a journal.
func newMongoProxy(server, journal string) (*mongoProxy, error) {
	addr, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	j, err := newMongoJournal(journal)
	if err != nil {
		return nil, err
	}
	p := &mongoProxy{address: addr, server: server, journal: j, conns: map[net.Conn]struct{}{}, changed: make(chan struct{}), lost: map[string]int{}}
	return p, p.listen()
}

// uri names a database behind the proxy.
func (p *mongoProxy) uri(database string) string { return "mongodb://" + p.address + "/" + database }

func (p *mongoProxy) listen() error {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	go p.accept(l)
	return nil
}

func (p *mongoProxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return // closed
		}
		go p.serve(client)
	}
}

// set changes the fault. The connections that a fault has spoilt are cut when it ends.
func (p *mongoProxy) set(f mongoFault) error {
	p.mu.Lock()
	was := p.fault
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	if was == mongoHung || f == mongoGone {
		p.cut()
	}
	if f == mongoGone {
		_ = p.listener.Close() // it is not used again
	}
	p.mu.Unlock()
	if was == mongoGone {
		return p.listen()
	}
	return nil
}

// depose makes commands fail with one of the codes of a primary that is none any more.
func (p *mongoProxy) depose(f mongoFault, code int32) error {
	p.mu.Lock()
	p.code = code
	p.mu.Unlock()
	return p.set(f)
}

// loseAnswers forwards the next writes but for the first skip of them, and cuts the connection in place of their answers. The channel is closed when n were lost.
func (p *mongoProxy) loseAnswers(skip, n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.skip, p.lose, p.drained = skip, n, make(chan struct{})
	return p.drained
}

// losses returns how many answers of each kind of write were lost.
func (p *mongoProxy) losses() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.lost)
}

func (p *mongoProxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close() // nobody waits for it
	p.cut()
	_ = p.journal.close() // it is there to be read by people
}

// cut closes all connections. The lock is held.
func (p *mongoProxy) cut() {
	for c := range p.conns {
		_ = c.Close() // its goroutine ends
	}
}

func (p *mongoProxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
}

func (p *mongoProxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

// serve passes the commands of one client on, one at a time, until either side leaves or a fault cuts it off.
func (p *mongoProxy) serve(client net.Conn) {
	p.keep(client)
	defer p.drop(client)
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	p.keep(server)
	defer p.drop(server)
	for {
		command, err := mongowire.ReadMessage(client)
		if err != nil {
			return
		}
		reply, err := p.exchange(server, command)
		if err != nil {
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

var errAnswerLost = errors.New("the answer is lost")

// exchange has a command done, as the fault of the moment wants it.
func (p *mongoProxy) exchange(server net.Conn, command []byte) ([]byte, error) {
	name, target := commandOf(command)
	p.mu.Lock()
	fault, changed, code := p.fault, p.changed, p.code
	p.mu.Unlock()
	switch fault {
	case mongoHung:
		<-changed
		return nil, errAnswerLost
	case mongoSlow:
		if err := pause(context.Background(), mongoLag); err != nil {
			return nil, err
		}
	case mongoDeposed, mongoForgetful:
		if slices.Contains(greetings, name) {
			break
		}
		if fault == mongoForgetful && slices.Contains(writes, name) {
			if _, err := p.forward(server, command, name, target, true); err != nil {
				return nil, err
			}
		}
		return errorReply(command, code)
	}
	if !slices.Contains(writes, name) {
		return forward(server, command)
	}
	return p.forward(server, command, name, target, false)
}

// forward has a write done. Its answer may be one of those that are to be lost.
func (p *mongoProxy) forward(server net.Conn, command []byte, name, target string, forgotten bool) ([]byte, error) {
	began := time.Now()
	reply, err := forward(server, command)
	lost := err == nil && !forgotten && p.loses(name+" "+target)
	p.journal.note(began, command, name, target, reply, lost || forgotten)
	if lost {
		return nil, errAnswerLost
	}
	return reply, err
}

// loses reports whether the answer of a write that was done is to be lost.
func (p *mongoProxy) loses(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.lose == 0:
		return false
	case p.skip > 0:
		p.skip--
		return false
	}
	p.lost[what]++
	if p.lose--; p.lose == 0 {
		close(p.drained)
	}
	return true
}
