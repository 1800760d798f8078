package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxBody bounds what is read of an answer to check it. No answer that is not a file is longer.
const maxBody = 1 << 20

// Transport checks each exchange against the documents. One that they do not describe ends in an error in place of its answer; a stream of events, where
// it says what they do not describe.
type Transport struct {
	Next      http.RoundTripper
	Documents *Documents
	Events    *Events // of the streams of events
	Base      string  // of Inlet, where clients are sent to other servers as well; empty when every request is to it
}

var _ http.RoundTripper = (*Transport)(nil)

// described are all documents of this repository.
type described struct {
	documents *Documents
	events    *Events
}

var load = sync.OnceValues(func() (described, error) {
	documents, err := Load(Folder())
	if err != nil {
		return described{}, err
	}
	events, err := LoadEvents(EventsDocument())
	return described{documents, events}, err
})

// Wrap puts a Transport with the documents of this repository before next. Documents that cannot be read fail every request.
func Wrap(next http.RoundTripper) http.RoundTripper { return WrapFor("", next) }

// WrapFor is Wrap for the requests to one base URL.
func WrapFor(base string, next http.RoundTripper) http.RoundTripper {
	d, err := load()
	if err != nil {
		return broken{err}
	}
	return &Transport{Next: next, Documents: d.documents, Events: d.events, Base: base}
}

// broken stands for documents that cannot be read.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Next.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.String(), t.Base) {
		return resp, err
	}
	x := exchange{request: r, response: resp}
	if isText(resp.Header.Get("Content-Type")) {
		if err := x.peek(); err != nil {
			_ = resp.Body.Close()
			return nil, err
		}
	}
	if err := t.Documents.check(x); err != nil {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("contract: %s %s (%d): %w", r.Method, r.URL.Path, resp.StatusCode, err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		resp.Body = &checkedStream{ReadCloser: resp.Body, events: t.Events}
	}
	return resp, nil
}

// isText reports whether a body of this type is looked at: a file is not, and a stream of events is as it is read.
func isText(contentType string) bool {
	return strings.HasPrefix(contentType, "application/json") || strings.HasPrefix(contentType, "text/plain")
}

// peek reads the answer's body as far as maxBody, and leaves it to be read again.
func (x *exchange) peek() error {
	head, err := io.ReadAll(io.LimitReader(x.response.Body, maxBody+1))
	if err != nil {
		return err
	}
	if len(head) <= maxBody {
		x.body = head
	}
	x.response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), x.response.Body), x.response.Body}
	return nil
}
