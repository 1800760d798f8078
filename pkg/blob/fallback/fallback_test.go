package fallback

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/blobtest"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/file"
)

func openDisk(t testing.TB) *disk.Store {
	t.Helper()
	s, err := disk.Open(disk.Config{Dir: t.TempDir(), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pair returns a Store and the two that it stands on.
func pair(t testing.TB) (s *Store, primary, secondary *disk.Store) {
	t.Helper()
	primary, secondary = openDisk(t), openDisk(t)
	return New(primary, secondary), primary, secondary
}

func put(t testing.TB, s blob.Store, key string, data []byte) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, bytes.NewReader(data), blob.PutOptions{Size: -1}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func get(t testing.TB, s blob.Store, key string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("open %s: %v", key, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return data
}

func wantKind(t testing.TB, what string, err error, kind file.Kind) {
	t.Helper()
	if !file.Is(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

func TestConformance(t *testing.T) {
	blobtest.Run(t, blobtest.Suite{
		Open: func(t testing.TB) blob.Store {
			s, _, _ := pair(t)
			return s
		},
		ReadsDeleted: true,
		Large:        64 << 20,
	})
}

func TestReadsFromTheSecondary(t *testing.T) {
	s, primary, secondary := pair(t)
	data := blobtest.Bytes(300_000)
	put(t, secondary, "a/old", data)
	put(t, s, "a/new", data[:10])

	if !bytes.Equal(get(t, s, "a/old"), data) || !bytes.Equal(get(t, s, "a/new"), data[:10]) {
		t.Error("read other bytes")
	}
	if i, err := s.Stat(t.Context(), "a/old"); err != nil || i.Key != "a/old" || i.Size != int64(len(data)) || i.Modified.IsZero() {
		t.Errorf("stat %+v, %v", i, err)
	}
	r, err := s.Open(t.Context(), "a/old")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(*os.File); !ok {
		t.Errorf("Open returns %T: sendfile is lost", r)
	}
	for _, at := range []int64{-10, -200_000, -300_000} {
		if _, err := r.Seek(at, io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data[int64(len(data))+at:]) {
			t.Errorf("from %d: %d bytes, %v", at, len(got), err)
		}
	}
	_, err = s.Open(t.Context(), "a/neither")
	wantKind(t, "open what neither has", err, file.NotFound)
	_, err = secondary.Stat(t.Context(), "a/new")
	wantKind(t, "a put, in the secondary", err, file.NotFound)
	_, err = primary.Stat(t.Context(), "a/old")
	wantKind(t, "a read, in the primary", err, file.NotFound)
}

func TestThePrimaryShadows(t *testing.T) {
	s, _, secondary := pair(t)
	put(t, secondary, "a", blobtest.Bytes(10))
	put(t, s, "a", blobtest.Bytes(20))
	if n := len(get(t, s, "a")); n != 20 {
		t.Errorf("read %d bytes, want the primary's 20", n)
	}
	if i, err := s.Stat(t.Context(), "a"); err != nil || i.Size != 20 {
		t.Errorf("stat %+v, %v", i, err)
	}
}

func TestDeletesInBoth(t *testing.T) {
	s, primary, secondary := pair(t)
	put(t, primary, "both", nil)
	put(t, primary, "primary", nil)
	for _, key := range []string{"both", "secondary", "kept"} {
		put(t, secondary, key, nil)
	}
	for _, key := range []string{"both", "primary", "secondary", "neither"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
		for _, in := range []blob.Store{s, primary, secondary} {
			_, err := in.Stat(t.Context(), key)
			wantKind(t, "stat of deleted "+key, err, file.NotFound)
		}
	}
	if _, err := s.Stat(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
}

// A delete that fails in one store is carried out in the other, and is an error.
func TestDeleteTellsOfEither(t *testing.T) {
	s, primary, secondary := pair(t)
	put(t, primary, "a", nil)
	put(t, secondary, "a", nil)
	if err := secondary.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "a"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the secondary is out: %v", err)
	}
	_, err := primary.Stat(t.Context(), "a")
	wantKind(t, "stat in the primary", err, file.NotFound)

	s, primary, secondary = pair(t)
	put(t, secondary, "a", nil)
	if err := primary.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "a"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the primary is out: %v", err)
	}
	_, err = secondary.Stat(t.Context(), "a")
	wantKind(t, "stat in the secondary", err, file.NotFound)
}

// An error is not an absence: neither of the primary, nor of the secondary.
func TestDoesNotFallBackOnErrors(t *testing.T) {
	s, primary, secondary := pair(t)
	put(t, secondary, "a", nil)
	if err := primary.Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "absent"} {
		_, err := s.Open(t.Context(), key)
		wantKind(t, "open "+key, err, file.Internal)
		_, err = s.Stat(t.Context(), key)
		wantKind(t, "stat "+key, err, file.Internal)
	}

	s, primary, secondary = pair(t)
	put(t, primary, "a", nil)
	if err := secondary.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Stat(t.Context(), "absent")
	wantKind(t, "stat with the secondary out", err, file.Internal)
	if _, err := s.Stat(t.Context(), "a"); err != nil {
		t.Errorf("what the primary has needs no secondary: %v", err)
	}
	put(t, s, "b", nil)
}

func TestListsThePrimaryAlone(t *testing.T) {
	s, _, secondary := pair(t)
	put(t, s, "b", nil)
	put(t, secondary, "a", nil)
	put(t, secondary, "b", nil)
	var keys []string
	err := s.List(t.Context(), "", func(i blob.Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"b"}) {
		t.Errorf("listed %v, %v", keys, err)
	}
}

// plain hides what a store can do besides.
type plain struct{ blob.Store }

// posting is a store that clients can send to.
type posting struct {
	blob.Store
	blob.Poster
}

func TestWhatThePrimaryCanDo(t *testing.T) {
	primary, secondary := openDisk(t), openDisk(t)
	if err := secondary.Close(); err != nil { // nothing here may need it
		t.Fatal(err)
	}
	whole, bare := New(primary, secondary), New(plain{primary}, secondary)
	for name, s := range map[string]*Store{"whole": whole, "bare": bare} {
		if n, err := s.SweepUnfinished(t.Context(), time.Now()); n != 0 || err != nil {
			t.Errorf("%s: swept %d, %v", name, n, err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: ping %v", name, err)
		}
		if _, ok := blob.PosterOf(s); ok {
			t.Errorf("%s: clients can post to a disk", name)
		}
	}
	p := posting{Store: primary}
	if got, ok := blob.PosterOf(New(p, secondary)); !ok || got != blob.Poster(p) {
		t.Errorf("the primary's Poster is lost: %v, %v", got, ok)
	}
	if _, ok := blob.PosterOf(New(primary, p)); ok {
		t.Error("clients would post to the secondary")
	}
	if err := primary.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := whole.SweepUnfinished(t.Context(), time.Now()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("sweep of a closed primary: %v", err)
	}
	wantKind(t, "ping of a closed primary", whole.Ping(t.Context()), file.Unavailable)
}

func TestCloseClosesBoth(t *testing.T) {
	s, primary, secondary := pair(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, store := range []blob.Store{primary, secondary} {
		if _, err := store.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("open: %v", err)
		}
	}
	if err := New(plain{primary}, plain{secondary}).Close(); err != nil {
		t.Errorf("stores that need no Close: %v", err)
	}
}
