package dialects

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/peers"
	"github.com/inlethq/inlet/test/samples"
)

// TestDeskOnS3 runs Desk's three steps where the blobs are in an S3: the client posts to the bucket itself.
func TestDeskOnS3(t *testing.T) {
	slow(t)
	server := peers.S3(t)
	e := start(t, func(t testing.TB, o harness.Options) *harness.System {
		o.Settings["INLET_BLOBS"] = fmt.Sprintf("s3://inlet/blobs?endpoint=http://%s&region=%s", server.Endpoint, server.Region)
		o.Settings["AWS_ACCESS_KEY_ID"], o.Settings["AWS_SECRET_ACCESS_KEY"] = server.AccessKey, server.SecretKey
		delete(o.Settings, "INLET_BLOBS_FALLBACK")
		return harness.Single(t, o)
	})
	late := testDeskS3Steps(t, e, "http://"+server.Endpoint+"/inlet/")
	for name, run := range map[string]func(*testing.T, *env){"at once": testDeskS3AtOnce, "refused": testDeskS3Refused, "tampering": testDeskS3Tampering} {
		t.Run(name, func(t *testing.T) { run(t, e) })
	}
	client, err := minio.New(server.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		t.Fatal(err)
	}
	for o := range client.ListObjects(t.Context(), "inlet", minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil || strings.Contains(o.Key, "staging") && !strings.HasSuffix(o.Key, late.ULID) {
			t.Errorf("left in the bucket: %s %v", o.Key, o.Err)
		}
	}
}

// testDeskS3Steps takes all steps, and then posts once more: what that brings is the sweeper's.
func testDeskS3Steps(t *testing.T, e *env, bucketURL string) deskRef {
	t.Helper()
	s := samples.JPEG(320, 240, 3)
	ref := deskAnnounce(t, e, s)
	if ref.URL != bucketURL || len(ref.Params) != 9 || ref.Params["success_action_status"] != "201" || ref.Params["Content-Type"] != s.Type {
		t.Errorf("the form: %s, %v", ref.URL, ref.Params)
	}
	deskError(t, ref.finish(t, e), http.StatusBadRequest, "not_received")
	var posted struct {
		XMLName xml.Name `xml:"PostResponse"`
		Key     string
	}
	if err := xml.Unmarshal(ref.post(t, e, s).Want(t, http.StatusCreated).Body, &posted); err != nil || posted.Key != ref.Params["key"] {
		t.Errorf("%+v, %v", posted, err)
	}
	if f := ref.get(t, e); f.State != "temp" || f.Size != 0 {
		t.Errorf("posted: %+v", f)
	}
	f := deskFileOf(t, ref.finish(t, e).Want(t, http.StatusOK))
	if f.State != "active" || f.Size != len(s.Data) || f.PixelWidth != 320 || f.Filename != s.Name {
		t.Errorf("finished: %+v", f)
	}
	if got := e.Get(t, f.DownloadURL, nil).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) {
		t.Errorf("downloaded %d bytes of %d", len(got.Body), len(s.Data))
	}
	ref.post(t, e, samples.JPEG(320, 240, 4)) // the bucket takes it while the form is good, and nobody looks
	ref.finish(t, e).Want(t, http.StatusOK)
	if got := e.Get(t, f.DownloadURL, nil).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) {
		t.Error("the bytes have changed after the file was there")
	}
	return ref
}

func testDeskS3AtOnce(t *testing.T, e *env) {
	s := samples.Text(100_000, 5)
	ref := deskAnnounce(t, e, s)
	ref.post(t, e, s).Want(t, http.StatusCreated)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if r := ref.finish(t, e); r.Status != http.StatusOK {
				t.Errorf("%d %s", r.Status, r.excerpt())
			}
		})
	}
	all.Wait()
	if f := ref.get(t, e); f.State != "active" || f.Size != len(s.Data) {
		t.Errorf("%+v", f)
	}
}

// testDeskS3Refused posts what the bucket takes and we do not.
func testDeskS3Refused(t *testing.T, e *env) {
	s := samples.JPEG(64, 48, 6)
	ref := deskAnnounce(t, e, s)
	ref.post(t, e, samples.HTMLAsJPEG()).Want(t, http.StatusCreated)
	deskError(t, ref.finish(t, e), http.StatusBadRequest, "type_mismatch")
	if f := ref.get(t, e); f.State != "temp" || f.Size != 0 {
		t.Errorf("%+v", f)
	}
	deskError(t, ref.finish(t, e), http.StatusBadRequest, "not_received")
	ref.post(t, e, s).Want(t, http.StatusCreated)
	ref.finish(t, e).Want(t, http.StatusOK)

	small := deskAnnounceAs(t, e, e.Key("small-desk"), `{"filename": "notes.txt", "mimeType": "text/plain"}`)
	if r := small.post(t, e, samples.Text(smallFile+1, 7)); r.Status != http.StatusBadRequest || !bytes.Contains(r.Body, []byte("EntityTooLarge")) {
		t.Errorf("too large for the bucket: %d %s", r.Status, r.excerpt())
	}
}

func testDeskS3Tampering(t *testing.T, e *env) {
	s := samples.Text(100, 8)
	ref, other := deskAnnounce(t, e, s), deskAnnounce(t, e, s)
	for name, value := range map[string]string{"key": other.Params["key"], "Content-Type": "text/html", "policy": other.Params["policy"], "acl": "public-read"} {
		bad := deskRef{URL: ref.URL, Params: map[string]string{name: value}}
		for n, v := range ref.Params {
			if n != name {
				bad.Params[n] = v
			}
		}
		if r := bad.post(t, e, s); r.Status < 400 || r.Status >= 500 {
			t.Errorf("%s changed: %d %s", name, r.Status, r.excerpt())
		}
	}
	deskError(t, ref.finish(t, e), http.StatusBadRequest, "not_received")
	deskError(t, other.finish(t, e), http.StatusBadRequest, "not_received")
}
