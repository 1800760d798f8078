package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// sizes are those at which a copy changes its way: the pump's, then the driver's own.
func sizes(s Suite) []int {
	out := []int{0, 1}
	for _, edge := range append([]int{64 << 10, 256 << 10, 1 << 20}, s.Edges...) {
		out = append(out, edge-1, edge, edge+1)
	}
	return out
}

func testRoundTrip(t *testing.T, s Suite) {
	store := s.Open(t)
	for _, size := range sizes(s) {
		for i, announced := range []int64{-1, int64(size), int64(size) + 100, int64(size) / 2} {
			key := fmt.Sprintf("round/%d/%d", size, i)
			data := Bytes(size)
			before := time.Now().Add(-2 * time.Second) // S3 tells times by the second
			info, err := store.Put(t.Context(), key, reader(data), blob.PutOptions{Size: announced})
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			wantInfo(t, info, key, data)
			if info.MD5 != "" {
				t.Errorf("%s: an MD5 that nobody asked for", key)
			}
			if !bytes.Equal(get(t, store, key), data) {
				t.Errorf("%s: other bytes came back", key)
			}
			stat, err := store.Stat(t.Context(), key)
			if err != nil || stat.Key != key || stat.Size != int64(size) {
				t.Errorf("%s: stat %+v, %v", key, stat, err)
			}
			if stat.Modified.Before(before) || stat.Modified.After(time.Now().Add(2*time.Second)) {
				t.Errorf("%s: modified at %s", key, stat.Modified)
			}
		}
	}
}

func testDigests(t *testing.T, s Suite) {
	store := s.Open(t)
	// FIPS 180-4 and RFC 1321 give these.
	for i, c := range []struct{ text, sha256, md5 string }{
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "d41d8cd98f00b204e9800998ecf8427e"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "900150983cd24fb0d6963f7d28e17f72"},
		{strings.Repeat("a", 1e6), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "7707d6ae4e027c70eea2a935c2296f21"},
	} {
		key := fmt.Sprint("digest/", i)
		info, err := store.Put(t.Context(), key, strings.NewReader(c.text), blob.PutOptions{Size: -1, MD5: true})
		if err != nil || info.SHA256 != c.sha256 || info.MD5 != c.md5 {
			t.Errorf("%d bytes: %+v, %v", len(c.text), info, err)
		}
	}
	for _, edge := range s.Edges {
		data := Bytes(edge + 1)
		info, err := store.Put(t.Context(), fmt.Sprint("edge/", edge), reader(data), blob.PutOptions{Size: -1, MD5: true})
		if err != nil || info.SHA256 != sum(data) || info.MD5 != md5sum(data) {
			t.Errorf("%d bytes: %+v, %v", len(data), info, err)
		}
	}
}

func testCheck(t *testing.T, s Suite) {
	store := s.Open(t)
	errRefused := errors.New("refused")
	for _, size := range append([]int{0, 100, 300 << 10}, s.Edges...) {
		key, data := fmt.Sprint("check/", size), Bytes(size+1)
		var seen blob.Info
		check := func(verdict error) blob.PutOptions {
			return blob.PutOptions{Size: -1, MD5: true, Check: func(i blob.Info) error {
				seen = i
				if _, err := store.Stat(t.Context(), key); !file.Is(err, file.NotFound) {
					t.Errorf("%s: visible before its check: %v", key, err)
				}
				return verdict
			}}
		}
		_, err := store.Put(t.Context(), key, reader(data), check(errRefused))
		if err != errRefused { //nolint:errorlint // as it is means: not wrapped
			t.Errorf("%s: %v, want the check's error as it is", key, err)
		}
		wantInfo(t, seen, key, data)
		if seen.MD5 != md5sum(data) {
			t.Errorf("%s: the check saw MD5 %q", key, seen.MD5)
		}
		wantNothing(t, store, key)

		info, err := store.Put(t.Context(), key, reader(data), check(nil))
		if err != nil {
			t.Fatalf("%s: put after a refused one: %v", key, err)
		}
		wantInfo(t, info, key, data)
	}
}

func testBrokenReader(t *testing.T, s Suite) {
	store := s.Open(t)
	// The second is what a request body says when its sender went away; the last two are not the Put's own context.
	for _, broken := range []error{errors.New("torn"), io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded} {
		for _, size := range append([]int{0, 1, 64 << 10, 300 << 10}, s.Edges...) {
			r := io.MultiReader(reader(Bytes(size)), iotest.ErrReader(broken))
			_, err := store.Put(t.Context(), "broken", r, blob.PutOptions{Size: int64(size) * 2})
			if err != broken { //nolint:errorlint // as it is means: not wrapped
				t.Errorf("reader broken after %d with %v: %v", size, broken, err)
			}
			wantNothing(t, store, "broken")
		}
	}
}

func testConflict(t *testing.T, s Suite) {
	store := s.Open(t)
	first := Bytes(1000)
	put(t, store, "a/b", first)
	for _, size := range append([]int{0, 1000, 300 << 10}, s.Edges...) {
		_, err := store.Put(t.Context(), "a/b", reader(Bytes(size+1)), unknown)
		wantKind(t, "second put", err, file.Conflict)
	}
	if !bytes.Equal(get(t, store, "a/b"), first) {
		t.Error("the first blob was changed")
	}
	if j, ok := store.(blob.Janitor); ok {
		if n, err := j.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("a refused put left %d unfinished writes, %v", n, err)
		}
	}
}

func testConcurrentPuts(t *testing.T, s Suite) {
	store := s.Open(t)
	const puts = 32
	var all sync.WaitGroup
	for i := range puts {
		all.Go(func() {
			// Half of them meet in one folder, which none of them finds made.
			key, data := fmt.Sprintf("new/%d/%02d", i%2*i, i), Bytes(100<<10+i)
			info, err := store.Put(t.Context(), key, reader(data), unknown)
			if err != nil {
				t.Errorf("put %s: %v", key, err)
				return
			}
			wantInfo(t, info, key, data)
		})
	}
	all.Wait()
	if n := len(list(t, store, "")); n != puts {
		t.Errorf("%d blobs are listed, want %d", n, puts)
	}
	for i := range puts {
		if key := fmt.Sprintf("new/%d/%02d", i%2*i, i); !bytes.Equal(get(t, store, key), Bytes(100<<10+i)) {
			t.Errorf("%s holds other bytes", key)
		}
	}
}

func testRacingPuts(t *testing.T, s Suite) {
	store := s.Open(t)
	for round := range 4 {
		const puts = 16
		key := fmt.Sprint("race/", round)
		bytesOf := func(i int) []byte { return Bytes(2000)[i : i+1000] } // of one size, and all different
		errs := make([]error, puts)
		start := make(chan struct{})
		var all sync.WaitGroup
		for i := range puts {
			all.Go(func() {
				<-start
				_, errs[i] = store.Put(t.Context(), key, reader(bytesOf(i)), unknown)
			})
		}
		close(start)
		all.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err != nil:
				wantKind(t, "loser", err, file.Conflict)
			case winner >= 0:
				t.Errorf("%s: %d and %d both won", key, winner, i)
			default:
				winner = i
			}
		}
		if winner < 0 {
			t.Fatalf("%s: nobody won: %v", key, errs)
		}
		if !bytes.Equal(get(t, store, key), bytesOf(winner)) {
			t.Errorf("%s does not hold the winner's bytes", key)
		}
	}
}

func testFull(t *testing.T, s Suite) {
	store := s.Full(t)
	put(t, store, "small", Bytes(1000))
	_, err := store.Put(t.Context(), "large", reader(Bytes(4<<20)), unknown)
	wantKind(t, "put into a full store", err, file.NoSpace)
	wantNothing(t, store, "large")
	if err := store.Delete(t.Context(), "small"); err != nil {
		t.Errorf("delete in a full store: %v", err)
	}
	put(t, store, "small-again", Bytes(1000))
}

func testDown(t *testing.T, s Suite) {
	store, ctx := s.Down(t), t.Context()
	_, err := store.Put(ctx, "a", reader(Bytes(10)), unknown)
	wantKind(t, "put", err, file.Unavailable)
	_, err = store.Open(ctx, "a")
	wantKind(t, "open", err, file.Unavailable)
	_, err = store.Stat(ctx, "a")
	wantKind(t, "stat", err, file.Unavailable)
	wantKind(t, "delete", store.Delete(ctx, "a"), file.Unavailable)
	wantKind(t, "list", store.List(ctx, "", func(blob.Info) error { return nil }), file.Unavailable)
	if p, ok := store.(blob.Pinger); ok {
		wantKind(t, "ping", p.Ping(ctx), file.Unavailable)
	}
}
