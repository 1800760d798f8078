package e2e

import (
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// TestProcessesWithoutBus stops the bus, and later takes its whole store away. Files come in and get their verdicts all the same, and what
// happened meanwhile is told when the bus is back.
func TestProcessesWithoutBus(t *testing.T) {
	slow(t)
	s := harness.Processes(t, harness.Options{})
	tag := newTag(t)
	s.Bus.Stop()
	var files []api.File
	for i := range 6 {
		files = append(files, uploadAsync(t, s, tag, mixed(i)))
	}
	for _, f := range files {
		harness.Eventually(t, settleLimit, func() error { return settled(t.Context(), s.Client, f) })
	}
	s.Bus.Start()
	for _, f := range files {
		want := []event.Fact{event.Stored, event.Verified}
		if isPicture(f.MimeType) {
			want = append(want, event.VariantCreated)
		}
		wantFacts(t, s, f.ID, want...)
	}

	s.Bus.Wipe()
	f := uploadAsync(t, s, tag, samples.JPEG(640, 480, 9))
	harness.Eventually(t, settleLimit, func() error { return settled(t.Context(), s.Client, f) })
	events, err := api.Subscribe(harness.Context(t), s.Bus.URL, nil) // the stream is there again
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	f = uploadAsync(t, s, tag, samples.JPEG(640, 480, 10))
	if _, err := events.Wait(harness.Context(t), f.ID, event.Stored, event.Verified, event.VariantCreated); err != nil {
		t.Error(err)
	}
}

// uploadAsync uploads a sample and does not wait for its verdict.
func uploadAsync(t *testing.T, s *harness.System, tag string, x samples.Sample) api.File {
	t.Helper()
	u := upload(tag, x)
	u.Header = headers("Prefer", "respond-async")
	f, err := s.Upload(harness.Context(t), u)
	if err != nil {
		t.Fatalf("upload of %s: %v", x.Name, err)
	}
	return f
}
