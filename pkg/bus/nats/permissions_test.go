package nats_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
)

// serviceUsers are those of the configuration that is shipped.
var serviceUsers = []string{"ingest", "sweeper", "verifier", "thumbnailer", "notifier", "operator", "events"}

// shipped runs a server with deploy/nats/nats.conf, on a free port and a store of its own.
func shipped(t *testing.T) *natsserver.Server {
	t.Helper()
	for _, user := range serviceUsers {
		t.Setenv("NATS_"+strings.ToUpper(user)+"_PASSWORD", password(user))
	}
	opts, err := natsserver.ProcessConfigFile(filepath.Join("..", "..", "..", "deploy", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, u := range opts.Users {
		users = append(users, u.Username)
	}
	if !slices.Equal(slices.Sorted(slices.Values(users)), slices.Sorted(slices.Values(serviceUsers))) {
		t.Fatalf("the users are %v, want %v", users, serviceUsers)
	}
	opts.Host, opts.Port, opts.HTTPPort, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", natsserver.RANDOM_PORT, 0, t.TempDir(), true, true
	s, err := natsserver.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	return s
}

func password(user string) string { return "secret-of-" + user }

// openAs opens the bus for one of the users.
func openAs(t *testing.T, s *natsserver.Server, user string) *nats.Bus {
	t.Helper()
	b, err := nats.Open(t.Context(), nats.Config{URL: s.ClientURL(), User: user, Password: password(user)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestShippedPermissions asks as every user of the shipped configuration: ingest may ask, the thumbnailer may answer, and nobody else may do either.
func TestShippedPermissions(t *testing.T) {
	const render = bus.RequestPrefix + "render"
	s := shipped(t)
	ingest, thumbnailer := openAs(t, s, "ingest"), openAs(t, s, "thumbnailer")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = thumbnailer.Respond(ctx, render, "thumbnailer", 1, func(_ context.Context, data []byte) ([]byte, error) { return data, nil })
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience / 4); ; {
		asking, stop := context.WithTimeout(t.Context(), time.Second)
		got, err := ingest.Request(asking, render, []byte("x"))
		stop()
		if err == nil && string(got) == "x" {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("ingest is not answered by the thumbnailer: %q, %v", got, err)
		}
	}
	if err := thumbnailer.Ping(t.Context()); err != nil {
		t.Errorf("the thumbnailer cannot do its other work: %v", err)
	}
	for _, user := range serviceUsers {
		if refused := publishRefused(t, s, user, render); refused != (user != "ingest") {
			t.Errorf("%s asks: refused %v", user, refused)
		}
		if !publishRefused(t, s, user, "_INBOX.somebody.else") {
			t.Errorf("%s may answer for others", user)
		}
		if refused := subscribeRefused(t, s, user, render, "thumbnailer"); refused != (user != "thumbnailer") {
			t.Errorf("%s answers: refused %v", user, refused)
		}
		for _, queue := range []string{"", "another"} {
			if !subscribeRefused(t, s, user, render, queue) {
				t.Errorf("%s may listen to requests in queue %q", user, queue)
			}
		}
	}
}

// refusal reports whether the server refuses what do does.
func refusal(t *testing.T, s *natsserver.Server, user string, do func(*natsgo.Conn) error) bool {
	t.Helper()
	conn, err := natsgo.Connect(s.ClientURL(), natsgo.UserInfo(user, password(user)), natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := do(conn); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil { // the server complains before it answers
		t.Fatal(err)
	}
	return conn.LastError() != nil
}

func publishRefused(t *testing.T, s *natsserver.Server, user, subject string) bool {
	t.Helper()
	return refusal(t, s, user, func(c *natsgo.Conn) error { return c.Publish(subject, nil) })
}

func subscribeRefused(t *testing.T, s *natsserver.Server, user, subject, queue string) bool {
	t.Helper()
	return refusal(t, s, user, func(c *natsgo.Conn) error {
		_, err := c.QueueSubscribeSync(subject, queue)
		return err
	})
}

// TestShippedOperator works as the operator of the shipped configuration: letters are read and removed, backlogs are seen, replays are told, and
// nothing else is touched.
func TestShippedOperator(t *testing.T) {
	s := shipped(t)
	worker, operator := openAs(t, s, "verifier"), openAs(t, s, "operator")
	consume(t, worker, bus.Work{
		Name: "verifier", Subjects: []string{"inlet.v1.>"},
		Handle: func(context.Context, bus.Delivery) error { return bus.Permanent(errors.New("broken")) },
	})
	if err := operator.Publish(t.Context(), bus.Message{ID: "1", Subject: "inlet.v1.a.b"}); err != nil {
		t.Fatalf("telling of a replay: %v", err)
	}
	left := letters(t, operator, 1)
	if err := operator.DiscardDeadLetter(t.Context(), left[0].Sequence); err != nil {
		t.Errorf("removing a letter: %v", err)
	}
	if left := letters(t, operator, 0); len(left) != 0 {
		t.Errorf("a letter that was removed is there: %+v", left)
	}
	backlogs, err := operator.Inspect(t.Context(), "verifier", "thumbnailer")
	if err != nil || backlogs[0].Missing || !backlogs[1].Missing {
		t.Errorf("the backlogs are %+v, %v", backlogs, err)
	}
	for subject, want := range map[string]bool{
		"$JS.API.STREAM.PURGE.INLET_DEAD":          false,
		"$JS.API.STREAM.PURGE.INLET":               true,
		"$JS.API.STREAM.DELETE.INLET_DEAD":         true,
		"$JS.API.STREAM.MSG.DELETE.INLET":          true,
		"$JS.API.STREAM.UPDATE.INLET_DEAD":         true,
		"$JS.API.CONSUMER.CREATE.INLET.verifier":   true,
		"$JS.API.CONSUMER.MSG.NEXT.INLET.verifier": true,
		"$JS.API.CONSUMER.DELETE.INLET.verifier":   true,
		"inlet.dead.v1.verifier":                   true,
	} {
		if refused := publishRefused(t, s, "operator", subject); refused != want {
			t.Errorf("%s: refused %v, want %v", subject, refused, want)
		}
	}
	if !subscribeRefused(t, s, "operator", "inlet.v1.>", "") {
		t.Error("the operator may listen to events: the user events is there for that")
	}
}
