// Package blobtest is what every blob.Store has to do: a suite that each driver runs on itself, and a benchmark.
//
// It tests the promises in the comments of package blob and nothing about how a driver keeps them.
package blobtest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that vendors show
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// Suite says how to get a store and what it can do.
type Suite struct {
	// Open returns an empty store that nobody else uses. It is closed by t.Cleanup.
	Open func(t testing.TB) blob.Store
	// Edges are sizes at which the driver changes its way, as that of a part. They are tested, and one byte to either side.
	Edges []int
	// ReadsDeleted is set when a reader that was opened before a Delete reads on to the end.
	ReadsDeleted bool
	// Large is the size of the blob that is streamed at flat memory; 1 GiB when it is 0.
	Large int64
	// Full returns a store that has room for less than 1 MiB. Nil when that cannot be had.
	Full func(t testing.TB) blob.Store
	// Down returns a store that is out. Nil when that cannot be had.
	Down func(t testing.TB) blob.Store
}

// Run tests the store.
func Run(t *testing.T, s Suite) {
	type test struct {
		name string
		run  func(*testing.T, Suite)
	}
	tests := []test{
		{"RoundTrip", testRoundTrip},
		{"Digests", testDigests},
		{"Check", testCheck},
		{"BrokenReader", testBrokenReader},
		{"Conflict", testConflict},
		{"Ranges", testRanges},
		{"ServeContent", testServeContent},
		{"HostileKeys", testHostileKeys},
		{"Absent", testAbsent},
		{"Cancelled", testCancelled},
		{"Delete", testDelete},
		{"List", testList},
		{"ListStops", testListStops},
		{"ListPrefix", testListPrefix},
		{"SweepSparesBlobs", testSweepSparesBlobs},
		{"Ping", testPing},
		{"ConcurrentPuts", testConcurrentPuts},
		{"RacingPuts", testRacingPuts},
		{"Large", testLarge},
	}
	// What a driver does not promise, or cannot be brought to, is no test of it.
	if s.ReadsDeleted {
		tests = append(tests, test{"DeleteWhileReading", testDeleteWhileReading})
	}
	if s.Full != nil {
		tests = append(tests, test{"Full", testFull})
	}
	if s.Down != nil {
		tests = append(tests, test{"Down", testDown})
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// unknown is the PutOptions of a sender who has not said how much there is.
var unknown = blob.PutOptions{Size: -1}

func put(t testing.TB, s blob.Store, key string, data []byte) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), key, reader(data), unknown)
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return info
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

func list(t testing.TB, s blob.Store, after string) []string {
	t.Helper()
	var keys []string
	err := s.List(t.Context(), after, func(i blob.Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return keys
}

func wantKind(t testing.TB, what string, err error, kind file.Kind) {
	t.Helper()
	if !file.Is(err, kind) {
		t.Errorf("%s: %v (%s), want %s", what, err, file.KindOf(err), kind)
	}
	var e *file.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("%s: %T is no *file.Error", what, err)
	}
}

// wantNothing asserts that a Put which failed has left nothing: no blob, and no unfinished write.
func wantNothing(t testing.TB, s blob.Store, key string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_, err := s.Stat(ctx, key)
	wantKind(t, "stat after a failed put", err, file.NotFound)
	r, err := s.Open(ctx, key)
	wantKind(t, "open after a failed put", err, file.NotFound)
	if err == nil {
		_ = r.Close()
	}
	if keys := list(t, s, ""); slices.Contains(keys, key) {
		t.Errorf("a failed put is listed: %v", keys)
	}
	if j, ok := s.(blob.Janitor); ok {
		n, err := j.SweepUnfinished(ctx, time.Now().Add(time.Hour))
		if err != nil || n != 0 {
			t.Errorf("a failed put left %d unfinished writes, %v", n, err)
		}
	}
}

// wantInfo asserts that info is that of data under key.
func wantInfo(t testing.TB, info blob.Info, key string, data []byte) {
	t.Helper()
	if info.Key != key || info.Size != int64(len(data)) || info.SHA256 != sum(data) {
		t.Errorf("info %+v, want key %s, size %d, digest %s", info, key, len(data), sum(data))
	}
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func md5sum(data []byte) string {
	h := md5.Sum(data) //nolint:gosec // as above
	return hex.EncodeToString(h[:])
}

// reader hides everything of a bytes.Reader but Read.
func reader(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }
