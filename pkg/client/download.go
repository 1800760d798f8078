package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Content is the bytes of a file as they come. When the connection is cut, Read goes on where it was (RFC 9110, 14.2); before its io.EOF it has compared the
// SHA-256 of all bytes with the one that the server names. It is for one goroutine, which closes it.
type Content struct {
	Name   string // of the file; empty when the server does not say
	Type   string // media type
	Size   int64  // bytes, of the whole file
	SHA256 string // lower-case hex; empty when the server does not say

	ctx  context.Context // Read may have to ask again, for the caller of Download
	c    *Client
	path string
	body io.ReadCloser
	at   int64
	sum  hash.Hash
	cuts int // in a row, without a byte between
}

var _ io.ReadCloser = (*Content)(nil)

// Download opens the bytes of a file. ctx holds until the last of them. A file that is not ready is ErrNotReady.
func (c *Client) Download(ctx context.Context, id string) (*Content, error) {
	d := &Content{ctx: ctx, c: c, path: filePath(id, "download"), sum: sha256.New()}
	return d, d.open()
}

// open asks for the bytes from d.at on.
func (d *Content) open() error {
	r := request{method: http.MethodGet, path: d.path}
	if d.at > 0 {
		r.header = http.Header{"Range": {"bytes=" + strconv.FormatInt(d.at, 10) + "-"}}
		if d.SHA256 != "" {
			r.header.Set("If-Range", `"`+d.SHA256+`"`)
		}
	}
	resp, err := d.c.do(d.ctx, r)
	if err != nil {
		return err
	}
	if d.at > 0 && resp.StatusCode != http.StatusPartialContent {
		_ = resp.Body.Close()
		return errors.New("inlet: the server does not send the rest of the file")
	}
	if d.at == 0 {
		d.describe(resp)
	}
	d.body = resp.Body
	return nil
}

func (d *Content) describe(resp *http.Response) {
	d.Size, d.Type = resp.ContentLength, resp.Header.Get("Content-Type")
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		d.Name = params["filename"]
	}
	if tag := strings.Trim(resp.Header.Get("ETag"), `"`); len(tag) == hex.EncodedLen(sha256.Size) {
		d.SHA256 = tag
	}
}

// Read implements io.Reader.
func (d *Content) Read(p []byte) (int, error) {
	for {
		n, err := d.body.Read(p)
		if n > 0 {
			_, _ = d.sum.Write(p[:n]) // never fails (hash.Hash)
			d.at += int64(n)
			d.cuts = 0
			return n, nil // what err is shows at the next call
		}
		switch {
		case err == nil:
			return 0, nil
		case errors.Is(err, io.EOF) && (d.Size < 0 || d.at == d.Size):
			return 0, d.judge()
		case d.ctx.Err() != nil || d.cuts >= d.c.retries:
			return 0, err
		}
		if err := d.again(); err != nil {
			return 0, err
		}
	}
}

// again opens the rest of the bytes after a cut.
func (d *Content) again() error {
	_ = d.body.Close() // cut off
	d.body = http.NoBody
	if err := sleep(d.ctx, d.c.backoff.after(d.cuts, nil)); err != nil {
		return err
	}
	d.cuts++
	return d.open()
}

// judge is io.EOF for the right bytes.
func (d *Content) judge() error {
	if d.SHA256 != "" && hex.EncodeToString(d.sum.Sum(nil)) != d.SHA256 {
		return ErrDigest
	}
	return io.EOF
}

// Close implements io.Closer.
func (d *Content) Close() error { return d.body.Close() }

// PartSuffix ends the name of a download that is not complete.
const PartSuffix = ".part"

// DownloadFile saves a file at path, in place of what is there. The bytes are gathered in path + PartSuffix: a later call goes on with what an earlier one has left there, and
// only all the right bytes get the name. progress may be nil; it is told how many of them are there.
func (c *Client) DownloadFile(ctx context.Context, id, path string, progress func(have, total int64)) (File, error) {
	f, err := c.Get(ctx, id)
	if err != nil {
		return f, err
	}
	err = c.save(ctx, f, path, progress)
	if errors.Is(err, ErrDigest) { // the part was of another file
		if err = os.Remove(path + PartSuffix); err == nil {
			err = c.save(ctx, f, path, progress)
		}
	}
	return f, err
}

func (c *Client) save(ctx context.Context, f File, path string, progress func(have, total int64)) error {
	part, err := os.OpenFile(path+PartSuffix, os.O_RDWR|os.O_CREATE, 0o666) //nolint:gosec // the caller's place, with the rights that the caller's umask leaves
	if err != nil {
		return err
	}
	err = c.complete(ctx, f, part, progress)
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// complete brings part from what it holds to all of the file.
func (c *Client) complete(ctx context.Context, f File, part *os.File, progress func(have, total int64)) error {
	d := &Content{Size: f.Size, SHA256: f.SHA256, ctx: ctx, c: c, path: filePath(f.ID, "download"), body: http.NoBody, sum: sha256.New()}
	have, err := io.Copy(d.sum, part)
	if err != nil {
		return fmt.Errorf("read what is there of the download: %w", err)
	}
	if have > f.Size {
		return ErrDigest
	}
	d.at = have
	if have < f.Size || have == 0 {
		if err := d.open(); err != nil {
			return err
		}
	}
	defer func() { _ = d.Close() }() // nothing is left to read
	_, err = io.Copy(&meter{w: part, have: have, total: f.Size, progress: progress}, d)
	return err
}

// meter tells how many bytes have passed.
type meter struct {
	w           io.Writer
	have, total int64
	progress    func(have, total int64)
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.have += int64(n)
	if m.progress != nil {
		m.progress(m.have, m.total)
	}
	return n, err
}
