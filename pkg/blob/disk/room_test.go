package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
)

// fakeDisk is a disk with a number of free bytes and inodes that counts how often it is measured.
type fakeDisk struct {
	bytes, files int64
	measured     int
	broken       error
	clock        time.Time
}

func (d *fakeDisk) room() *room {
	d.clock = time.Unix(1_000_000, 0)
	return &room{
		now: func() time.Time { return d.clock },
		measure: func() (diskspace.Space, error) {
			d.measured++
			return diskspace.Space{Bytes: 1000, FreeBytes: d.bytes, Files: 1000, FreeFiles: d.files}, d.broken
		},
	}
}

func TestRoomLetsInWhatFits(t *testing.T) {
	d := &fakeDisk{bytes: 100, files: 100}
	r := d.room()
	a, err := r.claim(60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.claim(41); !file.Is(err, file.NoSpace) {
		t.Errorf("41 bytes besides 60 of 100: %v", err)
	}
	b, err := r.claim(-1)
	if err != nil {
		t.Fatalf("an unknown size: %v", err)
	}
	if err := b.spend(40); err != nil {
		t.Errorf("40 bytes that were not announced: %v", err)
	}
	d.bytes -= 40
	if err := b.spend(1); !file.Is(err, file.NoSpace) {
		t.Errorf("one more, which was promised to another: %v", err)
	}
	if err := a.spend(60); err != nil {
		t.Errorf("60 bytes that were announced: %v", err)
	}
	d.bytes -= 60
	if err := a.spend(1); !file.Is(err, file.NoSpace) {
		t.Errorf("more than announced: %v", err)
	}
	if err := r.check(); !file.Is(err, file.NoSpace) {
		t.Errorf("a full disk: %v", err)
	}
	a.end()
	b.end()
	d.bytes = 1 // nobody waits for the next measurement
	if c, err := r.claim(1); err != nil {
		t.Errorf("with a byte free again: %v", err)
	} else {
		c.end()
	}
	if r.claimed != 0 {
		t.Errorf("%d bytes are promised to nobody", r.claimed)
	}
}

func TestRoomGivesBackWhatWasAnnounced(t *testing.T) {
	d := &fakeDisk{bytes: 100, files: 100}
	r := d.room()
	for range 3 {
		c, err := r.claim(100)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.spend(30); err != nil {
			t.Error(err)
		}
		c.end() // it failed, and its 30 bytes are gone, too
	}
}

func TestRoomMeasuresNowAndThen(t *testing.T) {
	d := &fakeDisk{bytes: 1000, files: 1000}
	r := d.room()
	put := func() {
		c, err := r.claim(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.spend(1); err != nil {
			t.Error(err)
		}
		c.end()
	}
	for range 500 {
		put()
	}
	if d.measured != 1 {
		t.Errorf("measured %d times for 500 small blobs at once", d.measured)
	}
	d.clock = d.clock.Add(measureEvery)
	put()
	if d.measured != 2 {
		t.Errorf("measured %d times after a while, want 2", d.measured)
	}
}

func TestRoomWithoutInodes(t *testing.T) {
	d := &fakeDisk{bytes: 1000, files: 1}
	r := d.room()
	if _, err := r.claim(1); err != nil {
		t.Error(err)
	}
	d.files = 0
	if _, err := r.claim(1); !file.Is(err, file.NoSpace) {
		t.Errorf("no inode: %v", err)
	}
	d.broken = errors.New("no such call")
	if _, err := r.claim(1); err != nil {
		t.Errorf("a disk that cannot be measured: %v", err)
	}
}

// unread fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a blob that does not fit was read")
	return 0, io.EOF
}

// On a real file system: what does not fit is refused unread, deletes go on, and what they free is found at once.
func TestPutKeepsTheReserve(t *testing.T) {
	reserve, err := diskspace.ParseReserve("50%")
	if err != nil {
		t.Fatal(err)
	}
	dir := tmpfs(t, "size=1m,nr_inodes=100")
	s := open(t, Config{Dir: dir, Reserve: reserve})
	if _, err := s.Put(t.Context(), "announced", unread{t}, blob.PutOptions{Size: 600 << 10}); !file.Is(err, file.NoSpace) {
		t.Errorf("600 of 512 KiB: %v", err)
	}
	if _, err := s.Put(t.Context(), "unknown", bytes.NewReader(make([]byte, 600<<10)), blob.PutOptions{Size: -1}); !file.Is(err, file.NoSpace) {
		t.Errorf("600 of 512 KiB, without a word before: %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("refused, and left %v", left)
	}
	put(t, s, "small", "bytes")
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, make([]byte, 520<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !file.Is(err, file.NoSpace) {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.Put(t.Context(), "more", unread{t}, blob.PutOptions{Size: -1}); !file.Is(err, file.NoSpace) {
		t.Errorf("below the reserve: %v", err)
	}
	if err := s.Delete(t.Context(), "small"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	put(t, s, "again", "bytes")
}

func TestPutKeepsInodes(t *testing.T) {
	reserve, err := diskspace.ParseReserve("50%")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Dir: tmpfs(t, "size=1m,nr_inodes=20"), Reserve: reserve})
	for i := range 20 {
		_, err = s.Put(t.Context(), "k"+string(rune('a'+i)), bytes.NewReader([]byte("x")), blob.PutOptions{Size: 1})
		if err != nil {
			break
		}
	}
	if !file.Is(err, file.NoSpace) {
		t.Errorf("20 inodes, half of them reserved: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.root.Name(), "other"), nil, 0o600); err != nil {
		t.Errorf("the reserve was taken: %v", err)
	}
}

// What a small Put pays for the room, besides a measurement every now and then.
func BenchmarkRoom(b *testing.B) {
	dir := b.TempDir()
	r := &room{now: time.Now, measure: func() (diskspace.Space, error) { return diskspace.Of(dir) }}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := r.claim(100)
			if err != nil {
				b.Error(err)
				return
			}
			if err := c.spend(100); err != nil {
				b.Error(err)
			}
			c.end()
		}
	})
}
