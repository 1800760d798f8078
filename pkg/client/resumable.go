package client

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// DefaultChunk is how many bytes go in one request of a resumable upload.
const DefaultChunk = 16 << 20

// ResumableOptions say what is uploaded and what is known of an earlier try. Of UploadOptions, Key has no meaning here.
type ResumableOptions struct {
	UploadOptions
	// URL is where an earlier try has left off; empty for a new upload.
	URL string
	// OnURL is told where the upload goes on, before a byte is sent, so that a later try may know. Its error ends the upload.
	OnURL func(url string) error
	// Chunk is how many bytes go in one request; DefaultChunk when zero. Each has its SHA-256.
	Chunk int64
}

// The names of tus 1.0.0 (https://tus.io/protocols/resumable-upload).
const (
	tusVersion     = "1.0.0"
	tusType        = "application/offset+octet-stream"
	tusMismatch    = 460 // the checksum of a chunk does not hold: it was not taken
	headerResume   = "Tus-Resumable"
	headerLength   = "Upload-Length"
	headerOffset   = "Upload-Offset"
	headerMetadata = "Upload-Metadata"
	headerChecksum = "Upload-Checksum"
)

// UploadResumable sends a file in pieces, by tus 1.0.0. It goes on after failures of the connection and restarts of the server, as long as bytes arrive
// between them, and in a later process by the URL that OnURL was told. When the server has forgotten that upload, it begins anew. It returns
// as Upload does.
func (c *Client) UploadResumable(ctx context.Context, r io.ReadSeeker, o ResumableOptions) (File, error) {
	b, err := newBody(r, 0)
	if err == nil && b.seeker == nil {
		err = errors.New("it cannot be rewound")
	}
	if err != nil {
		return File{}, fmt.Errorf("inlet: read what is to be sent: %w", err)
	}
	u := &upload{c: c, r: r, start: b.start, size: b.size, o: o, chunk: o.Chunk}
	if u.chunk <= 0 {
		u.chunk = DefaultChunk
	}
	if o.URL != "" {
		if u.path, err = uploadPath(o.URL); err != nil {
			return File{}, err
		}
	}
	id, err := u.run(ctx)
	if err != nil {
		return File{}, err
	}
	return c.uploaded(ctx, id, o.Async)
}

// uploaded is the file that an upload has made: with its verdict, unless nobody waits for that.
func (c *Client) uploaded(ctx context.Context, id string, async bool) (File, error) {
	if async {
		return c.Get(ctx, id)
	}
	f, err := c.Wait(ctx, id)
	if err == nil && f.State == file.Rejected {
		err = &Error{Status: http.StatusUnsupportedMediaType, Code: f.Reason, Message: "The file was rejected: " + f.Reason, FileID: f.ID}
	}
	return f, err
}

// upload is one resumable upload at work.
type upload struct {
	c           *Client
	r           io.ReadSeeker
	start, size int64
	chunk       int64
	o           ResumableOptions
	path        string // where it goes on; empty before it was announced
	known       bool   // whether at is what the server has
	at          int64  // bytes that the server has
	id          string // of the file, once the server has made one
}

// run sends what the server lacks, and returns the id of the file.
func (u *upload) run(ctx context.Context) (string, error) {
	failed, most := 0, int64(0)
	for {
		err := u.step(ctx)
		if u.at > most {
			failed, most = 0, u.at
		}
		switch {
		case err == nil && u.id != "":
			return u.id, nil
		case err == nil:
			continue
		case !Temporary(err) && !unsure(err):
			return "", err
		}
		u.known = false
		if failed++; failed > u.c.retries {
			return "", err
		}
		if sleep(ctx, u.c.backoff.after(failed-1, err)) != nil {
			return "", fmt.Errorf("%w (and then %w)", err, context.Cause(ctx))
		}
		u.c.http.CloseIdleConnections()
	}
}

// step does what comes next: it announces the upload, asks how far it came, or sends a chunk.
func (u *upload) step(ctx context.Context) error {
	switch {
	case u.path == "":
		return u.create(ctx)
	case !u.known:
		err := u.ask(ctx)
		if errors.Is(err, ErrNotFound) { // expired
			u.path, u.at, err = "", 0, nil
		}
		return err
	}
	return u.send(ctx)
}

// unsure reports whether an answer says that server and client do not agree on what has arrived: asking helps.
func unsure(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == tusMismatch || e.Status == http.StatusLocked || e.Code == codeTakenOver)
}

// create announces the upload, and tells where it goes on.
func (u *upload) create(ctx context.Context) error {
	h := http.Header{}
	h.Set(headerResume, tusVersion)
	h.Set(headerLength, strconv.FormatInt(u.size, 10))
	h.Set(headerMetadata, u.o.metadata())
	resp, err := u.c.do(ctx, request{method: http.MethodPost, path: uploads, header: h})
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // it is empty
	if u.path, err = uploadPath(resp.Header.Get("Location")); err != nil {
		return err
	}
	u.at, u.known = 0, true
	if u.o.OnURL != nil {
		return u.o.OnURL(u.c.base.String() + u.path)
	}
	return nil
}

// metadata is what the server is told of the file: names and Base64 of values.
func (o ResumableOptions) metadata() string {
	var pairs []string
	for _, p := range [][2]string{
		{"filename", o.Filename}, {"filetype", o.Type}, {"name", o.Name}, {"description", o.Description},
		{"expires_in", o.seconds()}, {"tag", o.Tag}, {"sha256", o.SHA256},
	} {
		if p[1] != "" {
			pairs = append(pairs, p[0]+" "+base64.StdEncoding.EncodeToString([]byte(p[1])))
		}
	}
	return strings.Join(pairs, ",")
}

// uploads is the route of all resumable uploads.
const uploads = "/v1/uploads"

// uploadPath is the route of one upload, of the URL that the server gave out for it. Who that URL says the server is does not matter: the credential goes to
// none but the client's own.
func uploadPath(location string) (string, error) {
	at, err := url.Parse(location)
	if err != nil {
		return "", fmt.Errorf("inlet: the place of an upload: %w", err)
	}
	i := strings.Index(at.EscapedPath(), uploads+"/")
	if i < 0 {
		return "", fmt.Errorf("inlet: %q is not the place of an upload", location)
	}
	return at.EscapedPath()[i:], nil
}

// ask learns how much the server has.
func (u *upload) ask(ctx context.Context) error {
	resp, err := u.c.do(ctx, request{method: http.MethodHead, path: u.path, header: http.Header{headerResume: {tusVersion}}})
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // a HEAD has none
	return u.learn(resp)
}

// learn reads from an answer how much the server has, and what the file is called once that is all.
func (u *upload) learn(resp *http.Response) error {
	at, err := strconv.ParseInt(resp.Header.Get(headerOffset), 10, 64)
	if err != nil || at < 0 || at > u.size {
		return fmt.Errorf("inlet: the server has %q of %d bytes", resp.Header.Get(headerOffset), u.size)
	}
	if length := resp.Header.Get(headerLength); length != "" && length != strconv.FormatInt(u.size, 10) {
		return fmt.Errorf("inlet: the upload that was begun has %s bytes, not %d: the file has changed", length, u.size)
	}
	u.at, u.known, u.id = at, true, resp.Header.Get(fileIDHeader)
	u.report(at)
	return nil
}

// send sends the next chunk. One of no bytes, when the server has all and has not said what the file is called, has it say so.
func (u *upload) send(ctx context.Context) error {
	at, n := u.at, min(u.chunk, u.size-u.at)
	piece := io.NewSectionReader(readerAt{u.r, u.start}, at, n)
	sum := sha256.New()
	if _, err := io.Copy(sum, piece); err != nil {
		return fmt.Errorf("inlet: read what is to be sent: %w", err)
	}
	h := http.Header{"Content-Type": {tusType}}
	h.Set(headerResume, tusVersion)
	h.Set(headerOffset, strconv.FormatInt(at, 10))
	h.Set(headerChecksum, "sha256 "+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	b := &body{r: piece, seeker: piece, size: n, progress: func(sent, _ int64) { u.report(at + sent) }}
	resp, err := u.c.do(ctx, request{method: http.MethodPatch, path: u.path, header: h, body: b, once: true})
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // it is empty
	if err := u.learn(resp); err != nil {
		return err
	}
	if u.id == "" && n == 0 {
		return errors.New("inlet: the server has every byte and does not say what file they are")
	}
	return nil
}

func (u *upload) report(sent int64) {
	if u.o.Progress != nil {
		u.o.Progress(sent, u.size)
	}
}

// readerAt reads a reader that can seek at any place. It is for one goroutine at a time, as an attempt uses it.
type readerAt struct {
	r     io.ReadSeeker
	start int64
}

func (a readerAt) ReadAt(p []byte, off int64) (int, error) {
	if _, err := a.r.Seek(a.start+off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(a.r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
