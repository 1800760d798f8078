package operate

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/program"
)

// checkData looks whether the data folder can be written to.
func checkData(_ context.Context, p *patient) diagnosis {
	dir := p.program.Data
	if p.fresh() {
		return skip("%s is not there yet: the first start makes it", dir)
	}
	if !p.single() && p.program.Meta != "" && p.program.Blobs != "" {
		return skip("nothing is kept in INLET_DATA")
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return fail("make INLET_DATA a folder that this user may write to", err)
	}
	_, err = f.WriteString("probe")
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fail("look at the disk and its mount options: a synced write failed", err)
	}
	return ok("%s can be written to", dir)
}

// diskFolder is the folder of a blob store on a disk, as it is written; empty for another store.
func diskFolder(name string) string {
	folder, _ := strings.CutPrefix(name, "disk:")
	if folder == name {
		return ""
	}
	return folder
}

// checkSpace looks how much is free where blobs and records are kept: uploads are refused below the reserve, and it warns when the free
// space is less than twice that.
func checkSpace(_ context.Context, p *patient) diagnosis {
	var folders []string
	if folder := diskFolder(p.program.BlobStore()); folder != "" {
		folders = append(folders, folder)
	}
	if !p.program.Mongo() {
		folders = append(folders, filepath.Dir(p.program.SQLitePath()))
	}
	worst := skip("there is no folder on this machine")
	for _, dir := range folders {
		space, err := diskspace.Of(dir)
		if err != nil {
			continue // a folder that is not there is told by its own check
		}
		if found := judgeSpace(dir, space, p.program.Reserve()); slices.Index(severity, found.Status) > slices.Index(severity, worst.Status) {
			worst = found
		}
	}
	return worst
}

var severity = []status{statusSkip, statusOK, statusWarn, statusFail}

func judgeSpace(dir string, space diskspace.Space, reserve diskspace.Reserve) diagnosis {
	bytes, files := reserve.Above(space)
	detail := fmt.Sprintf("%d MiB and %d inodes are free on the disk of %s", space.FreeBytes>>20, space.FreeFiles, dir)
	if space.FreeFiles == math.MaxInt64 { // it makes them as it needs them
		detail = fmt.Sprintf("%d MiB are free on the disk of %s", space.FreeBytes>>20, dir)
	}
	switch {
	case bytes <= 0 || files <= 0:
		return fail("make room: uploads are refused (INLET_MIN_FREE)", errors.New(detail))
	case bytes < space.FreeBytes-bytes || files < space.FreeFiles-files:
		return warn("make room soon: below half of it uploads are refused (INLET_MIN_FREE)", "%s", detail)
	}
	return ok("%s", detail)
}

// checkRecords looks whether records are kept as they must be. A server that runs owns its SQLite file: there the file is read, and what
// SQLite must be able to do is tried beside it.
func checkRecords(ctx context.Context, p *patient) diagnosis {
	if p.program.Mongo() {
		repo, err := openMeta(ctx, p.program, program.Look)
		if err != nil {
			return fail("start MongoDB, or mend INLET_META", err)
		}
		if err := errors.Join(probeRecords(ctx, repo), repo.Close()); err != nil {
			return fail("MongoDB must acknowledge writes by a majority, from the journal", err)
		}
		return ok("MongoDB answers; a write was acknowledged by the majority, journaled")
	}
	path := p.program.SQLitePath()
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return skip("%s is not there yet: the first start makes it", path)
	}
	repo, err := openMeta(ctx, p.program, program.Look)
	if err != nil {
		return fail("if an older Inlet made the file, start inlet serve once; if it is damaged, restore it from a backup", err)
	}
	_, err = repo.Scan(ctx, "", 1)
	if err = errors.Join(err, repo.Close()); err != nil {
		return fail("restore the file from a backup", err)
	}
	if err := probeSQLite(ctx, filepath.Dir(path)); err != nil {
		return fail("put the records on a local disk: SQLite needs WAL and fsync, which network file systems do not have", err)
	}
	if p.program.Durability == disk.Process {
		return warn("unset INLET_DURABILITY unless this is a test", "%s can be read; INLET_DURABILITY=process: a power cut loses uploads", path)
	}
	return ok("%s can be read; WAL and synchronous=FULL work there", path)
}

// maxSkew is how far this machine's clock may be from the one that decides before an operator should know.
const maxSkew = 2 * time.Second

// checkClock compares this machine's clock, by which tokens end, with the one that the records have, by which leases and files do (docs/adr/0017).
func checkClock(ctx context.Context, p *patient) diagnosis {
	if _, err := os.Stat(p.program.SQLitePath()); !p.program.Mongo() && os.IsNotExist(err) {
		return skip("there are no records yet to compare with")
	}
	repo, err := openMeta(ctx, p.program, program.Look)
	if err != nil {
		return skip("the records cannot be read")
	}
	skew := time.Since(repo.Now()).Round(time.Millisecond)
	if err := repo.Close(); err != nil {
		return fail("see the records", err)
	}
	if skew.Abs() > maxSkew {
		return warn("set the clock by NTP, here and on the machine of the records", "this machine is %s from the clock of the records: tokens end by the one, files by the other", skew)
	}
	return ok("%s from the clock of the records", skew)
}

// probeSQLite makes a database beside the real one, which asserts its durability when it opens, and removes it.
func probeSQLite(ctx context.Context, dir string) error {
	probe, err := os.MkdirTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	repo, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(probe, "probe.db")})
	if err == nil {
		err = errors.Join(probeRecords(ctx, repo), repo.Close())
	}
	return errors.Join(err, os.RemoveAll(probe))
}

// probeTenant owns the probes. No directory file can name it.
const probeTenant file.Tenant = ".doctor"

// probeRecords writes a tombstone, which nobody is charged for, reads it, and forgets it.
func probeRecords(ctx context.Context, repo meta.Repo) error {
	now := time.Now()
	f := &file.File{
		ID:     file.ID(fmt.Sprintf("%026d", now.UnixNano())), // digits are base 32, too
		Number: now.UnixMicro(), Tenant: probeTenant, State: file.Gone, Deleted: file.Actor{ID: "doctor", At: now},
	}
	if err := repo.Create(ctx, f); err != nil {
		return err
	}
	_, err := repo.Get(ctx, probeTenant, file.ByID(f.ID))
	return errors.Join(err, repo.Purge(ctx, probeTenant, f.ID, f.Rev))
}

// checkBlobs stores, finds, reads and removes a probe.
func checkBlobs(ctx context.Context, p *patient) diagnosis {
	name := p.program.BlobStore()
	if folder := diskFolder(name); folder != "" && p.single() {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return skip("%s is not there yet: the first start makes it", folder)
		}
	}
	const advice = "mend INLET_BLOBS, the credentials of the store, or the store"
	store, err := program.OpenBlobs(ctx, p.program, program.Look)
	if err != nil {
		return fail(advice, err)
	}
	if closer, closes := store.(io.Closer); closes {
		defer func() { _ = closer.Close() }() // a probe was checked or has failed by then
	}
	if err := probeBlobs(ctx, store); err != nil {
		return fail(advice, err)
	}
	if _, posts := blob.PosterOf(store); posts {
		return ok("a probe was stored in the bucket, not replaced, read and removed")
	}
	return ok("a probe was stored, not replaced, read and removed; tmp and blobs are on one device")
}

// probeBlobs does with one blob all that a store must be able to do.
func probeBlobs(ctx context.Context, store blob.Store) (err error) {
	key, body := "doctor-"+rand.Text(), []byte("probe")
	put := func() error {
		_, err := store.Put(ctx, key, bytes.NewReader(body), blob.PutOptions{Size: int64(len(body))})
		return err
	}
	if err := put(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() {
		if removed := probeDelete(ctx, store, key); removed != nil {
			err = errors.Join(err, fmt.Errorf("remove %s: %w", key, removed))
		}
	}()
	if err := put(); !file.Is(err, file.Conflict) {
		return fmt.Errorf("a blob was stored twice under one key: %w", errors.Join(errReplaced, err))
	}
	if info, err := store.Stat(ctx, key); err != nil || info.Size != int64(len(body)) {
		return fmt.Errorf("size %d of %d: %w", info.Size, len(body), errors.Join(errOthers, err))
	}
	r, err := store.Open(ctx, key)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body) {
		return fmt.Errorf("read: %w", errors.Join(errOthers, err))
	}
	return nil
}

var (
	errReplaced = errors.New("the store does not protect what is there (If-None-Match)")
	errOthers   = errors.New("the bytes are not those that were stored")
)

// probeDelete removes a blob and looks whether it is gone.
func probeDelete(ctx context.Context, store blob.Store, key string) error {
	if err := store.Delete(ctx, key); err != nil {
		return err
	}
	if _, err := store.Stat(ctx, key); !file.Is(err, file.NotFound) {
		return errors.Join(errors.New("it is still there"), err)
	}
	return nil
}
