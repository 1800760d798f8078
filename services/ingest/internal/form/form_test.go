package form_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/form"
)

const (
	contentType = "multipart/form-data; boundary=XX"
	filePart    = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
	namePart    = "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nA name\r\n"
	end         = "--XX--\r\n"
)

// read takes a form in as an upload does: the first file, then the rest.
func read(t testing.TB, contentType, body string) (data string, f *form.Form, err error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	f, err = form.Open(httptest.NewRecorder(), r)
	if err != nil {
		return "", nil, err
	}
	part, err := f.NextFile()
	if err != nil || part == nil {
		return "", f, err
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, part); err != nil {
		return "", f, err
	}
	return b.String(), f, f.Finish()
}

func TestFieldsBeforeAndAfterTheFile(t *testing.T) {
	after := strings.ReplaceAll(namePart, `"name"`, `"description"`)
	data, f, err := read(t, contentType, namePart+filePart+after+end)
	if err != nil || data != "hello" || f.Fields["name"] != "A name" || f.Fields["description"] != "A name" {
		t.Errorf("%q, %+v, %v", data, f, err)
	}
}

func TestBadForms(t *testing.T) {
	for name, c := range map[string]struct{ contentType, body string }{
		"not a form":             {"text/plain", "hello"},
		"no boundary":            {"multipart/form-data", filePart + end},
		"two boundaries":         {"multipart/form-data; boundary=XX; boundary=YY", filePart + end},
		"long boundary":          {"multipart/form-data; boundary=" + strings.Repeat("X", 71), filePart + end},
		"another boundary":       {"multipart/form-data; boundary=YY", filePart + end},
		"empty body":             {contentType, ""},
		"no closing boundary":    {contentType, filePart},
		"cut in the file":        {contentType, filePart[:len(filePart)-4]},
		"cut in a header":        {contentType, filePart[:30]},
		"two files":              {contentType, filePart + filePart + end},
		"field twice":            {contentType, namePart + namePart + filePart + end},
		"two filenames":          {contentType, strings.Replace(filePart, `filename="a.txt"`, `filename="a.txt"; filename="b.exe"`, 1) + end},
		"two dispositions":       {contentType, strings.Replace(filePart, "Content-Type: text/plain", "Content-Disposition: form-data; name=\"file\"; filename=\"b.exe\"", 1) + end},
		"no disposition":         {contentType, "--XX\r\nContent-Type: text/plain\r\n\r\nhello\r\n" + end},
		"disposition of a mail":  {contentType, strings.Replace(filePart, "form-data;", "attachment;", 1) + end},
		"long field":             {contentType, strings.Replace(namePart, "A name", strings.Repeat("n", 9000), 1) + filePart + end},
		"thousands of parts":     {contentType, strings.Repeat(strings.Replace(namePart, "\"name\"", "\"x\"", 1), 1000) + end},
		"many parts, new names":  {contentType, manyFields(1000) + end},
		"header that never ends": {contentType, "--XX\r\nX: " + strings.Repeat("y", 12<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, c.contentType, c.body)
			if !file.Is(err, file.Invalid) {
				t.Errorf("got %v, want an Invalid error", err)
			}
		})
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Replace(namePart, `"name"`, `"f`+strings.Repeat("x", i%50)+string(rune('a'+i%26))+`"`, 1))
	}
	return b.String()
}

func TestNameIsKeptAsSent(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Replace(filePart, "a.txt", "../../etc/passwd", 1)+end))
	r.Header.Set("Content-Type", contentType)
	f, err := form.Open(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	part, err := f.NextFile()
	if err != nil || part.Name != "../../etc/passwd" {
		t.Errorf("%+v, %v: whoever judges the name must see all of it", part, err)
	}
}

func FuzzForm(f *testing.F) {
	f.Add(contentType, namePart+filePart+end)
	f.Add(contentType, filePart)
	f.Add("multipart/form-data; boundary=\"\"", end)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		data, _, err := read(t, contentType, body)
		if err != nil && !file.Is(err, file.Invalid) {
			t.Errorf("%v is not Invalid", err)
		}
		if err == nil && len(data) > len(body) {
			t.Error("more came out than went in")
		}
	})
}

func TestDiscard(t *testing.T) {
	field := func(body string) string {
		return "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n" + body + "\r\n"
	}
	for name, c := range map[string]struct {
		rest string
		ok   bool
	}{
		"nothing":             {end, true},
		"fields, one twice":   {namePart + namePart + end, true},
		"a second file":       {filePart + end, true},
		"a malformed part":    {"--XX\r\nContent-Disposition: nonsense\r\n\r\nx\r\n" + end, true},
		"just what is let by": {field(strings.Repeat("x", form.Overhead)) + end, true},
		"too much":            {field(strings.Repeat("x", form.Overhead+1)) + end, false},
		"too much in pieces":  {strings.Repeat(field(strings.Repeat("x", form.Overhead/8)), 9) + end, false},
		"too many parts":      {strings.Repeat(namePart, 64) + end, false},
		"no closing boundary": {namePart, false},
		"cut in a part":       {namePart[:len(namePart)-4], false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(namePart+filePart+c.rest))
			r.Header.Set("Content-Type", contentType)
			f, err := form.Open(httptest.NewRecorder(), r)
			if err != nil {
				t.Fatal(err)
			}
			part, err := f.NextFile()
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(part); err != nil && c.ok || string(data) != "hello" {
				t.Errorf("the file: %q, %v", data, err)
			}
			if err := f.Discard(); (err == nil) != c.ok || err != nil && !file.Is(err, file.Invalid) {
				t.Errorf("got %v", err)
			}
			if len(f.Fields) != 1 {
				t.Errorf("fields %v", f.Fields)
			}
		})
	}
}
