//go:build compose

// Package compose tests what only the shipped containers can show: what NATS permits to whom, and that Inlet survives the stop and
// start of every container while files come in.
//
// It speaks to a project that is up: deploy/test-compose starts one and names it in the environment. What holds in every mode is
// tested in test/e2e.
package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

func environment(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: see deploy/test-compose", name)
	}
	return value
}

func TestSubscribersMayNotWrite(t *testing.T) {
	mayNotPublish(t, environment(t, "INLET_TEST_NATS"),
		"inlet.v1.file.deleted.main",
		"inlet.dead.v1.verifier",
		"$JS.API.STREAM.PURGE.INLET",
		"$JS.API.STREAM.DELETE.INLET",
		"$JS.API.STREAM.UPDATE.INLET",
		"$JS.API.STREAM.MSG.DELETE.INLET",
		"$JS.API.STREAM.MSG.GET.INLET_DEAD",
		"$JS.API.CONSUMER.DELETE.INLET.verifier",
		"$JS.API.CONSUMER.CREATE.INLET.verifier",
		"$JS.API.CONSUMER.CREATE.INLET.notifier",
		"$JS.API.CONSUMER.MSG.NEXT.INLET.thumbnailer",
		"$JS.ACK.INLET.thumbnailer.1.1.1.1.0",
	)
}

// TestOperatorsTouchLettersAlone: who shows and replays work that was given up reads the letters, and takes nobody's work.
func TestOperatorsTouchLettersAlone(t *testing.T) {
	url := environment(t, "INLET_TEST_NATS_OPERATOR")
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := js.Stream(harness.Context(t), "INLET_DEAD")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := letters.GetMsg(harness.Context(t), 1); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("reading a letter: %v", err)
	}
	if _, err := js.Consumer(harness.Context(t), "INLET", "verifier"); err != nil {
		t.Errorf("looking at a backlog: %v", err)
	}
	mayNotPublish(t, url,
		"inlet.dead.v1.verifier",
		"$JS.API.STREAM.PURGE.INLET",
		"$JS.API.STREAM.DELETE.INLET_DEAD",
		"$JS.API.STREAM.MSG.DELETE.INLET",
		"$JS.API.CONSUMER.DELETE.INLET.verifier",
		"$JS.API.CONSUMER.CREATE.INLET.verifier",
		"$JS.API.CONSUMER.MSG.NEXT.INLET.verifier",
	)
}

// mayNotPublish tries subjects, each of which the server must refuse to a user.
func mayNotPublish(t *testing.T, url string, subjects ...string) {
	t.Helper()
	refused := make(chan error, 1)
	conn, err := nats.Connect(url,
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, subject := range subjects {
		if err := conn.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-refused:
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), subject) {
				t.Errorf("%s: refused for another reason: %v", subject, err)
			}
		case <-harness.Context(t).Done():
			t.Errorf("%s was not refused", subject)
		}
	}
}

func TestNobodyComesInWithoutPassword(t *testing.T) {
	address := environment(t, "INLET_TEST_NATS")
	_, host, _ := strings.Cut(address, "@")
	for _, user := range []string{"", "events@", "ingest:ingest@", "verifier:@", "operator:operator@"} {
		conn, err := nats.Connect("nats://" + user + host)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("as %q: %v, want %v", user, err, nats.ErrAuthorization)
		}
	}
}

// TestRestarts stops and starts each service in turn while files are uploaded. Every upload that was acknowledged ends ready, with its
// thumbnail, and with one event of each kind.
func TestRestarts(t *testing.T) {
	const uploaders = 6
	s := harness.Remote(t)
	uploading, stop := context.WithCancel(t.Context())
	defer stop()
	var acknowledged ids
	var g errgroup.Group
	for i := range uploaders {
		g.Go(func() error { return upload(uploading, s.Client, i, &acknowledged) })
	}
	for _, service := range []string{"verifier", "thumbnailer", "sweeper", "notifier", "nats", "mongo", "ingest"} {
		before := acknowledged.len()
		run(t, environment(t, "INLET_TEST_COMPOSE"), "stop", service)
		run(t, environment(t, "INLET_TEST_COMPOSE"), "start", service)
		run(t, environment(t, "INLET_TEST_WAIT"))
		harness.Eventually(t, time.Minute, func() error { // uploads go on
			if acknowledged.len() == before {
				return errors.New("no upload is acknowledged any more")
			}
			return nil
		})
		t.Logf("%s was stopped and started: %d uploads acknowledged meanwhile", service, acknowledged.len()-before)
	}
	stop()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	unfinished := acknowledged.all()
	harness.Eventually(t, time.Minute, func() error {
		for len(unfinished) > 0 {
			if err := finished(s, unfinished[0]); err != nil {
				return err
			}
			unfinished = unfinished[1:]
		}
		return nil
	})
	t.Logf("all %d acknowledged uploads are ready, %s after the last", acknowledged.len(), time.Since(began).Round(100*time.Millisecond))
}

// upload sends distinct pictures one after the other until ctx ends. Answers that are no success are to be expected.
func upload(ctx context.Context, c *api.Client, uploader int, acknowledged *ids) error {
	for n := 0; ctx.Err() == nil; n++ {
		sample := samples.SmallJPEG(uploader*100_000 + n%50)
		resp, err := c.Send(ctx, api.Upload{Name: fmt.Sprintf("%d-%d.jpg", uploader, n), Type: sample.Type, Data: sample.Data})
		if err != nil || resp.Err() != nil {
			if err == nil && resp.Status != 503 {
				return fmt.Errorf("upload %d-%d: %w", uploader, n, resp.Err())
			}
			pause(ctx)
			continue
		}
		var f api.File
		if err := api.Decode(resp, &f); err != nil {
			return err
		}
		acknowledged.add(f.ID)
	}
	return nil
}

// pause keeps a client from hammering at a closed door.
func pause(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}

func finished(s *harness.System, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	f, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	if f.State != "ready" {
		return fmt.Errorf("%s is %s (%s)", id, f.State, f.Reason)
	}
	if thumbnail, err := s.Thumbnail(ctx, id); err != nil || thumbnail.Err() != nil {
		return fmt.Errorf("thumbnail of %s: %w", id, errors.Join(err, thumbnail.Err()))
	}
	want := []event.Fact{event.Stored, event.VariantCreated, event.Verified} // by name
	var got []event.Fact
	for _, e := range s.Events.Of(id) {
		got = append(got, e.Fact())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s has the events %v, want %v", id, got, want)
	}
	return nil
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// ids is a list that several goroutines add to.
type ids struct {
	mu   sync.Mutex
	list []string
}

func (l *ids) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, id)
}

func (l *ids) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

func (l *ids) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}
