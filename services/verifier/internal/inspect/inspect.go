// Package inspect is the check of a whole file: that its bytes are what they claim to be, that they are complete, and that
// opening them harms nobody.
//
// It decodes no pixels and unpacks nothing to a place that outlives the check. It reads the file as a stream, in memory
// that does not grow with it. It decides about bytes only: records, events and the removal of what is rejected are the
// caller's.
package inspect

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// Config says how to inspect. The zero value inspects without a virus scanner, under the default limits.
type Config struct {
	Clamd       string        // "tcp://host:port" or "unix:/path" of a clamd; empty for none
	ScanTimeout time.Duration // for one step of the talk with clamd, the verdict included; 2 minutes when 0
	TempDir     string        // where a nested archive is put while it is read; os.TempDir() when empty
	Limits      Limits
}

// Limits bound what is accepted. A zero field means its default.
type Limits struct {
	Pixels         int64 // of one frame: 50 million
	Side           int   // pixels: 16,384
	Frames         int   // or pages: 200
	ArchiveBytes   int64 // unpacked, of an archive with all that is nested in it: 200 MB, or four times the archive if that is more
	ArchiveRatio   int64 // unpacked to packed: 100; not applied to the first 10 MB
	ArchiveEntries int   // of one archive: 2,000; five times as many with all that is nested in it
	ArchiveDepth   int   // archives in archives, the outermost counted: 3
	Nesting        int   // of JSON and XML: 1,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Pixels:         cmp.Or(l.Pixels, 50_000_000),
		Side:           cmp.Or(l.Side, 16_384),
		Frames:         cmp.Or(l.Frames, 200),
		ArchiveBytes:   cmp.Or(l.ArchiveBytes, 200_000_000),
		ArchiveRatio:   cmp.Or(l.ArchiveRatio, 100),
		ArchiveEntries: cmp.Or(l.ArchiveEntries, 2_000),
		ArchiveDepth:   cmp.Or(l.ArchiveDepth, 3),
		Nesting:        cmp.Or(l.Nesting, 1_000),
	}
}

// Inspector inspects files. It may be used by many goroutines at once.
type Inspector struct {
	limits  Limits
	tempDir string
	scanner *clamd // nil when there is none
}

// New returns an Inspector, or file.Invalid when cfg.Clamd is not an address.
func New(cfg Config) (*Inspector, error) {
	i := &Inspector{limits: cfg.Limits.withDefaults(), tempDir: cfg.TempDir}
	if cfg.Clamd != "" {
		var err error
		if i.scanner, err = newClamd(cfg.Clamd, cmp.Or(cfg.ScanTimeout, 2*time.Minute)); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Inspect reads the whole of r, from its start, and judges it against what f declares. It reads f only, and does not
// close r.
//
// A nil error is a verdict: good, or rejected with a reason. An error means that there is none, and that another try may
// bring one: Cancelled when ctx ended, the store's own kind when r could not be read, Unavailable when the scanner gave
// no answer or has not scanned everything. The same bytes under the same configuration get the same verdict.
func (i *Inspector) Inspect(ctx context.Context, r io.ReadSeeker, f *file.File) (content.Verdict, error) {
	src, err := newSource(ctx, r)
	if err != nil {
		return content.Verdict{}, err
	}
	v, err := i.judge(ctx, src, cmp.Or(f.DeclaredType, content.OctetStream))
	if src.err != nil { // what a parser makes of bytes that could not be read means nothing
		return content.Verdict{}, src.err
	}
	var rejected *rejection
	if errors.As(err, &rejected) {
		v.Reason, v.Note = rejected.reason, rejected.note
		return v, nil
	}
	if err != nil {
		return content.Verdict{}, err
	}
	return v, nil
}

func (i *Inspector) judge(ctx context.Context, src *source, declared string) (content.Verdict, error) {
	if src.size == 0 {
		return content.Verdict{Type: declared}, reject(content.ReasonEmpty, "no bytes")
	}
	head := make([]byte, min(src.size, content.HeadBytes))
	if _, err := src.ReadAt(head, 0); err != nil {
		return content.Verdict{}, err
	}
	detected := content.Detect(head)
	if !content.Agree(declared, detected, head) {
		return content.Verdict{Type: detected}, reject(content.ReasonTypeMismatch, "declared %s, detected %s", declared, detected)
	}
	v := content.Verdict{Type: content.Resolve(declared, detected)}
	var err error
	if v.Image, err = i.structure(ctx, src, v.Type, detected); err != nil {
		return v, err
	}
	if i.scanner != nil {
		err = i.scanner.scan(ctx, src.reader())
	}
	return v, err
}

// pictures are the checks of the types that have a width and a height.
var pictures = map[string]func(*source, Limits) (*file.Image, error){
	"image/jpeg":          inspectJPEG,
	"image/png":           inspectPNG,
	"image/gif":           inspectGIF,
	"image/webp":          inspectWebP,
	"image/tiff":          inspectTIFF,
	"image/avif":          inspectHEIF,
	"image/heic":          inspectHEIF,
	"image/heif":          inspectHEIF,
	"image/heic-sequence": inspectHEIF,
	"image/heif-sequence": inspectHEIF,
}

// structure checks the bytes by what they are, and text by what it is said to be. Types without a check of their own have
// passed when their first bytes agree.
func (i *Inspector) structure(ctx context.Context, src *source, typ, detected string) (*file.Image, error) {
	switch content.FormatOf(typ) {
	case content.FormatText:
		_, err := inspectText(src)
		return nil, err
	case content.FormatJSON:
		return nil, inspectJSON(src, i.limits)
	case content.FormatXML:
		return nil, inspectXML(src, typ, i.limits)
	case content.FormatZip:
		if detected == "application/x-ole-storage" { // what Office makes of OOXML with a password
			return nil, reject(content.ReasonEncrypted, "a document with a password")
		}
		return nil, i.inspectZip(ctx, src, typ)
	}
	if inspectPicture, ok := pictures[detected]; ok {
		return inspectPicture(src, i.limits)
	}
	switch {
	case detected == "application/pdf":
		return nil, inspectPDF(src)
	case detected == "application/gzip":
		return nil, i.inspectGzip(ctx, src)
	case content.FormatOf(detected) == content.FormatZip:
		return nil, i.inspectZip(ctx, src, detected)
	}
	return nil, nil
}
