package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/inlethq/inlet/pkg/event"
)

// Frame is one event of a stream of server-sent events.
type Frame struct {
	ID, Event, Data string
}

// Stream is an open GET /v1/events. It does not connect again.
type Stream struct {
	Header http.Header
	frames chan Frame
	cancel context.CancelFunc

	mu       sync.Mutex
	comments []string
	err      error // that has ended it
}

// Follow opens a stream of events. An answer that is none is an *Error. The stream ends with ctx, or with Close.
func (c *Client) Follow(ctx context.Context, query url.Values, lastID string) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/events?"+query.Encode(), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("X-Api-Key", c.key)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // the stream does, when it ends
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer cancel()
		defer resp.Body.Close()
		var body struct {
			Error struct{ Code, Message string }
		}
		_ = json.NewDecoder(resp.Body).Decode(&body) // the status says enough
		return nil, &Error{Status: resp.StatusCode, Code: body.Error.Code, Message: body.Error.Message, Header: resp.Header}
	}
	s := &Stream{Header: resp.Header, frames: make(chan Frame, 1024), cancel: cancel}
	go func() {
		defer close(s.frames)
		defer resp.Body.Close()
		s.read(ctx, bufio.NewScanner(resp.Body))
	}()
	return s, nil
}

// read takes the stream apart (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
func (s *Stream) read(ctx context.Context, lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var f Frame
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case lines.Text() == "":
			if f.Event == "" {
				continue
			}
			select {
			case s.frames <- f:
			case <-ctx.Done():
				return
			}
			f = Frame{}
		case name == "":
			s.mu.Lock()
			s.comments = append(s.comments, value)
			s.mu.Unlock()
		case name == "id":
			f.ID = value
		case name == "event":
			f.Event = value
		case name == "data":
			f.Data = value
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = lines.Err()
}

// ErrStreamEnded says that the server has ended a stream, or died, or has said what its document does not describe.
var ErrStreamEnded = errors.New("the stream has ended")

// Next waits for the next frame.
func (s *Stream) Next(ctx context.Context) (Frame, error) {
	select {
	case f, open := <-s.frames:
		if !open {
			s.mu.Lock()
			defer s.mu.Unlock()
			return Frame{}, errors.Join(ErrStreamEnded, s.err)
		}
		return f, nil
	case <-ctx.Done():
		return Frame{}, fmt.Errorf("no frame: %w", ctx.Err())
	}
}

// NextEvent waits for the next event, which must be one.
func (s *Stream) NextEvent(ctx context.Context) (event.Event, error) {
	f, err := s.Next(ctx)
	if err != nil {
		return event.Event{}, err
	}
	e, err := event.Decode([]byte(f.Data))
	if err == nil && (f.ID != e.ID || f.Event != string(e.Fact())) {
		err = fmt.Errorf("the frame %q does not agree with its event", f)
	}
	return e, err
}

// Comments are what the server has said besides events.
func (s *Stream) Comments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.comments...)
}

// Close ends the stream.
func (s *Stream) Close() { s.cancel() }
