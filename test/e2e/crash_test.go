package e2e

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// settleLimit is the promise: a file has its verdict this long after everything is back.
const settleLimit = 60 * time.Second

// TestSingleCrash kills the whole process again and again while files are uploaded.
func TestSingleCrash(t *testing.T) {
	slow(t)
	testCrash(t, harness.Single(t, harness.Options{}), 200, []string{"inlet", "inlet", "inlet", "inlet", "inlet"})
}

// TestProcessesCrash kills each service in turn while files are uploaded.
func TestProcessesCrash(t *testing.T) {
	slow(t)
	testCrash(t, harness.Processes(t, harness.Options{}), 60, []string{"verifier", "thumbnailer", "sweeper", "ingest", "verifier", "thumbnailer"})
}

// mixed is the i-th of files of mixed kinds. No two have the same bytes.
func mixed(i int) samples.Sample {
	seed := uint64(i)
	switch i % 5 {
	case 0:
		return samples.SmallJPEG(i)
	case 1:
		return samples.PNG(220, 210, seed)
	case 2:
		return samples.GIF(210, 220, 2, seed)
	case 3:
		return samples.PDF(fmt.Sprintf("Page %d", i))
	}
	return samples.Text(1000+i, seed)
}

func isPicture(mediaType string) bool {
	return slices.Contains([]string{samples.TypeJPEG, samples.TypePNG, samples.TypeGIF}, mediaType)
}

// testCrash uploads files, and on the way kills each victim in its turn with SIGKILL and starts it again. In the end every file is there
// once, ready, and with one thumbnail if it is a picture; and every fact about it was told once.
func testCrash(t *testing.T, s *harness.System, files int, victims []string) {
	tag := newTag(t)
	start := time.Now()
	all := s.UploadAmidKills(t, s.Client, files, settleLimit, func(i int) api.Upload {
		u := upload(tag, mixed(i))
		u.Fields = map[string]string{"description": strconv.Itoa(i)}
		u.Header = headers("Idempotency-Key", fmt.Sprintf("%s-%d", tag, i), "Prefer", "respond-async")
		return u
	}, victims)
	page, err := s.List(t.Context(), tag, nil)
	if err != nil || page.Pagination.Total != int64(files) {
		t.Errorf("%d files are listed, want %d: %v", page.Pagination.Total, files, err)
	}
	uploaded := time.Since(start)
	start = time.Now()
	for _, f := range all {
		harness.Eventually(t, settleLimit-time.Since(start), func() error { return settled(t.Context(), s.Client, f) })
	}
	t.Logf("%d files were acknowledged in %s over %d kills, and settled %s later", files, uploaded.Round(time.Millisecond), len(victims), time.Since(start).Round(time.Millisecond))
	for _, f := range all {
		checkSurvivor(t, s, f)
	}
}

// settled is nil when a file has its verdict, and its thumbnail if it is a picture.
func settled(ctx context.Context, c *api.Client, acked api.File) error {
	f, err := c.Get(ctx, acked.ID)
	switch {
	case err != nil:
		return err
	case f.State != "ready":
		return fmt.Errorf("%s (%s) is %s for %q", f.ID, f.MimeType, f.State, f.Reason)
	case isPicture(f.MimeType) && f.ThumbnailURL == "":
		return fmt.Errorf("%s (%s) has no thumbnail", f.ID, f.MimeType)
	}
	return nil
}

// checkSurvivor checks that a file's bytes, its thumbnail and its events are what they must be.
func checkSurvivor(t *testing.T, s *harness.System, f api.File) {
	t.Helper()
	i, err := strconv.Atoi(f.Description)
	if err != nil {
		t.Fatal(err)
	}
	sample := mixed(i)
	got, err := s.Download(t.Context(), f.ID, nil)
	if err != nil || !bytes.Equal(got.Body, sample.Data) {
		t.Errorf("the bytes of file %d are others: %d, %v", i, got.Status, err)
	}
	if !isPicture(sample.Type) {
		wantFacts(t, s, f.ID, event.Stored, event.Verified)
		return
	}
	wantFacts(t, s, f.ID, event.Stored, event.Verified, event.VariantCreated)
	for _, e := range s.Events.Of(f.ID) {
		if e.Fact() == event.VariantCreated && len(e.Data.File.Variants) != 1 {
			t.Errorf("file %d has %d variants", i, len(e.Data.File.Variants))
		}
	}
	resp, err := s.Thumbnail(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	checkThumbnail(t, resp, sample.Type, 2)
}
