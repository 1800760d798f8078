package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	rotCut      = 3  // of so many blobs, one is cut off on average
	rotBusFlips = 3  // bits that are flipped in each file of the bus
	rotRecords  = 20 // of so many cycles, one is a damaged database
	rotFlips    = 16 // bits that are flipped in a database, at most

	damagedLimit = 10 * time.Second // for a server on a damaged store to be ready: one on a good store takes a fraction of a second
)

// blob is where the bytes of a file are.
func (r *rot) blob(id string) string {
	bare := strings.TrimPrefix(id, "file_")
	return filepath.Join(r.dir, "data", "blobs", "blobs", "main", bare[len(bare)-2:], bare)
}

func (r *rot) spoilAll(entries []*entry) error {
	for _, e := range entries {
		if err := r.spoil(r.blob(e.id)); err != nil {
			return err
		}
	}
	return nil
}

// spoilThumbnail damages the thumbnail of a file.
func (r *rot) spoilThumbnail(id string) error {
	found, err := filepath.Glob(r.blob(id) + ".thumbnail.*")
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s has %d thumbnails", id, len(found))
	}
	if err != nil {
		return err
	}
	return r.spoil(found[0])
}

// spoil flips a bit of a blob, or cuts it off.
func (r *rot) spoil(path string) error {
	r.damaged++
	if r.rng.IntN(rotCut) > 0 {
		return r.flip(path, 1)
	}
	r.cut++
	return writable(path, func(f *os.File, size int64) error { return f.Truncate(r.rng.Int64N(size)) })
}

// flip flips so many bits of a file, picked at random.
func (r *rot) flip(path string, bits int) error {
	return writable(path, func(f *os.File, size int64) error {
		for range bits {
			at, b := r.rng.Int64N(size), make([]byte, 1)
			if _, err := f.ReadAt(b, at); err != nil {
				return err
			}
			b[0] ^= 1 << r.rng.IntN(8)
			if _, err := f.WriteAt(b, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// writable opens a file that may be read-only for fn, and leaves it with the mode and the time that it had: a disk tells nobody what it does.
func writable(path string, fn func(f *os.File, size int64) error) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // in the trial's folder
	if err != nil {
		return err
	}
	return errors.Join(fn(f, info.Size()), f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()), os.Chmod(path, info.Mode()))
}

// rotBus stops the server with files on their way, and flips bits in every file of the bus. A server that does not start gets the store removed, as
// an operator may: nothing rests on it.
func (r *rot) rotBus(ctx context.Context) (string, error) {
	store := filepath.Join(r.dir, "data", "nats")
	var sent []*entry
	for i := range r.cycles {
		sent = append(sent, r.history.add(fmt.Sprintf("b%d", i), newText(r.rng.Uint64())))
	}
	if err := r.uploadAll(ctx, sent); err != nil {
		return "", err
	}
	if code, err := r.term(ctx); err != nil || code != 0 {
		return "", fmt.Errorf("exit code %d: %w", code, err)
	}
	files := 0
	err := filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		return r.flip(path, rotBusFlips)
	})
	if err != nil {
		return "", err
	}
	how := "the server came up by itself"
	if err := r.startDamaged(ctx); err != nil {
		r.line("with a damaged bus: %v", err)
		how = "the server did not come up before its store was removed"
		r.kill()
		if err := errors.Join(os.RemoveAll(store), r.start(ctx)); err != nil {
			return "", err
		}
	}
	settled, err := r.checker.settle(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d files of the bus damaged: %s, all %d files final after %.1f s", files, how, len(sent), settled.Seconds()), r.checker.lookAll(ctx, sent, true)
}

// startDamaged is start for a server that may never be ready, whose store is what it waits for.
func (r *rot) startDamaged(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, damagedLimit)
	defer cancel()
	return r.start(ctx)
}

// rotRecords flips bits in the database, again and again, each time in a copy of the folder. The server starts or does not; bytes that it serves are right.
func (r *rot) rotRecords(ctx context.Context) (string, error) {
	code, err := r.term(ctx)
	if err != nil || code != 0 {
		return "", fmt.Errorf("exit code %d: %w", code, err)
	}
	rounds, refused := max(2, r.cycles/rotRecords), 0
	var right, other atomic.Int64
	for n := range rounds {
		data := filepath.Join(r.dir, fmt.Sprintf("worn-%d", n))
		if err := cloneData(filepath.Join(r.dir, "data"), data); err != nil {
			return "", err
		}
		bits := 1 + r.rng.IntN(rotFlips)
		if err := r.flip(filepath.Join(data, "meta.db"), bits); err != nil {
			return "", err
		}
		r.set(map[string]string{"INLET_DATA": data, "INLET_SCRUB_EVERY": "0s"})
		err := r.startDamaged(ctx)
		r.line("database %d, %d bits flipped: the server's start ends with %v", n+1, bits, err)
		if err != nil {
			refused++
		} else if err := r.readAll(ctx, &right, &other); err != nil {
			return "", err
		}
		r.kill()
		if err := os.RemoveAll(data); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d databases with up to %d bits flipped: %d refused, on the others %d reads right and %d without an answer", rounds, rotFlips, refused, right.Load(), other.Load()), nil
}

// readAll reads every whole file. What the server says is right, or it says nothing.
func (r *rot) readAll(ctx context.Context, right, other *atomic.Int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, e := range r.whole() {
		g.Go(func() error {
			resp, err := r.Download(ctx, e.id, nil)
			switch {
			case err != nil || resp.Status != http.StatusOK:
				other.Add(1)
			case digest(resp.Body) != e.sha256:
				r.found.addf(changed, "%s (%s): on a damaged database %d other bytes came to a good end", e.key, e.id, len(resp.Body))
			default:
				right.Add(1)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// cloneData copies a data folder, but for the bus's. Blobs, which nobody writes to, are linked.
func cloneData(from, to string) error {
	files := os.DirFS(from)
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		target := filepath.Join(to, name)
		switch {
		case err != nil:
			return err
		case name == "nats":
			return fs.SkipDir
		case d.IsDir():
			return os.Mkdir(target, 0o750)
		case !d.Type().IsRegular():
			return nil
		case strings.HasPrefix(name, "blobs/"):
			return os.Link(filepath.Join(from, name), target)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}
