package blobtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

func testList(t *testing.T, s Suite) {
	store := s.Open(t)
	if keys := list(t, store, ""); len(keys) != 0 {
		t.Fatalf("an empty store holds %v", keys)
	}
	// "-" and "." come before "/", "0" after it: a folder does not stand where its bare name would.
	keys := []string{"a-b", "a.b", "a/b", "a/b0/c", "a/b-", "a0", "A", "b/c/d/e", "b/c-d", "b/c.d/e", "z/9", "z/10", "m"}
	for i := range 30 {
		keys = append(keys, fmt.Sprintf("many/%d", i))
	}
	size := map[string]int64{}
	for i, key := range keys {
		put(t, store, key, Bytes(i))
		size[key] = int64(i)
	}
	slices.Sort(keys)

	if got := list(t, store, ""); !slices.Equal(got, keys) {
		t.Fatalf("listed %v\nwant   %v", got, keys)
	}
	for i, key := range keys {
		if got := list(t, store, key); !slices.Equal(got, keys[i+1:]) {
			t.Errorf("after %s: %v\nwant %v", key, got, keys[i+1:])
		}
	}
	for _, after := range []string{"a", "a/", "b/c", "many/1x", "many/2zzz", "zz", "0"} {
		i, _ := slices.BinarySearch(keys, after)
		if got := list(t, store, after); !slices.Equal(got, keys[i:]) {
			t.Errorf("after %s, which is no key: %v\nwant %v", after, got, keys[i:])
		}
	}
	err := store.List(t.Context(), "", func(i blob.Info) error {
		if i.Size != size[i.Key] || time.Since(i.Modified).Abs() > time.Minute {
			t.Errorf("listed %+v, want size %d", i, size[i.Key])
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func testListStops(t *testing.T, s Suite) {
	store := s.Open(t)
	for i := range 5 {
		put(t, store, fmt.Sprint("stop/", i), nil)
	}
	errStop, seen := errors.New("stop"), 0
	err := store.List(t.Context(), "stop/0", func(blob.Info) error {
		if seen++; seen == 2 {
			return errStop
		}
		return nil
	})
	if err != errStop || seen != 2 { //nolint:errorlint // it returns the error, not another around it
		t.Errorf("saw %d, %v", seen, err)
	}
	// The walk holds nothing that its function could wait for.
	err = store.List(t.Context(), "", func(i blob.Info) error { return store.Delete(t.Context(), i.Key) })
	if left := list(t, store, ""); err != nil || len(left) != 0 {
		t.Errorf("deleting while listing left %v, %v", left, err)
	}
}

// testListPrefix wants what begins with a prefix and is longer, and nothing that comes before or after it.
func testListPrefix(t *testing.T, s Suite) {
	store := s.Open(t)
	for _, key := range []string{"t/AA/X-1", "t/AA/X", "t/AA/X.a.1", "t/AA/X.b", "t/AA/X0", "t/AB/X.c", "u/AA/X.d"} {
		put(t, store, key, []byte("x"))
	}
	for prefix, want := range map[string][]string{
		"t/AA/X.": {"t/AA/X.a.1", "t/AA/X.b"}, "t/AA/X.b": nil, "t/AA/Y.": nil, "none/AA/X.": nil, "t/AB/X": {"t/AB/X.c"},
	} {
		var got []string
		err := blob.ListPrefix(t.Context(), store, prefix, func(i blob.Info) error {
			got = append(got, i.Key)
			return nil
		})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("prefix %q: %q, %v; want %q", prefix, got, err, want)
		}
	}
	stop := errors.New("stop")
	if err := blob.ListPrefix(t.Context(), store, "t/AA/X.", func(blob.Info) error { return stop }); err != stop { //nolint:errorlint // as it is
		t.Errorf("fn's error came back as %v", err)
	}
	wantKind(t, "malformed prefix", blob.ListPrefix(t.Context(), store, "../X.", func(blob.Info) error { return nil }), file.Invalid)
}

// testSweepSparesBlobs leaves it to the driver's own tests what an unfinished write is.
func testSweepSparesBlobs(t *testing.T, s Suite) {
	store := s.Open(t)
	j, ok := store.(blob.Janitor)
	if !ok {
		t.Skip("this driver leaves nothing unfinished")
	}
	for i, size := range sizes(s) {
		put(t, store, fmt.Sprint("spared/", i), Bytes(size))
	}
	before := list(t, store, "")
	if n, err := j.Unfinished(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d are unfinished, %v", n, err)
	}
	if n, err := j.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if after := list(t, store, ""); !slices.Equal(before, after) {
		t.Errorf("the store holds %v", after)
	}
}
