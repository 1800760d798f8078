package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/inlethq/inlet/pkg/event"
)

// checkedStream is the body of a stream of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). Reading it fails at the first frame that the document does
// not describe, before the reader has seen its end.
type checkedStream struct {
	io.ReadCloser
	events *Events
	frame  []byte // as far as it has come
	err    error
}

// Read implements io.Reader.
func (s *checkedStream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.ReadCloser.Read(p)
	s.frame = append(s.frame, p[:n]...)
	for {
		frame, rest, whole := bytes.Cut(s.frame, []byte("\n\n"))
		if !whole {
			return n, err
		}
		s.frame = rest
		if s.err = s.events.checkFrame(string(frame)); s.err != nil {
			return 0, s.err
		}
	}
}

// checkFrame compares a frame with the document: an event, a gap, or what is for the client's machinery alone.
func (e *Events) checkFrame(frame string) error {
	headers, data := map[string]any{}, []string{}
	for line := range strings.SplitSeq(frame, "\n") {
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "", "retry": // a comment, and how long to wait before connecting again
		case "data":
			data = append(data, value)
		default:
			headers[name] = value
		}
	}
	if len(headers) == 0 && len(data) == 0 {
		return nil
	}
	m, text := e.messages[frameMessage], strings.Join(data, "\n")
	if headers["event"] == gapMessage {
		m = e.messages[gapMessage]
		var gap any
		if err := json.Unmarshal([]byte(text), &gap); err != nil {
			return fmt.Errorf("contract: a gap: %w", err)
		}
		if err := valid(m.payload, gap); err != nil {
			return fmt.Errorf("contract: a gap: %w", err)
		}
	} else if err := e.checkStreamed(headers, []byte(text)); err != nil {
		return err
	}
	if err := valid(m.headers, headers); err != nil {
		return fmt.Errorf("contract: a frame's fields: %w", err)
	}
	return nil
}

// checkStreamed compares the event of a frame with the document, and with the fields of the frame that say the same.
func (e *Events) checkStreamed(headers map[string]any, data []byte) error {
	if err := e.Check(data); err != nil {
		return err
	}
	ev, err := event.Decode(data)
	if err == nil && (headers["id"] != ev.ID || headers["event"] != string(ev.Fact())) {
		err = fmt.Errorf("contract: the frame %v has the event %s, %s", headers, ev.ID, ev.Fact())
	}
	return err
}
