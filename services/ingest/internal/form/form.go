// Package form reads uploads from HTTP requests: multipart forms as streams, and raw bodies.
//
// It buffers no file and reads no more than it is asked for. What the fields mean is the dialect's.
package form

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/httpserver"
)

// Bounds of a multipart form.
const (
	maxParts      = 64
	maxFieldBytes = 8 << 10
	// Overhead is the most that a form may add to the bytes of its file: fields, boundaries and headers.
	Overhead = 1 << 20
)

// Form is a multipart form that is read from its first part to its last, once.
type Form struct {
	Fields map[string]string // text fields read so far

	reader *multipart.Reader
	body   *tail
	last   string // the boundary that ends the form
	parts  int
	ended  bool
}

// File is a part with a filename. Its Read gives the bytes; a body that was cut off gives an Invalid error in place of io.EOF.
type File struct {
	Field string
	Name  string // as sent, not cleaned
	Type  string // Content-Type as sent, may be empty
	part  *multipart.Part
}

func (f *File) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // bare by contract
		err = bodyError(err)
	}
	return n, err
}

// Open begins to read the request's body as a multipart form.
func Open(w http.ResponseWriter, r *http.Request) (*Form, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, file.Errorf(file.Invalid, "form.open", "Content-Type must be multipart/form-data")
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 70 { // RFC 2046, 5.1.1
		return nil, file.Errorf(file.Invalid, "form.open", "multipart/form-data needs a boundary of 1 to 70 characters")
	}
	httpserver.SlowBody(w, r)
	body := &tail{Reader: r.Body}
	return &Form{Fields: map[string]string{}, reader: multipart.NewReader(body, boundary), body: body, last: "--" + boundary + "--"}, nil
}

// tail remembers how the body ended: the multipart reader takes one that was cut off inside a part's header for complete.
type tail struct {
	io.Reader
	end   []byte // the last tailBytes
	ended bool
}

const tailBytes = 256

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n >= tailBytes {
		t.end = append(t.end[:0], p[n-tailBytes:n]...)
	} else if n > 0 {
		t.end = append(t.end, p[:n]...)
		t.end = t.end[max(0, len(t.end)-tailBytes):]
	}
	t.ended = t.ended || err == io.EOF
	return n, err
}

// NextFile reads on to the next part with a filename, taking in the fields before it. It returns nil, nil at the end of a complete form.
// The file must be read to its end before the next call.
func (f *Form) NextFile() (*File, error) {
	for {
		part, err := f.nextPart()
		if err != nil || part == nil {
			return nil, err
		}
		disposition, err := parseDisposition(part)
		if err != nil {
			return nil, err
		}
		if name, ok := disposition["filename"]; ok {
			return &File{Field: disposition["name"], Name: name, Type: part.Header.Get("Content-Type"), part: part}, nil
		}
		if err := f.field(disposition["name"], part); err != nil {
			return nil, err
		}
	}
}

// nextPart returns nil, nil at the end of a complete form.
func (f *Form) nextPart() (*multipart.Part, error) {
	if f.ended {
		return nil, nil
	}
	part, err := f.reader.NextRawPart()
	if err == io.EOF { // bare by contract
		if f.body.ended && !bytes.Contains(f.body.end, []byte(f.last)) {
			return nil, bodyError(io.ErrUnexpectedEOF)
		}
		f.ended = true
		return nil, nil
	}
	if err != nil {
		return nil, bodyError(err)
	}
	if f.parts++; f.parts > maxParts {
		return nil, file.Errorf(file.Invalid, "form.parts", "The form has more than %d parts", maxParts)
	}
	return part, nil
}

func parseDisposition(part *multipart.Part) (map[string]string, error) {
	values := part.Header.Values("Content-Disposition")
	if len(values) != 1 {
		return nil, file.Errorf(file.Invalid, "form.part", "Each part of the form needs one Content-Disposition")
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "form-data" || params["name"] == "" {
		return nil, file.Errorf(file.Invalid, "form.part", "A part of the form has a malformed Content-Disposition")
	}
	return params, nil
}

func (f *Form) field(name string, part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
	if err != nil {
		return bodyError(err)
	}
	if len(value) > maxFieldBytes {
		return file.Errorf(file.Invalid, "form.field", "A field of the form is longer than %d bytes", maxFieldBytes)
	}
	if _, twice := f.Fields[name]; twice {
		return file.Errorf(file.Invalid, "form.field", "The form has the field %q twice", name)
	}
	f.Fields[name] = string(value)
	return nil
}

// Finish reads the form to its end. A second file is Invalid, and so is a form without its closing boundary.
func (f *Form) Finish() error {
	extra, err := f.NextFile()
	if err != nil {
		return err
	}
	if extra != nil {
		return file.Errorf(file.Invalid, "form.finish", "The form has more than one file")
	}
	return nil
}

// Discard reads the form to its end in place of Finish, whatever stands there: S3's POST Object ignores all that comes after the file.
// Invalid is a form without its closing boundary, or with more than Overhead behind the file.
func (f *Form) Discard() error {
	left := int64(Overhead)
	for {
		part, err := f.nextPart()
		if err != nil || part == nil {
			return err
		}
		n, err := io.Copy(io.Discard, io.LimitReader(part, left+1))
		if err != nil {
			return bodyError(err)
		}
		if left -= n; left < 0 {
			return file.Errorf(file.Invalid, "form.discard", "The form goes on too long after its file")
		}
	}
}

// Raw is the request's body as one file.
func Raw(w http.ResponseWriter, r *http.Request) io.Reader {
	httpserver.SlowBody(w, r)
	return rawBody{r.Body}
}

type rawBody struct{ io.Reader }

func (b rawBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // bare by contract
		err = bodyError(err)
	}
	return n, err
}

// bodyError says in our terms why a body could not be read.
func bodyError(err error) error {
	var known *file.Error
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &tooLarge):
		return &file.Error{Kind: file.TooLarge, Op: "form.read", Code: "file_too_large", Public: "The request is too large", Err: err}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &file.Error{Kind: file.Cancelled, Op: "form.read", Public: "The body came too slowly", Err: err}
	case errors.Is(err, context.Canceled):
		return file.Wrap(file.Cancelled, "form.read", err)
	case errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "multipart: NextPart: EOF"): // the standard library has no value for it
		return &file.Error{Kind: file.Invalid, Op: "form.read", Code: "incomplete_body", Public: "The body ended before the upload was complete", Err: err}
	default:
		return &file.Error{Kind: file.Invalid, Op: "form.read", Public: "The body is not a well-formed upload", Err: err}
	}
}
