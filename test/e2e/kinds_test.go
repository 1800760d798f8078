package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/gif"
	_ "image/jpeg" // decoders of the thumbnails
	_ "image/png"
	"net/http"
	"strings"
	"testing"

	_ "golang.org/x/image/webp"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// testKinds sends one file of every kind and looks at all that is to be seen of it.
func testKinds(t *testing.T, s *harness.System) {
	tag := newTag(t)
	for _, x := range []struct {
		sample    samples.Sample
		image     *api.Image
		thumbnail bool
	}{
		{samples.JPEG(640, 480, 1), &api.Image{Width: 640, Height: 480, Frames: 1}, true},
		{samples.RotatedJPEG(600, 400, 1), &api.Image{Width: 400, Height: 600, Frames: 1}, true},
		{samples.PNG(320, 240, 1), &api.Image{Width: 320, Height: 240, Frames: 1}, true},
		{samples.GIF(300, 220, 5, 1), &api.Image{Width: 300, Height: 220, Frames: 5}, true},
		{samples.WebP(), &api.Image{Width: 640, Height: 480, Frames: 1}, true},
		{samples.SVG(), nil, false},
		{samples.PDF("A page"), nil, false},
		{samples.Docx("A letter"), nil, false},
		{samples.Xlsx(), nil, false},
		{samples.Text(8<<10, 1), nil, false},
		{samples.CSV(200, 1), nil, false},
		{samples.JSON(200, 1), nil, false},
		{samples.Zip(), nil, false},
	} {
		t.Run(x.sample.Name, func(t *testing.T) {
			f := mustUpload(t, s, s.Client, upload(tag, x.sample))
			checkRecord(t, f, x.sample, x.image)
			checkDownload(t, s, f, x.sample)
			want := []event.Fact{event.Stored, event.Verified}
			if x.thumbnail {
				want = append(want, event.VariantCreated)
			}
			wantFacts(t, s, f.ID, want...)
			resp, err := s.Thumbnail(t.Context(), f.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !x.thumbnail {
				wantError(t, resp.Err(), http.StatusNotFound, "not_found")
				return
			}
			checkThumbnail(t, resp, x.sample.Type, x.image.Frames)
		})
	}
}

func checkRecord(t *testing.T, f api.File, sample samples.Sample, img *api.Image) {
	t.Helper()
	sum := sha256.Sum256(sample.Data)
	if f.MimeType != sample.Type || f.Size != int64(len(sample.Data)) || f.SHA256 != hex.EncodeToString(sum[:]) || f.OriginalName != sample.Name {
		t.Errorf("the record says %s, %d bytes, sha256 %s, %q", f.MimeType, f.Size, f.SHA256, f.OriginalName)
	}
	switch {
	case (img == nil) != (f.Image == nil):
		t.Errorf("image is %v, want %v", f.Image, img)
	case img != nil && *img != *f.Image:
		t.Errorf("image is %+v, want %+v", *f.Image, *img)
	}
}

func checkDownload(t *testing.T, s *harness.System, f api.File, sample samples.Sample) {
	t.Helper()
	resp, err := s.Download(t.Context(), f.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != http.StatusOK || !bytes.Equal(resp.Body, sample.Data) {
		t.Errorf("the download is %d with %d bytes, not the %d that were sent", resp.Status, len(resp.Body), len(sample.Data))
	}
	if got, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); got != sample.Type {
		t.Errorf("downloaded as %s", got)
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Disposition"), ";")
	want := "attachment"
	if f.Image != nil {
		want = "inline"
	}
	if kind != want {
		t.Errorf("Content-Disposition is %s, want %s", kind, want)
	}
}

// checkThumbnail checks that an answer is a picture of 200x200 in the given type with as many frames as the original.
func checkThumbnail(t *testing.T, resp api.Response, mediaType string, frames int) {
	t.Helper()
	if err := resp.Err(); err != nil {
		t.Fatalf("thumbnail: %v", err)
	}
	if got := resp.Header.Get("Content-Type"); got != mediaType {
		t.Errorf("the thumbnail is served as %s, want %s", got, mediaType)
	}
	img, format, err := image.Decode(bytes.NewReader(resp.Body))
	if err != nil {
		t.Fatalf("the thumbnail does not decode: %v", err)
	}
	if b := img.Bounds(); b.Dx() != 200 || b.Dy() != 200 || "image/"+format != mediaType {
		t.Errorf("the thumbnail is a %s of %dx%d, want 200x200 in %s", format, b.Dx(), b.Dy(), mediaType)
	}
	if format != "gif" {
		return
	}
	anim, err := gif.DecodeAll(bytes.NewReader(resp.Body))
	if err != nil || len(anim.Image) != frames {
		t.Errorf("the thumbnail has %d frames, want %d: %v", len(anim.Image), frames, err)
	}
}

// testThumbnails covers what the kinds do not: size, parameters, and a picture of 12 megapixels in one answer.
func testThumbnails(t *testing.T, s *harness.System) {
	tag := newTag(t)
	f := mustUpload(t, s, s.Client, upload(tag, samples.Photo()))
	if _, err := s.Events.Wait(harness.Context(t), f.ID, event.VariantCreated); err != nil {
		t.Fatal(err)
	}
	path := "/v1/files/" + f.ID + "/thumbnail"
	checkThumbnail(t, do(t, s.Client, get(path)), samples.TypeJPEG, 1)
	checkThumbnail(t, do(t, s.Client, get(path+"?width=200&height=200")), samples.TypeJPEG, 1)
	head := do(t, s.Client, api.Request{Method: http.MethodHead, Path: path})
	if head.Status != http.StatusOK || len(head.Body) != 0 || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD is %d with %q", head.Status, head.Header.Get("Content-Length"))
	}
	wantError(t, do(t, s.Client, get(path+"?width=99999")).Err(), http.StatusBadRequest, "invalid_request")
	steps, err := s.Timeline(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, step := range steps {
		what = append(what, step.What)
	}
	if got := strings.Join(what, " "); got != "received verified thumbnail" {
		t.Errorf("the timeline says %s", got)
	}
}

// testRefusedAtTheDoor sends what the first bytes give away. Nothing is left of it.
func testRefusedAtTheDoor(t *testing.T, s *harness.System) {
	tag := newTag(t)
	for _, x := range []samples.Sample{samples.HTMLAsJPEG(), samples.ELFAsText()} {
		t.Run(x.Name, func(t *testing.T) {
			_, err := s.Upload(t.Context(), upload(tag, x))
			wantError(t, err, http.StatusUnsupportedMediaType, "type_mismatch")
		})
	}
	wantOnly(t, s, s.Client, tag, mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 1))))
}

// testRejectedByTheVerdict sends what only a look at the whole file finds. The verdict comes in the answer; the bytes are gone.
func testRejectedByTheVerdict(t *testing.T, s *harness.System) {
	for _, x := range []struct {
		name   string
		sample samples.Sample
		code   string
	}{
		{"truncated JPEG", samples.TruncatedJPEG(), "corrupt"},
		{"truncated PNG", samples.TruncatedPNG(), "corrupt"},
		{"truncated PDF", samples.TruncatedPDF(), "corrupt"},
		{"pixel flood", samples.PixelFlood(), "image_too_large"},
		{"zip bomb", samples.ZipBomb(), "archive_unsafe"},
		{"zip slip", samples.ZipSlip(), "archive_unsafe"},
		{"zip as docx", samples.FalseDocx(), "type_mismatch"},
		{"binary in text", samples.BinaryText(), "type_mismatch"},
		{"broken JSON", samples.BrokenJSON(), "corrupt"},
	} {
		t.Run(x.name, func(t *testing.T) {
			tag := newTag(t)
			resp, err := s.Send(t.Context(), upload(tag, x.sample))
			if err != nil {
				t.Fatal(err)
			}
			id := resp.Header.Get("Inlet-File-Id")
			wantError(t, resp.Err(), http.StatusUnsupportedMediaType, x.code)
			if id == "" {
				t.Fatal("the answer does not name the file")
			}
			f, err := s.Get(t.Context(), id)
			if err != nil || f.State != "rejected" || f.Reason != x.code {
				t.Errorf("the record is %s for %q: %v", f.State, f.Reason, err)
			}
			wantFacts(t, s, id, event.Stored, event.Rejected)
			got, err := s.Download(t.Context(), id, nil)
			if err != nil || got.Status != http.StatusNotFound {
				t.Errorf("its download is %d: %v", got.Status, err)
			}
			page, err := s.List(t.Context(), tag, nil)
			if err != nil || len(page.Files) != 0 {
				t.Errorf("it is listed: %v, %v", page.Files, err)
			}
		})
	}
}
