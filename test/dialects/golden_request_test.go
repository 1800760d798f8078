package dialects

import (
	"crypto/md5" //nolint:gosec // Desk's ETag
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/test/samples"
)

// goldenSamples are the files that golden exchanges send, by name.
var goldenSamples = map[string]func() samples.Sample{
	"picture.png":  func() samples.Sample { return samples.PNG(320, 240, 1) },
	"picture.jpg":  func() samples.Sample { return samples.JPEG(320, 240, 1) },
	"picture.gif":  func() samples.Sample { return samples.GIF(64, 48, 2, 1) },
	"picture.webp": samples.WebP,
	"drawing.svg":  samples.SVG,
	"report.pdf":   func() samples.Sample { return samples.PDF("A page.") },
	"letter.docx":  func() samples.Sample { return samples.Docx("Dear all,") },
	"sheet.xlsx":   samples.Xlsx,
	"notes.txt":    func() samples.Sample { return samples.Text(500, 1) },
	"table.csv":    func() samples.Sample { return samples.CSV(10, 1) },
	"data.json":    func() samples.Sample { return samples.JSON(5, 1) },
	"archive.zip":  samples.Zip,
	"html.jpg":     samples.HTMLAsJPEG, // is not what it says
	"empty.txt":    func() samples.Sample { return samples.Sample{Name: "empty.txt", Type: samples.TypeText} },
	"large.png":    func() samples.Sample { return samples.PNG(1200, 900, 1) }, // larger than smallFile and than Tiledesk's default limit
	"program.exe": func() samples.Sample {
		return samples.Sample{Name: "program.exe", Type: "application/x-msdownload", Data: []byte("MZ\x90\x00")}
	},
}

// goldenSample is a sample under the name that it is typed by.
func goldenSample(name string) (samples.Sample, error) {
	s, ok := goldenSamples[name]
	if !ok {
		return samples.Sample{}, fmt.Errorf("no sample is called %q", name)
	}
	return named(s(), name), nil
}

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

// expand replaces each ${…} in a text.
func (e *env) expand(text string, known map[string]string) (string, error) {
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		value, err := e.value(v[2:len(v)-1], known)
		if err != nil {
			failed = err
		}
		return value
	})
	return out, failed
}

func (e *env) value(name string, known map[string]string) (string, error) {
	if value, ok := known[name]; ok {
		return value, nil
	}
	kind, of, _ := strings.Cut(name, ":")
	credential := func(authorization string) (string, error) {
		_, text, _ := strings.Cut(authorization, " ")
		return text, nil
	}
	switch kind {
	case "key":
		return credential(e.Key(of))
	case "basic":
		return credential(e.Basic(of))
	case "guest":
		return credential(e.Guest(of))
	case "bot":
		return credential(e.Bot(of))
	}
	s, err := goldenSample(of)
	if err != nil {
		return "", err
	}
	switch kind {
	case "size":
		return strconv.Itoa(len(s.Data)), nil
	case "md5":
		sum := md5.Sum(s.Data) //nolint:gosec // Desk's ETag
		return hex.EncodeToString(sum[:]), nil
	case "sha256":
		sum := sha256.Sum256(s.Data)
		return hex.EncodeToString(sum[:]), nil
	}
	return "", fmt.Errorf("nothing is called ${%s}", name)
}

// goldenBody makes a request's body of what was typed. For a form it completes the Content-Type.
func goldenBody(typed string, h http.Header) ([]byte, error) {
	if h.Get("Content-Type") == "multipart/form-data" {
		f, err := goldenForm(typed)
		if err != nil {
			return nil, err
		}
		h.Set("Content-Type", f.Type())
		return f.Bytes(), nil
	}
	if name, isSample := strings.CutPrefix(typed, "@"); isSample {
		s, err := goldenSample(name)
		return s.Data, err
	}
	return []byte(typed), nil
}

// goldenForm makes a form of lines as curl's -F takes them.
func goldenForm(typed string) (*form, error) {
	f := newForm()
	if typed == "" {
		return f, nil
	}
	for line := range strings.SplitSeq(typed, "\n") {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no part of a form", line)
		}
		options, isFile := strings.CutPrefix(value, "@")
		if !isFile {
			f.Field(name, value)
			continue
		}
		s, err := goldenFile(options)
		if err != nil {
			return nil, err
		}
		f.File(name, s)
	}
	return f, nil
}

// goldenFile reads sample;type=…;filename=….
func goldenFile(typed string) (samples.Sample, error) {
	name, options, _ := strings.Cut(typed, ";")
	s, err := goldenSample(name)
	if err != nil || options == "" {
		return s, err
	}
	for option := range strings.SplitSeq(options, ";") {
		switch key, value, _ := strings.Cut(option, "="); key {
		case "type":
			s.Type = value
		case "filename":
			s.Name = value
		default:
			return s, fmt.Errorf("a file has no %q", key)
		}
	}
	return s, nil
}
