package inspect

import (
	"archive/zip"
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// ratioFloor is how much may come out of an archive before the ratio counts: small texts pack extremely well.
const ratioFloor = 10_000_000

// unpacking is the budget of one archive and all that is nested in it. What it counts are the bytes that really come out,
// never what headers say.
type unpacking struct {
	ctx     context.Context
	limits  Limits
	tempDir string
	bytes   int64 // that may still come out
	entries int   // that may still be met
}

func (i *Inspector) unpack(ctx context.Context, size int64) *unpacking {
	return &unpacking{
		ctx: ctx, limits: i.limits, tempDir: i.tempDir,
		bytes: max(i.limits.ArchiveBytes, 4*size), entries: 5 * i.limits.ArchiveEntries,
	}
}

func unsafeArchive(format string, args ...any) error {
	return reject(content.ReasonArchiveUnsafe, format, args...)
}

// inspectZip reads every entry of a ZIP and, where typ is a document made of one, looks for its parts.
func (i *Inspector) inspectZip(ctx context.Context, src *source, typ string) error {
	zr, err := i.unpack(ctx, src.size).zip(src, src.size, 1)
	if err != nil {
		return err
	}
	return checkDocument(zr, typ)
}

// inspectGzip reads a gzip file, and whatever archives it holds, to the end.
func (i *Inspector) inspectGzip(ctx context.Context, src *source) error {
	return i.unpack(ctx, src.size).gunzip(src.reader(), 1)
}

// zip checks the directory of a ZIP at the given depth, then reads every entry to its end.
func (u *unpacking) zip(r io.ReaderAt, size int64, depth int) (*zip.Reader, error) {
	if depth > u.limits.ArchiveDepth {
		return nil, unsafeArchive("archives nested more than %d deep", u.limits.ArchiveDepth)
	}
	dir, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	n, err := dir.count(r, u.limits.ArchiveEntries)
	if err != nil {
		return nil, err
	}
	if u.entries -= n; u.entries < 0 {
		return nil, unsafeArchive("too many entries in nested archives")
	}
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, corrupt("not a readable ZIP")
	}
	for _, f := range zr.File {
		if err := checkEntry(f); err != nil {
			return nil, err
		}
	}
	if err := checkOverlap(zr.File, dir.offset); err != nil {
		return nil, err
	}
	for _, f := range zr.File {
		if err := u.entry(f, depth); err != nil {
			return nil, err
		}
	}
	return zr, nil
}

// checkEntry judges an entry by its header.
func checkEntry(f *zip.File) error {
	const encrypted, strongEncryption, maskedHeader = 1 << 0, 1 << 6, 1 << 13 // APPNOTE.TXT section 4.4.4
	switch mode := f.Mode(); {
	case f.Flags&(encrypted|strongEncryption|maskedHeader) != 0:
		return reject(content.ReasonEncrypted, "an archive with a password")
	case !safePath(f.Name):
		return unsafeArchive("an entry that leaves the folder: %.100q", f.Name)
	case !mode.IsRegular() && !mode.IsDir():
		return unsafeArchive("a symbolic link or device: %.100q", f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return unsafeArchive("compression method %d, which is not checked", f.Method)
	}
	return nil
}

// safePath reports whether a name stays in the folder that it is unpacked to, under every system's rules.
func safePath(name string) bool {
	name = strings.ReplaceAll(name, `\`, "/")
	drive := len(name) > 1 && name[1] == ':'
	return name != "" && name[0] != '/' && !drive && !strings.ContainsRune(name, 0) && !slices.Contains(strings.Split(name, "/"), "..")
}

// checkOverlap refuses entries that share bytes, with each other or with the directory: that is how a small archive
// unpacks to any size (D. Fifield, A better zip bomb, WOOT 2019).
func checkOverlap(files []*zip.File, directory int64) error {
	type span struct{ start, end int64 }
	spans := make([]span, 0, len(files))
	for _, f := range files {
		start, err := f.DataOffset()
		if err != nil {
			return corrupt("an entry without a header")
		}
		if f.CompressedSize64 > uint64(directory) { //nolint:gosec // G115: an offset is not negative
			return corrupt("an entry larger than the archive")
		}
		spans = append(spans, span{start, start + int64(f.CompressedSize64)}) //nolint:gosec // G115: bounded above
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	end := int64(0)
	for _, s := range spans {
		if s.start-localHeaderSize < end {
			return unsafeArchive("entries that overlap")
		}
		end = s.end
	}
	if end > directory {
		return unsafeArchive("an entry that overlaps the directory")
	}
	return nil
}

// entry reads one entry to its end; the reader compares size and checksum.
func (u *unpacking) entry(f *zip.File, depth int) error {
	r, err := f.Open()
	if err != nil {
		return corrupt("an entry that cannot be opened: %.100q", f.Name)
	}
	defer func() { _ = r.Close() }()    // read-only
	packed := int64(f.CompressedSize64) //nolint:gosec // G115: checkOverlap has bounded it
	if err := u.stream(&meter{r: r, u: u, packed: func() int64 { return packed }}, depth); err != nil {
		return unpackError(err, f.Name)
	}
	return nil
}

// unpackError lets verdicts and failures of ours pass. What is left is broken data.
func unpackError(err error, name string) error {
	var rejected *rejection
	var failure *file.Error
	if errors.As(err, &rejected) || errors.As(err, &failure) {
		return err
	}
	return corrupt("damaged data in %.100q", name)
}

// stream reads what came out of an archive at the given depth, and unpacks it when it is an archive itself.
func (u *unpacking) stream(r io.Reader, depth int) error {
	in := bufio.NewReaderSize(r, blockSize)
	magic, _ := in.Peek(4) // fewer bytes are no archive; an error comes again
	switch {
	case string(magic) == "PK\x03\x04":
		return u.spool(in, depth+1)
	case len(magic) == 4 && string(magic[:3]) == "\x1f\x8b\x08":
		return u.gunzip(in, depth+1)
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

// gunzip reads a gzip stream at the given depth.
func (u *unpacking) gunzip(r io.Reader, depth int) error {
	if depth > u.limits.ArchiveDepth {
		return unsafeArchive("archives nested more than %d deep", u.limits.ArchiveDepth)
	}
	in := &counter{r: r}
	zr, err := gzip.NewReader(in)
	if err != nil {
		return corrupt("not a readable gzip file")
	}
	if err := u.stream(&meter{r: zr, u: u, packed: func() int64 { return in.n }}, depth); err != nil {
		return unpackError(err, "gzip")
	}
	return nil
}

// spool puts a nested ZIP into a temporary file without a name, for it can only be read from its end.
func (u *unpacking) spool(r io.Reader, depth int) error {
	temp, err := os.CreateTemp(u.tempDir, "inlet-inspect-*")
	if err != nil {
		return file.Wrap(file.Unavailable, "inspect.spool", err)
	}
	defer func() { _ = temp.Close() }() // thrown away
	if err := os.Remove(temp.Name()); err != nil {
		return file.Wrap(file.Unavailable, "inspect.spool", err)
	}
	n, err := io.Copy(spoolWriter{temp}, r)
	if err != nil {
		return err
	}
	_, err = u.zip(temp, n, depth)
	return err
}

// spoolWriter marks a failure to write, which says nothing about the data.
type spoolWriter struct{ w io.Writer }

func (s spoolWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	return n, file.Wrap(file.Unavailable, "inspect.spool", err)
}

// meter charges what is read through it to the budget.
type meter struct {
	r      io.Reader
	u      *unpacking
	packed func() int64 // bytes that went in so far
	n      int64        // bytes that came out so far
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.u.ctx.Err(); err != nil {
		return 0, file.Wrap(file.Cancelled, "inspect.unpack", err)
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	m.u.bytes -= int64(n)
	switch {
	case m.u.bytes < 0:
		return n, unsafeArchive("unpacks to too many bytes")
	case m.n > ratioFloor && m.n > m.u.limits.ArchiveRatio*max(m.packed(), 1):
		return n, unsafeArchive("unpacks to more than %d times its size", m.u.limits.ArchiveRatio)
	}
	return n, err
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
