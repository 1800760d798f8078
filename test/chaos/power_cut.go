package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inlethq/inlet/test/harness/api"
)

// cutsPerFollow says of how many cuts one is followed to the end: every file final, the stores mended.
const cutsPerFollow = 20

// cut cuts the power of a recording once, and judges what a server finds after it.
func (r *recording) cut(ctx context.Context, n int) (tally, error) {
	t, err := r.part(fmt.Sprintf("cut-%d", n+1), r.durability)
	if err != nil {
		return tally{}, err
	}
	at := r.moment()
	t.history.entries = r.history.asOf(at)
	left := func(disk io.WriterAt) error { return r.disk.Cut(at, whim(t.stream(0)), disk) }
	sum, err := followCut(ctx, t, left, n%cutsPerFollow == cutsPerFollow-1)
	if err != nil {
		return sum, err // the log of the server stays
	}
	if t.found.total() > 0 && r.found.total() == 0 { // one disk of each run is enough to look at
		_, err = makeImage(t.dir, left)
	}
	t.line("%s, cut %d after %d of %d events: %d files checked, %d violations", filepath.Base(r.dir), n+1, at, r.end, sum.checks, t.found.total())
	return sum, errors.Join(err, r.conclude(t))
}

// moment picks the position of a cut: mostly one next to a flush or to an answer, sometimes any, from the first start of the server on.
func (r *recording) moment() int {
	if r.rng.IntN(5) == 0 {
		return 1 + r.rng.IntN(r.end)
	}
	moments := r.disk.Moments(r.end)
	return moments[r.rng.IntN(len(moments))]
}

// whim says of each piece in the cache of a disk whether it was put down before the power went: none of them, all, or some.
func whim(rng *rand.Rand) (keep func() bool) {
	share := []float64{0, 1, rng.Float64(), rng.Float64()}[rng.IntN(4)]
	return func() bool { return rng.Float64() < share }
}

// followCut makes the disk as a cut has left it, mounts it, and lets a server on it show what it has.
func followCut(ctx context.Context, t *trial, left func(io.WriterAt) error, toEnd bool) (sum tally, err error) {
	image, err := makeImage(memoryDir(), left)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, os.Remove(image)) }()
	mounted := filepath.Join(t.dir, "disk")
	if err := os.Mkdir(mounted, 0o700); err != nil {
		return sum, err
	}
	if err := mount(image, mounted); err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, unmount(mounted)) }()
	sum.cuts = 1
	s, err := newServerWith(ctx, t, on(mounted))
	if err != nil {
		if ctx.Err() == nil {
			t.found.addf(unreadable, "%v", err)
		}
		return sum, ctx.Err()
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := lookAround(ctx, t, s, &sum); err != nil || !toEnd {
		return sum, err
	}
	sum.followed = 1
	_, err = checkEnd(ctx, t, s)
	return sum, err
}

// lookAround judges everything that a server has after a cut, and counts the files that it was about.
func lookAround(ctx context.Context, t *trial, s *server, sum *tally) error {
	c := newChecker(t, s.Client)
	entries := t.history.from(0)
	if err := c.lookAll(ctx, entries, false); err != nil {
		return err
	}
	sum.checks, sum.missed = int(c.looks.Load()), t.found.of(lost)
	files, err := c.list(ctx)
	if err != nil {
		return err
	}
	t.found.add(judgeList(entries, files)...)
	if err := c.lookAll(ctx, unanswered(entries, files), false); err != nil {
		return err
	}
	now, err := s.fsck(ctx, fsckGrace)
	for _, line := range now.lines {
		if b, ok := breachOf(line); ok {
			t.found.addf(b, "%s", line)
		}
	}
	return err
}

// breachOf says what a finding of fsck means right after a cut. Work whose time is over means nothing: between a run and its last cut go minutes, and
// nobody was there to do it.
func breachOf(finding string) (b breach, ok bool) {
	is := func(code string) bool { return strings.HasPrefix(finding, fmt.Sprintf(`{"code":%q`, code)) }
	switch {
	case slices.ContainsFunc([]string{"stuck", "stale-outbox", "stale-reservation", "expired"}, is):
		return "", false
	case is("missing-blob"): // the API shows it only once a file is ready
		return lost, true
	}
	return untidy, true
}

// unanswered returns the uploads of unknown outcome whose files are there all the same, as if they had been acknowledged: they must be as whole.
func unanswered(entries []*entry, files []api.File) []*entry {
	ids := make(map[string]string, len(files))
	for _, f := range files {
		ids[keyOf(f)] = f.ID
	}
	var there []*entry
	for _, e := range entries {
		if id := ids[e.key]; e.upload == unknown && id != "" {
			whole := *e
			whole.upload, whole.id = ok, id
			there = append(there, &whole)
		}
	}
	return there
}
