package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Requests for messages. The client library's own loops are not used: what they have fetched ahead is in nobody's hands,
// neither renewed while it waits nor given back at the end.
const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 5 * time.Second // of the server, while a request is open
	pullSubject   = "$JS.API.CONSUMER.MSG.NEXT." + eventStream + "."
	ackPrefix     = "$JS.ACK."
)

var (
	errReconnected = errors.New("connected anew")
	errSilent      = errors.New("the server does not answer a pull request")
)

// pullRequest is the body of a request for messages
// (https://docs.nats.io/reference/reference-protocols/nats_api_reference#fetching-from-a-consumer-using-pull).
type pullRequest struct {
	Batch     int           `json:"batch"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

// session keeps requests open at the server for as many messages as the worker has room for, so that a message is pushed
// the moment it is stored. It ends, with the reason, when the consumer is gone, the server is silent or the connection is a
// new one, and with nil when ctx does. What it took stays in the worker's hands.
func (k *worker) session(ctx context.Context, connected <-chan struct{}) error {
	if err := k.ensureConsumer(ctx); err != nil {
		return err
	}
	inbox := k.bus.conn.NewInbox()
	msgs := make(chan *nats.Msg, 2*k.limit+64) // all that can be on its way, and heartbeats
	sub, err := k.bus.conn.ChanSubscribe(inbox, msgs)
	if err != nil {
		return err
	}
	defer k.finish(sub, msgs)

	asked := 0 // messages that open requests still wait for
	heard := time.Now()
	tick := time.NewTicker(pullHeartbeat)
	defer tick.Stop()
	for {
		if n := k.room(asked); n > 0 {
			if asked == 0 {
				heard = time.Now()
			}
			if err := k.request(inbox, n); err != nil {
				return err
			}
			asked += n
		}
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			return errReconnected
		case <-k.freed:
		case <-tick.C:
			if asked > 0 && time.Since(heard) > 2*pullHeartbeat {
				return errSilent
			}
		case msg := <-msgs:
			heard = time.Now()
			if strings.HasPrefix(msg.Reply, ackPrefix) {
				asked = max(asked-1, 0)
				k.take(msg)
				continue
			}
			unmet, err := status(msg)
			if err != nil {
				return err
			}
			asked = max(asked-unmet, 0)
		}
	}
}

// room is how many messages to ask for: as many as the worker may hold, but none until that is a batch worth a request.
func (k *worker) room(asked int) int {
	n := k.limit - int(k.held.Load()) - asked
	if n < k.limit/2 {
		return 0
	}
	return n
}

func (k *worker) request(inbox string, n int) error {
	body, err := json.Marshal(pullRequest{Batch: n, Expires: pullExpires, Heartbeat: pullHeartbeat})
	if err != nil {
		return err
	}
	return k.bus.conn.PublishRequest(pullSubject+k.work.Name, inbox, body)
}

// finish ends the subscription and takes what was still on its way.
func (k *worker) finish(sub *nats.Subscription, msgs <-chan *nats.Msg) {
	if err := sub.Drain(); err == nil && k.bus.conn.IsConnected() {
		k.bus.flush() // its answer comes after all that the server had sent
	}
	for {
		select {
		case msg := <-msgs:
			if strings.HasPrefix(msg.Reply, ackPrefix) {
				k.take(msg)
			}
		default:
			return
		}
	}
}

// status reads what the server says in place of a message: how many of the messages asked for will not come, or, as an
// error, that none will (https://docs.nats.io/nats-concepts/jetstream/consumers#status-messages).
func status(msg *nats.Msg) (unmet int, err error) {
	code, text := msg.Header.Get("Status"), msg.Header.Get("Description")
	switch {
	case code == "100": // a heartbeat
		return 0, nil
	case code == "408", code == "409" && text == "Batch Completed": // the request has run its time
		n, _ := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages"))
		return n, nil
	default:
		return 0, fmt.Errorf("pull ended: %s %s", code, text)
	}
}
