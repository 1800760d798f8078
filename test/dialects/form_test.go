package dialects

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/textproto"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// form is a multipart/form-data body whose parts stand in the order in which they were added.
type form struct {
	body bytes.Buffer
	w    *multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.body)
	return f
}

// Field adds a text field.
func (f *form) Field(name, value string) *form {
	must(f.w.WriteField(name, value))
	return f
}

// File adds a file part. A sample without a Type sends none.
func (f *form) File(field string, s samples.Sample) *form {
	h := textproto.MIMEHeader{"Content-Disposition": {api.FormFile(field, s.Name)}}
	if s.Type != "" {
		h.Set("Content-Type", s.Type)
	}
	part, err := f.w.CreatePart(h)
	must(err)
	_, err = part.Write(s.Data)
	must(err)
	return f
}

// Type is the body's Content-Type.
func (f *form) Type() string { return f.w.FormDataContentType() }

// Bytes ends the form, and returns the body.
func (f *form) Bytes() []byte {
	must(f.w.Close())
	return f.body.Bytes()
}

// named is a sample under another name.
func named(s samples.Sample, name string) samples.Sample {
	s.Name = name
	return s
}

// must is for what fails only by a mistake in this package.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("dialects: %v", err))
	}
}
