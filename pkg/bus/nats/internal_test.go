package nats

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
)

func TestDelay(t *testing.T) {
	steps := []time.Duration{time.Second, 10 * time.Second}
	for _, c := range []struct {
		name    string
		backoff []time.Duration
		attempt int
		random  float64
		want    time.Duration
	}{
		{"first, least", steps, 1, 0, 800 * time.Millisecond},
		{"first, middle", steps, 1, 0.5, time.Second},
		{"second, most", steps, 2, 1, 12 * time.Second},
		{"beyond the last", steps, 7, 0.5, 10 * time.Second},
		{"the default", nil, 4, 0.5, 2 * time.Minute},
		{"a single attempt", []time.Duration{}, 1, 0.5, time.Second},
	} {
		b := &Bus{random: func() float64 { return c.random }, log: discard()}
		k := newWorker(b, bus.Work{Name: "w", Backoff: c.backoff})
		if got := k.delay(c.attempt); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestStatus(t *testing.T) {
	header := func(code, text, pending string) nats.Header {
		return nats.Header{"Status": {code}, "Description": {text}, "Nats-Pending-Messages": {pending}}
	}
	for _, c := range []struct {
		name  string
		h     nats.Header
		unmet int
		ended bool
	}{
		{"heartbeat", header("100", "Idle Heartbeat", ""), 0, false},
		{"expired", header("408", "Request Timeout", "7"), 7, false},
		{"expired, unreadable", header("408", "Request Timeout", "x"), 0, false},
		{"batch completed", header("409", "Batch Completed", "3"), 3, false},
		{"consumer deleted", header("409", "Consumer Deleted", ""), 0, true},
		{"leadership change", header("409", "Leadership Change", ""), 0, true},
		{"nobody there", header("503", "", ""), 0, true},
		{"bad request", header("400", "Bad Request", ""), 0, true},
		{"no status at all", nil, 0, true},
	} {
		unmet, err := status(&nats.Msg{Header: c.h})
		if unmet != c.unmet || (err != nil) != c.ended {
			t.Errorf("%s: %d, %v", c.name, unmet, err)
		}
	}
}

// FuzzSubject holds our check against the server's own.
func FuzzSubject(f *testing.F) {
	for _, s := range []string{"inlet.v1.file.stored.t", "a..b", "a.*", ">", ".", "", "a b", "a.b*.c", "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if validSubject(s) && !server.IsValidLiteralSubject(s) {
			t.Errorf("%q passes, and the server refuses it", s)
		}
	})
}

// FuzzAnswer reads answers that a responder of ours did not send.
func FuzzAnswer(f *testing.F) {
	for _, seed := range [][2]string{{"", "data"}, {"not_found", `{"code":"c","text":"t"}`}, {"odd", "{}"}, {"invalid", "{"}} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		_, err := readAnswer(&nats.Msg{Header: nats.Header{headerError: {kind}}, Data: data})
		if !slices.Contains(file.Kinds, file.KindOf(err)) {
			t.Errorf("%q: %v is of no known kind", kind, err)
		}
	})
}
