package dialects

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/peers"
)

// Golden files hold whole exchanges as a vendor's documents have them, typed by hand: services/ingest/internal/dialect/<vendor>/testdata/*.golden.
// What stands before the first request is for the reader. Then requests and answers follow in turn:
//
//	>>> POST /v3/5ebd890292befe0019054973/files/assets?expiration=60
//	Authorization: Basic ${basic:admin}
//	Content-Type: multipart/form-data
//
//	file=@picture.png
//	<<< 201
//	Content-Type: application/json; charset=utf-8
//
//	{"message":"File uploaded successfully","filename":"{{path:text}}","thumbnail":"{{text}}"}
//
//	>>> GET /v3/files?path=${path}
//	Authorization: Basic ${basic:admin}
//	<<< 200
//	Content-Length: ${size:picture.png}
//	Thumbnail: {{absent}}
//
//	@picture.png
//
// An answer's status must be the one given, its headers as far as they are listed ({{absent}} for one that must not be there), and its body
// byte for byte. Newlines at the end of a body do not count in the file; a body that ends in one is written with {{newline}}. A body of
// "@" and a sample's name is that sample's bytes; a request's may be so too. A multipart body is typed as curl takes it, one part a line
// in the order of the parts: name=value, or name=@sample;type=image/png;filename=other name.png (see goldenSamples; type= sends none).
//
// ${…} is replaced in requests and answers:
//
//	${name}                      what an earlier answer had at {{name:pattern}}
//	${url} ${host} ${unique}     the server's URL, its host:port, a word that is this run's own
//	${key:rw} ${basic:admin}     an API key; a user's Basic credentials
//	${guest:id} ${bot:bot1}      a token of a guest of project1, and of a bot
//	${size:picture.png} ${md5:…} ${sha256:…}  of a sample
//
// {{pattern}} or {{name:pattern}} in an answer stands for what cannot be known before; patterns has them. A name stands for the same text
// in all of the file. Members of our own after the vendor's are {{any}}: "created_at":"{{time}}",{{any}}}
var patterns = map[string]string{
	"ulid":    `[0-7][0-9A-HJKMNP-TV-Z]{25}`,
	"number":  `[0-9]+`,
	"time":    `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
	"micros":  `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`,
	"date":    `\d{8}T\d{6}Z`, // of AWS signatures
	"day":     `\d{8}`,
	"hex32":   `[0-9a-f]{32}`,
	"hex64":   `[0-9a-f]{64}`,
	"uuid":    `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"base64":  `[A-Za-z0-9+/_-]+=*`,
	"text":    `[^"<>\s]*`, // within a string of JSON or an element of XML
	"any":     `(?s:.*)`,
	"newline": `\n`,
}

// exchange is one request and the answer to it, as they are typed.
type exchange struct {
	line           int
	method, target string
	header         [][2]string
	body           string
	status         int
	wantHeader     [][2]string
	wantBody       string
}

// runGolden plays a vendor's golden files, each by itself.
func runGolden(t *testing.T, e *env, vendor string) {
	files, err := filepath.Glob(filepath.Join(goldenFolder(vendor), "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".golden"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			exchanges, err := parseGolden(string(text))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			known := map[string]string{"url": e.Base(), "host": e.Host(), "unique": unique()}
			for _, x := range exchanges {
				if err := x.play(t, e, known); err != nil {
					t.Fatalf("%s:%d: %s %s: %v", filepath.Base(path), x.line, x.method, x.target, err)
				}
			}
		})
	}
}

func goldenFolder(vendor string) string {
	return filepath.Join(peers.Root(), "services/ingest/internal/dialect", vendor, "testdata")
}

// play sends the request and compares the answer. What the answer shows is added to known.
func (x exchange) play(t *testing.T, e *env, known map[string]string) error {
	target, err := e.expand(x.target, known)
	if err != nil {
		return err
	}
	h := http.Header{}
	for _, f := range x.header {
		value, err := e.expand(f[1], known)
		if err != nil {
			return err
		}
		h.Add(f[0], value)
	}
	text, err := e.expand(x.body, known)
	if err != nil {
		return err
	}
	body, err := goldenBody(text, h)
	if err != nil {
		return err
	}
	return x.compare(e, e.Do(t, x.method, target, h, body), known)
}

// compare says in what an answer is not the one that was typed.
func (x exchange) compare(e *env, got Response, known map[string]string) error {
	var wrong []error
	if got.Status != x.status {
		wrong = append(wrong, fmt.Errorf("status %d, want %d", got.Status, x.status))
	}
	for _, f := range x.wantHeader {
		if f[1] == "{{absent}}" {
			if values := got.Header.Values(f[0]); len(values) > 0 {
				wrong = append(wrong, fmt.Errorf("%s is there: %q", f[0], values))
			}
			continue
		}
		if err := e.match(f[1], strings.Join(got.Header.Values(f[0]), ", "), known); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", f[0], err))
		}
	}
	if err := e.matchBody(x.wantBody, got.Body, known); err != nil {
		wrong = append(wrong, fmt.Errorf("the body: %w", err))
	}
	return errors.Join(wrong...)
}

func (e *env) matchBody(want string, got []byte, known map[string]string) error {
	if name, isSample := strings.CutPrefix(want, "@"); isSample {
		s, ok := goldenSamples[name]
		if !ok {
			return fmt.Errorf("no sample is called %q", name)
		}
		if !bytes.Equal(got, s().Data) {
			return fmt.Errorf("%d bytes that are not those of %s", len(got), name)
		}
		return nil
	}
	return e.match(want, string(got), known)
}

var placeholder = regexp.MustCompile(`\{\{(?:([a-z_0-9]+):)?([a-z_0-9]+)\}\}`)

// match compares a text with what was typed, and notes what stands at named placeholders.
func (e *env) match(typed, got string, known map[string]string) error {
	typed, err := e.expand(typed, known)
	if err != nil {
		return err
	}
	var (
		pattern strings.Builder
		names   []string
		end     int
	)
	pattern.WriteString("^")
	for _, at := range placeholder.FindAllStringSubmatchIndex(typed, -1) {
		pattern.WriteString(regexp.QuoteMeta(typed[end:at[0]]))
		end = at[1]
		kind, name := typed[at[4]:at[5]], ""
		if at[2] >= 0 {
			name = typed[at[2]:at[3]]
		}
		switch value, again := known[name]; {
		case patterns[kind] == "":
			return fmt.Errorf("no pattern is called %q", kind)
		case again:
			pattern.WriteString("(" + regexp.QuoteMeta(value) + ")")
		default:
			pattern.WriteString("(" + patterns[kind] + ")")
		}
		names = append(names, name)
	}
	pattern.WriteString(regexp.QuoteMeta(typed[end:]) + "$")
	found := regexp.MustCompile(pattern.String()).FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("got\n%s\nwant\n%s", got, typed)
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		if value, twice := known[name]; twice && value != found[i+1] {
			return fmt.Errorf("%s is %q and also %q", name, value, found[i+1])
		}
		known[name] = found[i+1]
	}
	return nil
}

// parseGolden reads a golden file.
func parseGolden(text string) ([]exchange, error) {
	var all []exchange
	lines := strings.Split(text, "\n")
	for n := 0; n < len(lines); {
		request, ok := strings.CutPrefix(lines[n], ">>> ")
		if !ok {
			if len(all) > 0 {
				return nil, fmt.Errorf("line %d: a request was expected", n+1)
			}
			n++
			continue
		}
		x := exchange{line: n + 1}
		x.method, x.target, ok = strings.Cut(request, " ")
		if !ok {
			return nil, fmt.Errorf("line %d: a method and a path were expected", n+1)
		}
		var err error
		if x.header, x.body, n, err = message(lines, n+1); err != nil {
			return nil, err
		}
		if n == len(lines) || !strings.HasPrefix(lines[n], "<<< ") {
			return nil, fmt.Errorf("line %d: the request has no answer", x.line)
		}
		if x.status, err = strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(lines[n], "<<<"))); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if x.wantHeader, x.wantBody, n, err = message(lines, n+1); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	if all == nil {
		return nil, errors.New("no exchange")
	}
	return all, nil
}

// message reads header fields and, after an empty line, a body up to the next mark. It returns the number of the line after it.
func message(lines []string, n int) (header [][2]string, body string, next int, err error) {
	for ; n < len(lines) && lines[n] != "" && !isMark(lines[n]); n++ {
		name, value, ok := strings.Cut(lines[n], ":")
		if !ok {
			return nil, "", 0, fmt.Errorf("line %d: a header field was expected", n+1)
		}
		header = append(header, [2]string{name, strings.TrimSpace(value)})
	}
	first := n
	for n < len(lines) && !isMark(lines[n]) {
		n++
	}
	return header, strings.Trim(strings.Join(lines[first:n], "\n"), "\n"), n, nil
}

func isMark(line string) bool {
	return strings.HasPrefix(line, ">>> ") || strings.HasPrefix(line, "<<< ")
}
