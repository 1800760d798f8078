package e2e

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// follow opens a stream of events that ends with the test.
func follow(t *testing.T, c *api.Client, query url.Values, lastID string) *api.Stream {
	t.Helper()
	s, err := c.Follow(t.Context(), query, lastID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// wantStreamed reads facts about one file from a stream, which must bring nothing else, and returns the last event.
func wantStreamed(t *testing.T, s *api.Stream, f api.File, want ...event.Fact) event.Event {
	t.Helper()
	var got []event.Fact
	var last event.Event
	for range want {
		e, err := s.NextEvent(harness.Context(t))
		if err != nil {
			t.Fatalf("after %v: %v; besides it said %q", got, err, s.Comments())
		}
		if e.Subject != f.Bare() {
			t.Fatalf("%s of %s came, want one of %v of %s", e.Type, e.Subject, want, f.Bare())
		}
		got, last = append(got, e.Fact()), e
	}
	if !sameSet(got, want) {
		t.Fatalf("%v came, want %v", got, want)
	}
	return last
}

func testEventStream(t *testing.T, s *harness.System) {
	tag, elsewhere := newTag(t), newTag(t)
	tail := follow(t, s.Client, url.Values{"tag": {tag}}, "")
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := tail.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	verdicts := follow(t, s.Client, url.Values{"tag": {tag}, "type": {"file.rejected,file.verified"}}, "")
	begun := time.Now().Add(-time.Second)
	mustUpload(t, s, s.Client, upload(elsewhere, samples.Text(50, 1)))
	note := mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 2)))
	wantStreamed(t, tail, note, event.Stored, event.Verified)
	wantStreamed(t, verdicts, note, event.Verified)

	photo := mustUpload(t, s, s.Client, upload(tag, samples.JPEG(320, 240, 3)))
	last := wantStreamed(t, tail, photo, event.Stored, event.Verified, event.VariantCreated)
	wantStreamed(t, verdicts, photo, event.Verified)
	if err := s.Delete(t.Context(), note.ID); err != nil {
		t.Fatal(err)
	}
	gone := wantStreamed(t, tail, note, event.Deleted)

	// The past: behind an event, by the header or by the query, and since a time; of one file.
	wantStreamed(t, follow(t, s.Client, url.Values{"tag": {tag}}, last.ID), note, event.Deleted)
	wantStreamed(t, follow(t, s.Client, url.Values{"tag": {tag}, "last_event_id": {last.ID}}, ""), note, event.Deleted)
	wantStreamed(t, follow(t, s.Client, url.Values{"file": {photo.ID}, "since": {begun.UTC().Format(time.RFC3339)}}, ""),
		photo, event.Stored, event.Verified, event.VariantCreated)
	again := follow(t, s.Client, url.Values{"tag": {tag}}, gone.ID)
	more := mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 4)))
	wantStreamed(t, again, more, event.Stored, event.Verified)

	unknown := follow(t, s.Client, url.Values{"tag": {tag}}, "not an id")
	if f, err := unknown.Next(harness.Context(t)); err != nil || f != (api.Frame{Event: "gap", Data: `{"reason":"unknown_id"}`}) {
		t.Errorf("%+v, %v, want a gap", f, err)
	}
	for query, status := range map[string]int{"type=file.stored,x": 400, "since=yesterday": 400, "tag=a/b": 404, "file=" + note.ID: 404} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Follow(t.Context(), q, ""); api.Status(err) != status {
			t.Errorf("%s: %v, want %d", query, err, status)
		}
	}
	if _, err := s.As("").Follow(t.Context(), nil, ""); api.Status(err) != http.StatusUnauthorized {
		t.Errorf("without a credential: %v", err)
	}
}

// testEventStreamTenants: a stream tells of the caller's tenant and of no other, in the present and in the past.
func testEventStreamTenants(t *testing.T, s *harness.System) {
	other := s.Tenant(t, "other")
	tail := follow(t, other, nil, "")
	since := url.Values{"since": {time.Now().Add(-time.Second).UTC().Format(time.RFC3339)}}
	foreign := mustUpload(t, s, s.Client, upload(newTag(t), samples.Text(100, 1)))
	tag := newTag(t)
	mine := mustUpload(t, s, other, upload(tag, samples.Text(100, 2)))
	since.Set("tag", tag)
	wantStreamed(t, follow(t, other, since, ""), mine, event.Stored, event.Verified)
	for n := 0; n < 2; { // other cases use the tenant as well
		e, err := tail.NextEvent(harness.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Data.File.Tenant != "other" || e.Subject == foreign.Bare() {
			t.Errorf("the event of another tenant came: %+v", e)
		}
		if e.Subject == mine.Bare() {
			n++
		}
	}
	if _, err := other.Follow(t.Context(), url.Values{"file": {foreign.ID}}, ""); api.Status(err) != http.StatusNotFound {
		t.Errorf("the events of another tenant's file: %v, want 404", err)
	}
}

func TestSingleEventsOverRestarts(t *testing.T) {
	slow(t)
	testEventsOverRestarts(t, harness.Single(t, harness.Options{}), "inlet")
}

func TestProcessesEventsOverRestarts(t *testing.T) {
	slow(t)
	testEventsOverRestarts(t, harness.Processes(t, harness.Options{}), "ingest")
}

// testEventsOverRestarts kills the door, and later asks it to stop, under a stream. The client goes on behind the last event that it has seen.
func testEventsOverRestarts(t *testing.T, s *harness.System, door string) {
	all := []event.Fact{event.Stored, event.Verified}
	tail := follow(t, s.Client, nil, "")
	first := mustUpload(t, s, s.Client, upload("", samples.Text(100, 1)))
	last := wantStreamed(t, tail, first, all...)
	second := mustUpload(t, s, s.Client, upload("", samples.Text(100, 2)))
	if _, err := s.Events.Wait(harness.Context(t), second.ID, all...); err != nil {
		t.Fatal(err)
	}
	s.Kill9(t, door)
	for err := error(nil); !errors.Is(err, api.ErrStreamEnded); {
		if _, err = tail.Next(harness.Context(t)); err != nil && !errors.Is(err, api.ErrStreamEnded) {
			t.Fatal(err)
		}
	}
	s.Start(t, door)
	tail = follow(t, s.Client, nil, last.ID)
	wantStreamed(t, tail, second, all...)
	third := mustUpload(t, s, s.Client, upload("", samples.Text(100, 3)))
	wantStreamed(t, tail, third, all...)

	began := time.Now()
	if code := s.Term(t, door); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to stop with a stream open", took)
	}
	if _, err := tail.Next(harness.Context(t)); !errors.Is(err, api.ErrStreamEnded) {
		t.Errorf("the stream goes on: %v", err)
	}
}

// TestProcessesEventsWithoutBus: a stream stays open while the bus is out, and brings what happened meanwhile when it is back.
func TestProcessesEventsWithoutBus(t *testing.T) {
	slow(t)
	s := harness.Processes(t, harness.Options{})
	tail := follow(t, s.Client, nil, "")
	first := mustUpload(t, s, s.Client, upload("", samples.Text(100, 1)))
	last := wantStreamed(t, tail, first, event.Stored, event.Verified)
	s.Bus.Stop()
	late := follow(t, s.Client, nil, last.ID)
	harness.Eventually(t, harness.Limit, func() error {
		if !slices.Contains(late.Comments(), "the event bus is out") {
			return errors.New("the stream does not say that the bus is out")
		}
		return nil
	})
	second := uploadAsync(t, s, "", samples.Text(100, 2))
	s.WaitState(t, s.Client, second.ID, "ready")
	s.Bus.Start()
	for _, stream := range []*api.Stream{tail, late} {
		wantStreamed(t, stream, second, event.Stored, event.Verified)
	}
}
