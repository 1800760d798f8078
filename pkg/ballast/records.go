package ballast

import (
	"context"
	"errors"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Repo is a repository in a file on the disk that is watched.
type Repo interface {
	meta.Repo
	meta.Auditor
}

// Records is a Repo whose writes find room on a full disk. While it is low new storage is refused, so that the room is left for what ends
// files, and for the verdicts of those that are there.
type Records struct {
	Repo
	ballast *Ballast
}

var (
	_ meta.Repo    = (*Records)(nil)
	_ meta.Auditor = (*Records)(nil)
)

// Guard joins a repository and its ballast, which from then on are the Records' to close.
func Guard(repo Repo, b *Ballast) *Records { return &Records{Repo: repo, ballast: b} }

var errLow = errors.New("the disk of the records is full")

// Reserve implements meta.Accounts. Every upload reserves what it stores before its record is written.
func (r *Records) Reserve(ctx context.Context, res meta.Reservation, limit int64) error {
	if r.ballast.Low() {
		return file.Wrap(file.NoSpace, "ballast.reserve", errLow)
	}
	return r.Repo.Reserve(ctx, res, limit)
}

// Create implements meta.Repo.
func (r *Records) Create(ctx context.Context, f *file.File) error {
	return r.again(func() error { return r.Repo.Create(ctx, f) })
}

// Update implements meta.Repo.
func (r *Records) Update(ctx context.Context, f *file.File) error {
	return r.again(func() error { return r.Repo.Update(ctx, f) })
}

// again repeats a write that has met a full disk, and so has changed nothing, if there is room that it did not have. Writes that are made at
// the same time fail together: it may be another that has cut the ballast.
func (r *Records) again(write func() error) error {
	before := r.ballast.Cuts()
	err := write()
	if !file.Is(err, file.NoSpace) {
		return err
	}
	r.ballast.Cut()
	if r.ballast.Cuts() == before {
		return err
	}
	return write()
}

// Close implements meta.Repo.
func (r *Records) Close() error { return errors.Join(r.Repo.Close(), r.ballast.Close()) }
