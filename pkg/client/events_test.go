package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
)

func sample(n int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","type":"inlet.v1.file.stored","data":{"file":{"id":"01JQ3KMN7XFGY4P6WBR2SZTA9V"},"rev":%d}}`, n, n)
}

func TestEventsComeBackAfterACut(t *testing.T) {
	var connections atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch connections.Add(1) {
		case 1: // ends before its first event
			if q.Get("type") != "file.stored,file.verified" || q.Get("tag") != "x" || q.Has("since") {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = io.WriteString(w, "retry: 1\n\n: ping\n\n")
		case 2:
			if !q.Has("since") || r.Header.Get("Last-Event-Id") != "" {
				t.Errorf("asked for %s after %q", r.URL, r.Header.Get("Last-Event-Id"))
			}
			_, _ = fmt.Fprintf(w, "id: e1\nevent: file.stored\ndata: %s\n\nid: e2\ndata: %s", sample(1), sample(2)) // the second is cut
		case 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			if q.Has("since") || r.Header.Get("Last-Event-Id") != "e1" {
				t.Errorf("asked for %s after %q", r.URL, r.Header.Get("Last-Event-Id"))
			}
			_, _ = fmt.Fprintf(w, "event: gap\ndata: {\"reason\":\"too old\"}\n\nid: e2\nevent: file.stored\ndata: %s\n\n", sample(2))
		}
	})
	gap := ""
	f := EventFilter{Facts: []event.Fact{event.Stored, event.Verified}, Tag: "x", OnGap: func(reason string) { gap = reason }}
	var got []string
	for e, err := range c.Events(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.ID); len(got) == 2 {
			break
		}
	}
	if strings.Join(got, " ") != "e1 e2" || gap != "too old" {
		t.Errorf("got %v, gap %q", got, gap)
	}
}

func TestEventsEnd(t *testing.T) {
	for want, status := range map[error]int{ErrForbidden: http.StatusForbidden, ErrUnavailable: http.StatusBadGateway} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, WithRetries(1))
		if last := lastOf(c.Events(t.Context(), EventFilter{})); !errors.Is(last, want) {
			t.Errorf("%d from the start: %v", status, last)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	if last := lastOf(c.Events(ctx, EventFilter{})); !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled: %v", last)
	}
}

func lastOf(events iter.Seq2[event.Event, error]) (last error) {
	for _, err := range events {
		last = err
	}
	return last
}

func TestStream(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"data: a\n\n":                       "[ a]",
		"data:a\r\n\r\n":                    "[ a]",
		"data: a\ndata: b\n\n":              "[ a\nb]",
		"data\n\n":                          "[ ]",
		"id: 1\nevent: x\ndata: a\n\n":      "1[x a]",
		": ping\n\nretry: 5\n\ndata: a":     "",
		"event: x\n\ndata: a\n\n":           "[ a]",
		"unknown: x\nid: 1\n\ndata:  a\n\n": "[  a]",
	} {
		s := newStream(strings.NewReader(text))
		var got strings.Builder
		for {
			f, err := s.next()
			if err != nil {
				break
			}
			fmt.Fprintf(&got, "%s[%s %s]", f.id, f.event, f.data)
		}
		if got.String() != want {
			t.Errorf("%q gives %q, want %q", text, got.String(), want)
		}
	}
}

func TestLongLine(t *testing.T) {
	s := newStream(io.MultiReader(strings.NewReader("data: "), bytes.NewReader(make([]byte, maxLine))))
	if _, err := s.next(); !errors.Is(err, errLongLine) {
		t.Errorf("got %v", err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("id: 1\nevent: x\ndata: a\ndata: b\n\n: ping\r\n\r\nretry: 7\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newStream(bytes.NewReader(text))
		for range len(text) + 1 {
			frame, err := s.next()
			if err != nil {
				return
			}
			if strings.ContainsAny(frame.id+frame.event, "\n") || len(frame.data) > len(text) {
				t.Fatalf("frame %+v of %q", frame, text)
			}
		}
		t.Fatal("more frames than bytes")
	})
}
