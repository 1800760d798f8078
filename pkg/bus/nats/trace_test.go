package nats_test

import (
	"context"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

const place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A worker, and who answers a request, goes on in the trace of whoever has sent the message.
func TestTraceCrossesTheBus(t *testing.T) {
	b := openBus(t, newServer(t))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, c := range []struct{ name, sent, want string }{
		{"traced", place, place},
		{"untraced", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := traceparent.With(ctx, c.sent)
			got := make(chan string, 1)
			consuming, stop := context.WithCancel(ctx)
			done := make(chan error, 1)
			subject := event.Subject(event.Stored, "acme")
			go func() {
				done <- b.Consume(consuming, bus.Work{Name: c.name, Subjects: []string{subject}, AckWait: time.Minute,
					Handle: func(ctx context.Context, d bus.Delivery) error {
						if d.ID == c.name {
							got <- traceparent.Of(ctx)
						}
						return nil
					}})
			}()
			if err := b.Publish(from, bus.Message{ID: c.name, Subject: subject, Data: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			select {
			case at := <-got:
				if at != c.want {
					t.Errorf("the worker is at %q, want %q", at, c.want)
				}
			case <-ctx.Done():
				t.Fatal("no message came")
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}

			end := respond(t, b, func(ctx context.Context, _ []byte) ([]byte, error) { return []byte(traceparent.Of(ctx)), nil })
			defer end()
			var answer []byte
			var err error
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for answer, err = b.Request(from, rpc, nil); err != nil && ctx.Err() == nil; answer, err = b.Request(from, rpc, nil) {
				<-tick.C // until somebody listens
			}
			if err != nil || string(answer) != c.want {
				t.Errorf("who answers is at %q, %v, want %q", answer, err, c.want)
			}
		})
	}
}
