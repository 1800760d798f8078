package e2e

import (
	"bytes"
	"fmt"
	"image"
	"mime"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// testRenders covers the pictures that are made on request.
func testRenders(t *testing.T, s *harness.System) {
	t.Run("once for all", func(t *testing.T) { testRenderOnce(t, s) })
	t.Run("what is asked for", func(t *testing.T) { testRenderKinds(t, s) })
	t.Run("refused", func(t *testing.T) { testRenderRefused(t, s) })
	t.Run("bounded", func(t *testing.T) { testRendersBounded(t, s) })
}

// testRenderOnce has many ask for the same picture at the same time: it is made once, kept, and gone with its file.
func testRenderOnce(t *testing.T, s *harness.System) {
	f := mustUpload(t, s, s.Client, upload(newTag(t), samples.JPEG(1600, 1200, 7)))
	path := "/v1/files/" + f.ID + "/download?width=800&quality=80&format=webp"
	answers := make([]api.Response, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = s.Do(t.Context(), get(path)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := answers[0]
	checkPicture(t, first, samples.TypeWebP, 800, 600)
	for _, other := range answers {
		if other.Status != http.StatusOK || other.Header.Get("ETag") != first.Header.Get("ETag") || !bytes.Equal(other.Body, first.Body) {
			t.Errorf("%d with ETag %s and %d bytes, not the first's", other.Status, other.Header.Get("ETag"), len(other.Body))
		}
	}
	etag := first.Header.Get("ETag")
	if etag == "" || etag == `"`+f.SHA256+`"` || first.Header.Get("Repr-Digest") != digest(first.Body) {
		t.Errorf("ETag %s, Repr-Digest %s", etag, first.Header.Get("Repr-Digest"))
	}
	kind, params, err := mime.ParseMediaType(first.Header.Get("Content-Disposition"))
	if want := strings.TrimSuffix(f.OriginalName, ".jpg") + ".webp"; err != nil || kind != "inline" || params["filename"] != want {
		t.Errorf("Content-Disposition is %s: %v", first.Header.Get("Content-Disposition"), err)
	}
	if got := do(t, s.Client, get(path, "If-None-Match", etag)); got.Status != http.StatusNotModified {
		t.Errorf("asked for again, it is %d", got.Status)
	}
	if got := do(t, s.Client, get(path, "Range", "bytes=0-3")); got.Status != http.StatusPartialContent || string(got.Body) != "RIFF" {
		t.Errorf("its first bytes are %d %q", got.Status, got.Body)
	}
	head := do(t, s.Client, api.Request{Method: http.MethodHead, Path: path})
	if head.Status != http.StatusOK || head.Header.Get("Content-Length") != fmt.Sprint(len(first.Body)) || head.Header.Get("ETag") != etag {
		t.Errorf("HEAD is %d, %s bytes, ETag %s", head.Status, head.Header.Get("Content-Length"), head.Header.Get("ETag"))
	}
	harness.Eventually(t, harness.Limit, func() error {
		got, err := s.Get(t.Context(), f.ID)
		if err == nil && got.DownloadCount != int64(len(answers)) {
			err = fmt.Errorf("%d downloads are counted, want %d", got.DownloadCount, len(answers))
		}
		return err
	})
	if err := s.Delete(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	if got := do(t, s.Client, get(path)); got.Status != http.StatusNotFound {
		t.Errorf("with its file deleted, it is %d", got.Status)
	}
	wantFacts(t, s, f.ID, event.Stored, event.Verified, event.VariantCreated, event.VariantCreated, event.Deleted)
}

func testRenderKinds(t *testing.T, s *harness.System) {
	tag := newTag(t)
	photo := mustUpload(t, s, s.Client, upload(tag, samples.JPEG(640, 480, 8)))
	lying := mustUpload(t, s, s.Client, upload(tag, samples.RotatedJPEG(600, 400, 8)))
	disc := mustUpload(t, s, s.Client, upload(tag, samples.PNG(320, 240, 8)))
	for _, x := range []struct {
		file          api.File
		query         string
		mediaType     string
		width, height int
	}{
		{photo, "download?width=320", samples.TypeJPEG, 320, 240},
		{photo, "download?height=120", samples.TypeJPEG, 160, 120},
		{photo, "download?width=100&height=100", samples.TypeJPEG, 100, 75},
		{photo, "download?width=4096&height=4096", samples.TypeJPEG, 640, 480}, // never enlarged
		{photo, "download?quality=10", samples.TypeJPEG, 640, 480},
		{photo, "download?width=64&format=png", samples.TypePNG, 64, 48},
		{photo, "download?width=64&format=gif", samples.TypeGIF, 64, 48},
		{lying, "download?width=200", samples.TypeJPEG, 200, 300}, // upright
		{disc, "download?width=160", samples.TypePNG, 160, 120},
		{disc, "download?width=160&format=jpeg&quality=60", samples.TypeJPEG, 160, 120},
		{photo, "thumbnail?width=64&height=64", samples.TypeJPEG, 64, 64},
		{photo, "thumbnail?width=300&height=50&format=webp", samples.TypeWebP, 300, 50},
		{photo, "thumbnail?width=100", samples.TypeJPEG, 100, 75},
		{photo, "thumbnail?width=200&height=200", samples.TypeJPEG, 200, 200},
		{disc, "thumbnail?width=1000&height=100", samples.TypePNG, 320, 100},
	} {
		t.Run(x.file.OriginalName+" "+x.query, func(t *testing.T) {
			checkPicture(t, do(t, s.Client, get("/v1/files/"+x.file.ID+"/"+x.query)), x.mediaType, x.width, x.height)
		})
	}
}

// checkPicture checks that an answer is a picture of a type and a size.
func checkPicture(t *testing.T, resp api.Response, mediaType string, width, height int) {
	t.Helper()
	if err := resp.Err(); err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != mediaType {
		t.Errorf("served as %s, want %s", got, mediaType)
	}
	img, format, err := image.DecodeConfig(bytes.NewReader(resp.Body))
	if err != nil {
		t.Fatal(err)
	}
	if "image/"+format != mediaType || img.Width != width || img.Height != height {
		t.Errorf("a %s of %dx%d, want %s of %dx%d", format, img.Width, img.Height, mediaType, width, height)
	}
}

func testRenderRefused(t *testing.T, s *harness.System) {
	tag := newTag(t)
	photo := mustUpload(t, s, s.Client, upload(tag, samples.JPEG(64, 48, 9)))
	note := mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 9)))
	drawing := mustUpload(t, s, s.Client, upload(tag, samples.SVG()))
	for _, x := range []struct {
		file  api.File
		query string
		code  string
	}{
		{photo, "download?width=0", "invalid_request"},
		{photo, "download?width=4097", "invalid_request"},
		{photo, "download?width=99999", "invalid_request"},
		{photo, "download?height=-1", "invalid_request"},
		{photo, "download?quality=101", "invalid_request"},
		{photo, "download?format=svg", "invalid_request"},
		{photo, "download?format=WEBP", "invalid_request"},
		{photo, "download?width=10&width=20", "invalid_request"},
		{photo, "thumbnail?width=4097&height=1", "invalid_request"},
		{note, "download?width=100", "not_an_image"},
		{note, "thumbnail?width=100&height=100", "not_an_image"},
		{drawing, "download?format=png", "not_an_image"},
	} {
		t.Run(x.file.OriginalName+" "+x.query, func(t *testing.T) {
			wantError(t, do(t, s.Client, get("/v1/files/"+x.file.ID+"/"+x.query)).Err(), http.StatusBadRequest, x.code)
		})
	}
}

// testRendersBounded asks for one rendering more than a file may have.
func testRendersBounded(t *testing.T, s *harness.System) {
	if testing.Short() {
		t.Skip("makes 63 pictures")
	}
	const most = 64 - 1 // and the thumbnail
	f := mustUpload(t, s, s.Client, upload(newTag(t), samples.JPEG(100, 100, 10)))
	path := "/v1/files/" + f.ID + "/download?width="
	const atOnce = 9
	for n := 0; n < most; n += atOnce {
		var wg sync.WaitGroup
		for width := n + 1; width <= n+atOnce; width++ {
			wg.Go(func() {
				err := harness.Retry(harness.Context(t), func() error { // a 503 of a machine with too much to do says: try again
					resp, err := s.Do(t.Context(), get(path+fmt.Sprint(width)))
					if err == nil {
						err = resp.Err()
					}
					return err
				})
				if err != nil {
					t.Errorf("width %d: %v", width, err)
				}
			})
		}
		wg.Wait()
	}
	resp := do(t, s.Client, get(path+fmt.Sprint(most+1)))
	wantError(t, resp.Err(), http.StatusTooManyRequests, "too_many_variants")
	if after := resp.Header.Get("Retry-After"); after != "" {
		t.Errorf("told to come again after %s s", after)
	}
	checkPicture(t, do(t, s.Client, get(path+"50")), samples.TypeJPEG, 50, 50) // one that is there
	checkPicture(t, do(t, s.Client, get(path+"50&height=99")), samples.TypeJPEG, 50, 50)
}
