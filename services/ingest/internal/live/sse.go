package live

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// reconnectAfter is how long a client is told to wait before it connects again.
const reconnectAfter = 2 * time.Second

// frame is an event of the stream. data is one line.
func frame(id, name string, data []byte) []byte {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, data)
	return b.Bytes()
}

// gapFrame has no id: the client's last one stays what it was.
func gapFrame(reason string) []byte {
	return frame("", "gap", fmt.Appendf(nil, `{"reason":%q}`, reason))
}

// oneLine reports whether s can stand in a line of a frame.
func oneLine(s string) bool { return !strings.ContainsAny(s, "\r\n\x00") }

// writer sends a stream to one client. What is written leaves with flush. An error is for good.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	sent    time.Time // when something was last
	waiting int       // frames that were not flushed
}

// flushAfter bounds what is gathered while there is more to send.
const flushAfter = 64

func newWriter(w http.ResponseWriter, limit time.Duration) *writer {
	return &writer{w: w, control: http.NewResponseController(w), limit: limit}
}

// begin answers with a stream.
func (w *writer) begin() error {
	h := w.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would gather the stream
	w.w.WriteHeader(http.StatusOK)
	return w.now(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter.Milliseconds()))
}

// write sends a frame, soon.
func (w *writer) write(p []byte) error {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.limit)) // where there is none, none is kept
	if _, err := w.w.Write(p); err != nil {
		return err
	}
	if w.waiting++; w.waiting >= flushAfter {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	if w.waiting == 0 {
		return nil
	}
	w.waiting, w.sent = 0, time.Now()
	return w.control.Flush()
}

// now sends a frame at once.
func (w *writer) now(p []byte) error {
	if err := w.write(p); err != nil {
		return err
	}
	return w.flush()
}

// comment sends what a client does not see as an event.
func (w *writer) comment(text string) error { return w.now([]byte(": " + text + "\n\n")) }

// end frees the connection of the deadline: it may have another request.
func (w *writer) end() { _ = w.control.SetWriteDeadline(time.Time{}) }
