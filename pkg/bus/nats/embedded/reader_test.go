package embedded_test

import (
	"context"
	"errors"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
)

const patience = 20 * time.Second

// network is a server with one event and one worker, as a reader on the network meets it.
type network struct {
	srv    *embedded.Server
	bus    *nats.Bus
	conn   *natsgo.Conn // the reader's
	js     jetstream.JetStream
	denied chan error
}

func newNetwork(t *testing.T) network {
	t.Helper()
	n := network{denied: make(chan error, 100)}
	n.srv = start(t, embedded.Config{Addr: "127.0.0.1:0", Durables: []string{"verifier"}})
	var err error
	if n.bus, err = nats.Open(t.Context(), nats.Config{Server: n.srv, User: embedded.User}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.bus.Close() })
	n.publish(t, "first")

	ctx, cancel := context.WithCancel(context.Background())
	worked, done := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		done <- n.bus.Consume(ctx, bus.Work{Name: "verifier", Subjects: []string{"inlet.v1.>"}, Handle: func(context.Context, bus.Delivery) error {
			worked <- struct{}{}
			return nil
		}})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	<-worked

	n.conn, err = natsgo.Connect(n.srv.URL(), natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { n.denied <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.conn.Close)
	if n.js, err = jetstream.New(n.conn); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n network) publish(t *testing.T, id string) {
	t.Helper()
	if err := n.bus.Publish(t.Context(), bus.Message{ID: id, Subject: "inlet.v1.file.stored.t", Data: []byte(id)}); err != nil {
		t.Fatal(err)
	}
}

func TestReaderMay(t *testing.T) {
	n := newNetwork(t)
	sub, err := n.conn.SubscribeSync("inlet.v1.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	n.publish(t, "second")
	if m, err := sub.NextMsg(patience); err != nil || string(m.Data) != "second" {
		t.Errorf("a plain subscription: %v, %v", m, err)
	}

	ordered, err := n.js.OrderedConsumer(t.Context(), "INLET", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"inlet.v1.file.>"}})
	if err != nil {
		t.Fatalf("an ordered consumer: %v", err)
	}
	durable, err := n.js.CreateOrUpdateConsumer(t.Context(), "INLET", jetstream.ConsumerConfig{Durable: "mine", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatalf("a durable consumer: %v", err)
	}
	for name, c := range map[string]jetstream.Consumer{"ordered": ordered, "durable": durable} {
		it, err := c.Messages()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, want := range []string{"first", "second"} {
			m, err := it.Next(jetstream.NextMaxWait(patience))
			if err != nil || string(m.Data()) != want {
				t.Fatalf("%s: %v, %v, want %q", name, m, err, want)
			}
			if name == "durable" {
				if err := m.DoubleAck(t.Context()); err != nil {
					t.Errorf("ack: %v", err)
				}
			}
		}
		it.Stop()
	}
	old, err := n.conn.JetStream() // the older API of the client, with push consumers
	if err != nil {
		t.Fatal(err)
	}
	push, err := old.SubscribeSync("inlet.v1.>", natsgo.OrderedConsumer())
	if err != nil {
		t.Fatalf("an ordered push consumer: %v", err)
	}
	if m, err := push.NextMsg(patience); err != nil || string(m.Data) != "first" {
		t.Errorf("an ordered push consumer: %v, %v", m, err)
	}
	if err := n.js.DeleteConsumer(t.Context(), "INLET", "mine"); err != nil {
		t.Errorf("delete its own consumer: %v", err)
	}
	select {
	case err := <-n.denied:
		t.Errorf("refused: %v", err)
	default:
	}
}

func TestReaderMayNot(t *testing.T) {
	n := newNetwork(t)
	for _, subject := range []string{
		"inlet.v1.file.stored.t", "inlet.dead.v1.verifier", "inlet.rpc.v1.render", "anything", "_INBOX.x",
		"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.INLET", "$JS.API.STREAM.DELETE.INLET", "$JS.API.STREAM.PURGE.INLET",
		"$JS.API.STREAM.MSG.DELETE.INLET", "$JS.API.STREAM.MSG.GET.INLET_DEAD", "$JS.API.STREAM.SNAPSHOT.INLET", "$JS.API.STREAM.RESTORE.INLET",
		"$JS.API.CONSUMER.CREATE.INLET_DEAD.mine", "$JS.API.CONSUMER.MSG.NEXT.INLET_DEAD.mine",
		"$JS.API.CONSUMER.CREATE.INLET.verifier", "$JS.API.CONSUMER.CREATE.INLET.verifier.inlet.v1.none", "$JS.API.CONSUMER.DURABLE.CREATE.INLET.verifier",
		"$JS.API.CONSUMER.DELETE.INLET.verifier", "$JS.API.CONSUMER.PAUSE.INLET.verifier", "$JS.API.CONSUMER.MSG.NEXT.INLET.verifier",
		"$JS.ACK.INLET.verifier.1.1.1.1.0",
	} {
		if err := n.conn.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		n.refused(t, "publish to "+subject)
	}
	for _, subject := range []string{"inlet.dead.v1.>", "inlet.rpc.v1.render", "inlet.rpc.v1.>", "$JS.EVENT.>", ">", "inlet.>"} {
		if _, err := n.conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		n.refused(t, "subscribe to "+subject)
	}
	if conn, err := natsgo.Connect(n.srv.URL(), natsgo.UserInfo(embedded.User, "")); err == nil {
		conn.Close()
		t.Error("the in-process user is accepted over the network")
	}
	// A consumer that pushes where its maker may not publish must do no harm.
	for name, target := range map[string]string{
		"publish": "inlet.v1.file.stored.evil", "delete": "$JS.API.STREAM.DELETE.INLET", "purge": "$JS.API.STREAM.PURGE.INLET",
	} {
		_, err := n.js.CreateOrUpdatePushConsumer(t.Context(), "INLET", jetstream.ConsumerConfig{
			Name: name, DeliverSubject: target, HeadersOnly: true, AckPolicy: jetstream.AckNonePolicy,
		})
		t.Logf("push to %s: %v", target, err)
	}
	n.publish(t, "after")
	ordered, err := n.js.OrderedConsumer(t.Context(), "INLET", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := ordered.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer it.Stop()
	for _, want := range []string{"first", "after"} {
		if m, err := it.Next(jetstream.NextMaxWait(patience)); err != nil || string(m.Data()) != want {
			t.Fatalf("the stream has %v, %v, want %q", m, err, want)
		}
	}
}

func (n network) refused(t *testing.T, what string) {
	t.Helper()
	select {
	case err := <-n.denied:
		if !errors.Is(err, natsgo.ErrPermissionViolation) {
			t.Errorf("%s: %v, want a permission violation", what, err)
		}
	case <-time.After(2 * time.Second):
		t.Errorf("%s is not refused", what)
	}
}
