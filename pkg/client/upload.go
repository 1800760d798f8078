package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// UploadOptions say what is uploaded. Only Filename is required.
type UploadOptions struct {
	Filename    string // what the file is called, with its extension; no folder
	Name        string // what to show in place of Filename
	Description string
	Type        string        // media type; found by Filename when empty
	Tag         string        // what the file belongs to; nothing when empty
	ExpiresIn   time.Duration // how long the file lives, whole seconds; for ever when zero
	Size        int64         // bytes; found out where the reader tells, else unknown, when zero
	SHA256      string        // lower-case hex; the server refuses other bytes

	// Key is the Idempotency-Key: two uploads of one caller under one key make one file. A random one when empty.
	Key string
	// Async returns when the file is stored, rather than when it has its verdict.
	Async bool
	// Progress is told how many bytes of this file are sent, and how many there are (-1 when that is not known). It starts again when the upload
	// does. It is called from another goroutine, and must not block.
	Progress func(sent, total int64)
}

// largeBody is the size from which a client asks before it sends: 100-continue (RFC 9110, 10.1.1) costs a round trip.
const largeBody = 1 << 20

// Upload sends a file. It returns when the file has its verdict, or after ten seconds or so (INLET_WAIT) while it is pending; Wait waits on. A file that is
// rejected meanwhile is an error for which errors.Is(err, ErrRejected) holds.
//
// A reader that can seek is sent again after a failure of the connection or of the server; any other is sent once. Upload does not close it. For large files, see
// UploadResumable.
func (c *Client) Upload(ctx context.Context, r io.Reader, o UploadOptions) (File, error) {
	b, err := newBody(r, o.Size)
	if err != nil {
		return File{}, fmt.Errorf("inlet: read what is to be sent: %w", err)
	}
	b.progress = o.Progress
	h, err := o.header()
	if err != nil {
		return File{}, err
	}
	if b.size < 0 || b.size >= largeBody {
		h.Set("Expect", "100-continue")
	}
	return fetch[File](ctx, c, request{
		method: http.MethodPost, path: collection(o.Tag), query: o.query(), header: h, body: b, once: b.seeker == nil,
	})
}

func (o UploadOptions) header() (http.Header, error) {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": o.Filename})
	if o.Filename == "" || disposition == "" {
		return nil, fmt.Errorf("inlet: an upload needs a file name, not %q", o.Filename)
	}
	h := http.Header{}
	h.Set("Content-Disposition", disposition)
	h.Set("Idempotency-Key", o.key())
	if o.Type != "" {
		h.Set("Content-Type", o.Type)
	}
	if o.Async {
		h.Set("Prefer", "respond-async")
	}
	if o.SHA256 != "" {
		sum, err := hex.DecodeString(o.SHA256)
		if err != nil {
			return nil, fmt.Errorf("inlet: the SHA-256 of the upload: %w", err)
		}
		h.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	return h, nil
}

func (o UploadOptions) key() string {
	if o.Key != "" {
		return o.Key
	}
	return rand.Text()
}

func (o UploadOptions) query() url.Values {
	q := url.Values{}
	if o.Name != "" {
		q.Set("name", o.Name)
	}
	if o.Description != "" {
		q.Set("description", o.Description)
	}
	if n := o.seconds(); n != "" {
		q.Set("expires_in", n)
	}
	return q
}

// seconds is ExpiresIn as the API takes it; empty when there is none.
func (o UploadOptions) seconds() string {
	if o.ExpiresIn == 0 {
		return ""
	}
	return strconv.FormatInt(int64(o.ExpiresIn/time.Second), 10)
}

// FromURL has the server fetch a file from a public URL. Of o it takes Name, Description, Tag, ExpiresIn, Key and Async.
func (c *Client) FromURL(ctx context.Context, source string, o UploadOptions) (File, error) {
	r, err := jsonRequest(http.MethodPost, collection(o.Tag)+"/from-url", struct {
		URL         string `json:"url"`
		Name        string `json:"name,omitempty"`
		Description string `json:"description,omitempty"`
		ExpiresIn   int64  `json:"expires_in,omitempty"`
		Wait        bool   `json:"wait"`
	}{source, o.Name, o.Description, int64(o.ExpiresIn / time.Second), !o.Async})
	if err != nil {
		return File{}, err
	}
	r.header.Set("Idempotency-Key", o.key())
	return fetch[File](ctx, c, r)
}
