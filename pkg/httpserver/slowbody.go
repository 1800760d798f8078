package httpserver

import (
	"io"
	"net/http"
	"time"
)

// The slowest sender that is put up with: slowBytes in every slowWindow.
const (
	slowWindow = 30 * time.Second
	slowBytes  = 30 << 10
)

// SlowBody ends a request whose body trickles: the connection's read deadline moves on only with bytes that have come.
// It replaces r.Body; call it before the body is read.
func SlowBody(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(slowWindow)) == nil {
		r.Body = &slowBody{ReadCloser: r.Body, control: control}
	}
}

type slowBody struct {
	io.ReadCloser
	control *http.ResponseController
	since   int // bytes since the deadline was moved
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.since += n; b.since >= slowBytes {
		b.since = 0
		_ = b.control.SetReadDeadline(time.Now().Add(slowWindow)) // without it the old one stands
	}
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{}) // the connection lives on
	}
	return n, err
}
