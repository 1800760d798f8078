package conformance

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/blobtest"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/blob/fallback"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/test/peers"
)

func openDisk(t testing.TB) *disk.Store {
	t.Helper()
	store, err := disk.Open(disk.Config{Dir: t.TempDir(), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// From a disk to S3 and from S3 to a disk: what was not moved is read where it is.
func TestS3BesideADisk(t *testing.T) {
	bucket, folder := openS3(t, s3Config(peers.S3(t))), openDisk(t)
	for name, c := range map[string]struct{ primary, secondary blob.Store }{
		"to S3":   {bucket, folder},
		"from S3": {folder, bucket},
	} {
		t.Run(name, func(t *testing.T) {
			store, data := fallback.New(c.primary, c.secondary), blobtest.Bytes(200_000)
			if _, err := c.secondary.Put(t.Context(), "old", bytes.NewReader(data), blob.PutOptions{Size: -1}); err != nil {
				t.Fatal(err)
			}
			r, err := store.Open(t.Context(), "old")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Seek(-1000, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data[len(data)-1000:]) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
			if err := store.Delete(t.Context(), "old"); err != nil {
				t.Error(err)
			}
			if _, err := c.secondary.Stat(t.Context(), "old"); !file.Is(err, file.NotFound) {
				t.Errorf("stat in the secondary: %v, want not found", err)
			}
		})
	}
}

// A bucket that does not answer has not said that it does not have the blob.
func TestS3OutIsNoReasonToFallBack(t *testing.T) {
	server := peers.S3(t)
	bucket, folder := openS3(t, s3Config(server)), openDisk(t)
	if _, err := folder.Put(t.Context(), "a", bytes.NewReader(nil), blob.PutOptions{Size: -1}); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	for name, store := range map[string]blob.Store{"primary": fallback.New(bucket, folder), "secondary": fallback.New(folder, bucket)} {
		key := "a"
		if name == "secondary" {
			key = "absent" // of the primary: the secondary is asked
		}
		if _, err := store.Stat(t.Context(), key); !file.Is(err, file.Unavailable) {
			t.Errorf("stat with the %s out: %v, want unavailable", name, err)
		}
		if _, err := store.Open(t.Context(), key); !file.Is(err, file.Unavailable) {
			t.Errorf("open with the %s out: %v, want unavailable", name, err)
		}
		if err := store.Delete(t.Context(), key); !file.Is(err, file.Unavailable) {
			t.Errorf("delete with the %s out: %v, want unavailable", name, err)
		}
	}
}

func TestS3PostWithAFallback(t *testing.T) {
	poster, ok := blob.PosterOf(fallback.New(openS3(t, s3Config(peers.S3(t))), openDisk(t)))
	if !ok {
		t.Fatal("clients cannot post")
	}
	if status, answer := sendForm(t, form(t, poster, "a", postOptions()), []byte("bytes")); status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	r, info, err := poster.OpenPosted(t.Context(), "a")
	if err != nil || info.Size != 5 {
		t.Fatalf("%+v, %v", info, err)
	}
	_ = r.Close()
}
