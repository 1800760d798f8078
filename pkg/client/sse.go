package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// maxLine bounds a line of an event stream. An event has some KiB.
const maxLine = 1 << 20

var errLongLine = errors.New("a line of the event stream is too long")

// frame is one event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type frame struct {
	id    string // empty when the frame has none
	event string
	data  []byte
}

// stream reads frames.
type stream struct {
	r     *bufio.Reader
	retry time.Duration // that the server asked for, zero before
}

func newStream(r io.Reader) *stream { return &stream{r: bufio.NewReader(r)} }

// next returns the next frame that has data. Comments, and what is cut off at the end, are passed over.
func (s *stream) next() (frame, error) {
	var f frame
	var some bool
	for {
		line, err := s.line()
		if err != nil {
			return frame{}, err
		}
		if len(line) == 0 {
			if some {
				return f, nil
			}
			f = frame{}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "data":
			if some {
				f.data = append(f.data, '\n')
			}
			f.data = append(f.data, value...)
			some = true
		case "event":
			f.event = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				f.id = string(value)
			}
		case "retry":
			if n, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				s.retry = time.Duration(n) * time.Millisecond
			}
		}
	}
}

// line reads to the end of a line: LF or CRLF.
func (s *stream) line() ([]byte, error) {
	var line []byte
	for {
		part, err := s.r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errLongLine
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
	}
}
