package blobtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

func testRanges(t *testing.T, s Suite) {
	store := s.Open(t)
	data := Bytes(300_000)
	put(t, store, "ranges", data)
	r, err := store.Open(t.Context(), "ranges")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	size := int64(len(data))
	for _, c := range []struct {
		offset int64
		whence int
		at     int64 // where it leads
		read   int
	}{
		{0, io.SeekStart, 0, 10},
		{5, io.SeekCurrent, 15, 100},
		{0, io.SeekCurrent, 115, 100},
		{-1, io.SeekEnd, size - 1, 10},
		{0, io.SeekEnd, size, 10},
		{10, io.SeekEnd, size + 10, 10},
		{100_000, io.SeekStart, 100_000, 150_000},
		{-250_000, io.SeekCurrent, 0, 1},
		{0, io.SeekStart, 0, len(data)},
	} {
		at, err := r.Seek(c.offset, c.whence)
		if err != nil || at != c.at {
			t.Fatalf("seek(%d, %d): at %d, %v, want %d", c.offset, c.whence, at, err, c.at)
		}
		want := data[min(c.at, size):min(c.at+int64(c.read), size)]
		got, err := io.ReadAll(io.LimitReader(r, int64(c.read)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes at %d: got %d, %v", c.read, c.at, len(got), err)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start succeeded")
	}
	if _, err := r.Seek(0, 99); err == nil {
		t.Error("a seek from nowhere succeeded")
	}
}

// testServeContent drives the store as net/http does: RFC 9110, section 14.
func testServeContent(t *testing.T, s Suite) {
	store := s.Open(t)
	data := Bytes(200_000)
	put(t, store, "served", data)
	put(t, store, "served-empty", nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		content, err := store.Open(req.Context(), strings.TrimPrefix(req.URL.Path, "/"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		defer content.Close()
		http.ServeContent(w, req, "", time.Time{}, content)
	}))
	defer server.Close()

	for _, c := range []struct {
		name, key, ranges string
		status            int
		want              []byte
	}{
		{"whole", "served", "", 200, data},
		{"first", "served", "bytes=0-99", 206, data[:100]},
		{"middle", "served", "bytes=70000-139999", 206, data[70000:140000]},
		{"open end", "served", "bytes=199990-", 206, data[199990:]},
		{"suffix", "served", "bytes=-7", 206, data[len(data)-7:]},
		{"past the end", "served", "bytes=200000-", 416, nil},
		{"empty", "served-empty", "", 200, []byte{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+c.key, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.ranges != "" {
				req.Header.Set("Range", c.ranges)
			}
			res, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != c.status {
				t.Fatalf("status %d, %v, want %d", res.StatusCode, err, c.status)
			}
			if c.want != nil && !bytes.Equal(got, c.want) {
				t.Errorf("got %d other bytes, want %d", len(got), len(c.want))
			}
		})
	}
}

func testHostileKeys(t *testing.T, s Suite) {
	store, ctx := s.Open(t), t.Context()
	put(t, store, "a/b", Bytes(10))
	for _, key := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "./a", "../a", "a/..", "a/../b", "a/./b", "../../etc/passwd", "/etc/passwd",
		`..\a`, `a\b`, "a\x00", "a\nb", "a b", "a%2f..%2fb", "a?b", "a#b", "a*", "~", "ä", "\xff", "a:b", "a;b", "{a}",
		strings.Repeat("a", 256), strings.Repeat("a/", 8) + "a", strings.Repeat("aaaaaaa/", 64) + "a",
	} {
		_, err := store.Put(ctx, key, reader(Bytes(10)), unknown)
		wantKind(t, fmt.Sprintf("put %q", key), err, file.Invalid)
		_, err = store.Open(ctx, key)
		wantKind(t, fmt.Sprintf("open %q", key), err, file.Invalid)
		_, err = store.Stat(ctx, key)
		wantKind(t, fmt.Sprintf("stat %q", key), err, file.Invalid)
		wantKind(t, fmt.Sprintf("delete %q", key), store.Delete(ctx, key), file.Invalid)
	}
	if keys := list(t, store, ""); len(keys) != 1 || keys[0] != "a/b" {
		t.Errorf("the store holds %v", keys)
	}
}

func testAbsent(t *testing.T, s Suite) {
	store, ctx := s.Open(t), t.Context()
	put(t, store, "dir/blob", Bytes(10))
	for _, key := range []string{"absent", "dir", "dir/other", "other/blob", "dir/blob/below"} {
		r, err := store.Open(ctx, key)
		wantKind(t, "open "+key, err, file.NotFound)
		if err == nil {
			_ = r.Close()
		}
		_, err = store.Stat(ctx, key)
		wantKind(t, "stat "+key, err, file.NotFound)
		if err := store.Delete(ctx, key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if len(get(t, store, "dir/blob")) != 10 {
		t.Error("the blob beside them is gone")
	}
}

func testCancelled(t *testing.T, s Suite) {
	store := s.Open(t)
	put(t, store, "here", Bytes(10))
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := store.Put(ended, "cancelled", reader(Bytes(10)), unknown)
	wantKind(t, "put", err, file.Cancelled)
	_, err = store.Open(ended, "here")
	wantKind(t, "open", err, file.Cancelled)
	_, err = store.Stat(ended, "here")
	wantKind(t, "stat", err, file.Cancelled)
	wantKind(t, "delete", store.Delete(ended, "here"), file.Cancelled)
	wantKind(t, "list", store.List(ended, "", func(blob.Info) error { return nil }), file.Cancelled)
	if j, ok := store.(blob.Janitor); ok {
		_, err := j.SweepUnfinished(ended, time.Now())
		if err != nil { // with nothing to sweep it may not have looked
			wantKind(t, "sweep", err, file.Cancelled)
		}
	}
	if p, ok := store.(blob.Pinger); ok {
		if err := p.Ping(ended); err == nil {
			t.Error("ping: no error")
		}
	}
	if len(get(t, store, "here")) != 10 {
		t.Error("the blob is gone")
	}

	// In the middle of a Put, early and late.
	for _, size := range append([]int{1, 600 << 10}, s.Edges...) {
		during, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(reader(Bytes(size)), hook(cancel), reader(Bytes(600<<10)))
		_, err := store.Put(during, "cancelled", r, unknown)
		wantKind(t, fmt.Sprintf("put cancelled after %d bytes", size), err, file.Cancelled)
		wantNothing(t, store, "cancelled")
		cancel()
	}
	during, cancel := context.WithCancel(t.Context())
	_, err = store.Put(during, "cancelled", reader(Bytes(10)), blob.PutOptions{Check: func(blob.Info) error {
		cancel()
		return nil
	}})
	wantKind(t, "put cancelled by its check", err, file.Cancelled)
	wantNothing(t, store, "cancelled")
}

func testDelete(t *testing.T, s Suite) {
	store := s.Open(t)
	put(t, store, "a/b", Bytes(10))
	put(t, store, "a/c", Bytes(10))
	for range 2 {
		if err := store.Delete(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, store, "a/b")
	}
	if keys := list(t, store, ""); len(keys) != 1 || keys[0] != "a/c" {
		t.Errorf("the store holds %v", keys)
	}
	if err := store.Delete(t.Context(), "a/c"); err != nil {
		t.Fatal(err)
	}
	put(t, store, "a/d", Bytes(10)) // into a folder that has become empty
}

func testDeleteWhileReading(t *testing.T, s Suite) {
	store, data := s.Open(t), Bytes(1<<20)
	put(t, store, "deleted", data)
	r, err := store.Open(t.Context(), "deleted")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(head, rest...), data) {
		t.Errorf("read %d bytes in all, %v", len(head)+len(rest), err)
	}
}

func testPing(t *testing.T, s Suite) {
	p, ok := s.Open(t).(blob.Pinger)
	if !ok {
		t.Skip("this driver cannot be pinged")
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// hook is a reader that is empty and calls fn when it is asked.
type hook func()

func (h hook) Read([]byte) (int, error) {
	h()
	return 0, io.EOF
}
