package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/launch"
)

// s3proxy stands between Inlet and its S3 server, and makes of a good server a bad one. What it does to a request is decided by chance, in the order
// in which requests come. It may be used by many goroutines.
type s3proxy struct {
	addr     string // host:port, the same for ever
	upstream string // host:port of the server
	way      *http.Transport
	handling sync.WaitGroup // requests, also those that their client has given up

	mu     sync.Mutex
	rng    *rand.Rand
	state  lineState
	back   chan struct{} // closed when the line stops hanging
	server *http.Server  // nil while connections are refused
	done   map[s3fault]int
}

// lineState is how the line to the server is.
type lineState int

const (
	lineFair    lineState = iota // every request goes through
	lineFaulty                   // some are hit by a fault
	lineHung                     // connections are taken, and nothing is answered
	lineRefused                  // connections are not even taken
)

func (l lineState) String() string {
	return [...]string{"fair", "faulty", "hung", "refusing"}[l]
}

// newS3Proxy makes a proxy and opens its line.
func newS3Proxy(upstream string, rng *rand.Rand) (*s3proxy, error) {
	addr, err := launch.FreeAddr()
	if err != nil {
		return nil, err
	}
	p := &s3proxy{
		addr: addr, upstream: upstream, rng: rng, done: map[s3fault]int{},
		way: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}
	return p, p.listen()
}

// listen begins to take connections. The caller holds the lock, or is the only one.
func (p *s3proxy) listen() error {
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	p.server = s
	go func() { _ = s.Serve(l) }() // ends with Close
	return nil
}

// turn changes the line.
func (p *s3proxy) turn(to lineState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == lineHung {
		close(p.back)
	}
	if to == lineHung {
		p.back = make(chan struct{})
	}
	p.state = to
	switch {
	case to == lineRefused && p.server != nil:
		s := p.server
		p.server = nil
		return s.Close()
	case to != lineRefused && p.server == nil:
		return p.listen()
	}
	return nil
}

// settle waits until nothing is on its way to the server any more.
func (p *s3proxy) settle() { p.handling.Wait() }

func (p *s3proxy) close() error {
	err := p.turn(lineRefused)
	p.settle()
	p.way.CloseIdleConnections()
	return err
}

// String counts the faults that there were.
func (p *s3proxy) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	words := make([]string, 0, len(s3faults))
	for _, f := range s3faults {
		words = append(words, fmt.Sprintf("%d %s", p.done[f.fault], f.fault))
	}
	return strings.Join(words, ", ")
}

// ServeHTTP implements http.Handler.
func (p *s3proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.handling.Add(1)
	defer p.handling.Done()
	p.mu.Lock()
	state, back := p.state, p.back
	hit := s3hit{fault: none}
	if state == lineFaulty {
		hit = pickS3Fault(p.rng, r)
		p.done[hit.fault]++
	}
	p.mu.Unlock()
	if state == lineHung {
		select {
		case <-back:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}
	p.meet(w, r, hit)
}

// send passes a request on.
func (p *s3proxy) send(ctx context.Context, r *http.Request, body io.Reader) (*http.Response, error) {
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", p.upstream, ""
	out.Body = http.NoBody
	if r.ContentLength != 0 {
		out.Body = io.NopCloser(body)
	}
	return p.way.RoundTrip(out)
}

// pass is a line without faults.
func (p *s3proxy) pass(w http.ResponseWriter, r *http.Request) {
	resp, err := p.send(r.Context(), r, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer(w, resp.StatusCode, resp.Header)
	if _, err := io.Copy(w, resp.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// reply is an answer of the server that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// work lets the server do what is asked, whether or not the client waits for it, and reads its answer.
func (p *s3proxy) work(r *http.Request) (reply, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return reply{}, err
	}
	return p.workOn(r, body)
}

func (p *s3proxy) workOn(r *http.Request, body []byte) (reply, error) {
	resp, err := p.send(context.WithoutCancel(r.Context()), r, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	said, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, said}, errors.Join(err, resp.Body.Close())
}

// answer begins an answer with the status and the header of the server's.
func answer(w http.ResponseWriter, status int, h http.Header) {
	maps.Copy(w.Header(), h)
	w.WriteHeader(status)
}
