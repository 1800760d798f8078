package core_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// failing is a store that fails: to take a blob, when it has read all of it but the last byte, or to open one.
type failing struct {
	blob.Store
	put, open error
}

func (s failing) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if s.put == nil {
		return s.Store.Put(ctx, key, r, o)
	}
	_, err := io.Copy(io.Discard, r)
	return blob.Info{}, errors.Join(s.put, err)
}

func (s failing) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if s.open != nil {
		return nil, s.open
	}
	return s.Store.Open(ctx, key)
}

// over is a core on the same records and another store.
func (b *bench) over(s blob.Store) *core.Core {
	c := core.New(core.Config{Meta: b.repo, Bus: b.bus, Now: b.clock.now, Blobs: s})
	b.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// A store that fails costs the request that it fails, and nothing of what was there before: the client goes on when it is well again.
func TestUploadsInPiecesOutliveAFailingStore(t *testing.T) {
	full, out := file.Wrap(file.NoSpace, "test", errors.New("full")), file.Wrap(file.Unavailable, "test", errors.New("out"))
	for name, x := range map[string]struct {
		store failing
		kind  file.Kind
	}{
		"a full disk":             {failing{put: full}, file.NoSpace},
		"a store that is out":     {failing{put: out, open: out}, file.Unavailable},
		"one that does not read":  {failing{open: out}, file.Unavailable},
		"one that writes nothing": {failing{put: out}, file.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			x.store.Store = b.blobs
			broken := b.over(x.store)
			id := b.begin(inPieces(), 11).File.ID
			b.mustSend(b.resume(id), "hello")
			if x.store.put != nil {
				n, err := broken.Append(t.Context(), b.resume(id), core.Piece{Body: strings.NewReader(" world"), Wait: day})
				if n != 0 || !file.Is(err, x.kind) || b.resume(id).Offset != 5 {
					t.Errorf("%d bytes, %v; the upload is at %d", n, err, b.resume(id).Offset)
				}
			}
			b.mustSend(b.resume(id), " world")
			err := broken.FinishResumable(t.Context(), b.resume(id), core.Limits{}, inPieces().Policy)
			if r := b.resume(id); !file.Is(err, x.kind) || !r.Open() || !r.Whole() || b.used() != 11 {
				t.Errorf("finishing gave %v; the upload is %+v, %d bytes are charged", err, r, b.used())
			}
			if f := b.mustFinish(b.resume(id)); f.State != file.Pending || f.SHA256 != sha("hello world") {
				t.Errorf("finished %+v", f)
			}
			if keys := b.blobKeys(); len(keys) != 1 || b.used() != 11 {
				t.Errorf("blobs %q, %d bytes are charged", keys, b.used())
			}
		})
	}
}

// An upload of one piece is read, and judged, where it lies: also by a process that has not stored it.
func TestOnePieceIsJudgedByAnotherProcess(t *testing.T) {
	b := newBench(t)
	u := inPieces()
	u.SHA256 = sha("hello world")
	id := b.begin(u, 11).File.ID
	b.mustSend(b.resume(id), "hello world")
	out := file.Wrap(file.Unavailable, "test", errors.New("out"))
	if err := b.over(failing{Store: b.blobs, open: out}).FinishResumable(t.Context(), b.resume(id), core.Limits{}, u.Policy); !file.Is(err, file.Unavailable) || !b.resume(id).Open() {
		t.Errorf("finishing what cannot be read gave %v", err)
	}
	if f := b.mustFinish(b.resume(id)); f.State != file.Pending || f.SHA256 != u.SHA256 {
		t.Errorf("finished %+v", f)
	}
}

// Parts keep their bytes and their charge when the file that they were to become cannot be stored.
func TestConcatOutlivesAFailingStore(t *testing.T) {
	b := newBench(t)
	parts := []core.Resumable{b.part("hello"), b.part(" world")}
	used := b.used()
	full := failing{Store: b.blobs, put: file.Wrap(file.NoSpace, "test", errors.New("full"))}
	if _, err := b.over(full).Concat(t.Context(), inPieces(), parts, ""); !file.Is(err, file.NoSpace) || b.used() != used {
		t.Errorf("%v; %d bytes are charged, before %d", err, b.used(), used)
	}
	for i := range parts {
		parts[i] = *b.resume(parts[i].File.ID)
	}
	s, err := b.Concat(t.Context(), inPieces(), parts, "")
	if err != nil || s.File.SHA256 != sha("hello world") || b.used() != used {
		t.Errorf("%+v, %v; %d bytes are charged", s.File, err, b.used())
	}
}
