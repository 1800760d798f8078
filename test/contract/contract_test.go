package contract

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// answer is what a server says to a request, whatever that is.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		Request: r, StatusCode: a.status, Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// jsonAnswer is an answer of the native API.
func jsonAnswer(status int, body string) answer {
	return answer{status, http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Request-Id": {"x"}}, body}
}

const (
	signed = `{"success":true,"data":{"id":"file_01JQ3KMN7XFGY4P6WBR2SZTA9V","url":"http://x.test/v1","expires_at":"2026-01-15T10:30:00Z"}}`
	absent = `{"success":false,"error":{"code":"not_found","message":"File not found"}}`
	list   = `{"success":true,"data":[],"pagination":{"total":0,"limit":20,"offset":0,"has_more":false}}`
)

// send makes one request through a Transport.
func send(t *testing.T, d *Documents, method, path, body string, a answer) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://inlet.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&Transport{Next: a, Documents: d}).RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != a.body {
		t.Errorf("%s %s: the body is %q, %v; want %q", method, path, got, err, a.body)
	}
	return nil
}

func documents(t *testing.T) *Documents {
	t.Helper()
	d, err := Load(Folder())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDocumentsAreValid(t *testing.T) {
	if err := documents(t).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// What the documents do not describe is found.
func TestWhatIsNotDescribed(t *testing.T) {
	d := documents(t)
	withHeader := jsonAnswer(200, signed)
	withHeader.header = withHeader.header.Clone()
	withHeader.header.Set("X-Secret", "1")
	text := jsonAnswer(200, signed)
	text.header = http.Header{"Content-Type": {"text/html"}}
	const sign = "/v1/files/418/sign"
	for name, c := range map[string]struct {
		method, path, body string
		a                  answer
		want               string // in the error; empty for none
	}{
		"an answer as it should be":         {"POST", sign, "", jsonAnswer(200, signed), ""},
		"a request as it should be":         {"POST", sign, `{"expires_in":60}`, jsonAnswer(200, signed), ""},
		"a refusal":                         {"POST", sign, "", jsonAnswer(404, absent), ""},
		"a wrong request that is refused":   {"POST", sign, `{"expires_in":-1}`, jsonAnswer(400, strings.Replace(absent, "not_found", "invalid_request", 1)), ""},
		"a wrong request that is taken":     {"POST", sign, `{"expires_in":-1}`, jsonAnswer(200, signed), "the request was taken"},
		"another member":                    {"POST", sign, "", jsonAnswer(200, strings.Replace(signed, `"url"`, `"uri"`, 1)), "doesn't match schema"},
		"one more member":                   {"POST", sign, "", jsonAnswer(200, strings.Replace(signed, `"url"`, `"x":1,"url"`, 1)), "doesn't match schema"},
		"a code that is not on the list":    {"POST", sign, "", jsonAnswer(404, strings.Replace(absent, "not_found", "nope", 1)), "doesn't match schema"},
		"a status that is not documented":   {"POST", sign, "", jsonAnswer(418, absent), "no such status"},
		"a header that is not documented":   {"POST", sign, "", withHeader, "no header X-Secret"},
		"a media type that is not":          {"POST", sign, "", text, "text/html"},
		"a path that is not":                {"POST", "/v1/nothing", "", jsonAnswer(200, signed), errUnknown.Error()},
		"a path that nobody has":            {"POST", "/v1/nothing", "", jsonAnswer(404, absent), ""},
		"a method that is not":              {"PUT", sign, "", jsonAnswer(200, signed), "no such method"},
		"a method that nobody has":          {"PUT", sign, "", jsonAnswer(405, absent), ""},
		"a parameter that is not":           {"GET", "/v1/files?colour=red", "", jsonAnswer(200, list), `no parameter "colour"`},
		"a parameter beyond its bounds":     {"GET", "/v1/files?limit=1000", "", jsonAnswer(200, list), "the request was taken"},
		"parameters as they should be":      {"GET", "/v1/files?limit=100&order=desc&state=ready", "", jsonAnswer(200, list), ""},
		"the bytes of a JSON file":          {"GET", "/v1/files/418/download", "", jsonAnswer(200, `{"any":"thing"}`), ""},
		"a page for people":                 {"GET", "/docs/native", "", text, ""},
		"another API":                       {"GET", "/v2/files/418.json", "", jsonAnswer(404, `{"errors":[{"code":"not_found","title":"","detail":"","meta":{}}]}`), ""},
		"another API, with native's answer": {"GET", "/v2/files/418.json", "", jsonAnswer(404, absent), "doesn't match schema"},
	} {
		err := send(t, d, c.method, c.path, c.body, c.a)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want one that says %q", name, err, c.want)
		}
	}
}

// A document that says something else than the server fails the exchange.
func TestBrokenDocuments(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(Folder(), "native.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"without a member":     {"required: [id, url, expires_at]\n                    properties: {id: {$ref: '#/components/schemas/FileId'}, url: {type: string, format: uri}, ", "required: [id, expires_at]\n                    properties: {id: {$ref: '#/components/schemas/FileId'}, "},
		"with another type":    {"{id: {$ref: '#/components/schemas/FileId'}, url: {type: string, format: uri}", "{id: {type: integer}, url: {type: string, format: uri}"},
		"without the route":    {"  /v1/files/{id}/sign:\n", "  /v1/files/{id}/signed:\n"},
		"with another status":  {"        '200':\n          description: The URL.\n", "        '299':\n          description: The URL.\n"},
		"with another pattern": {"FileId: {type: string, pattern: '^file_", "FileId: {type: string, pattern: '^folder_"},
	} {
		if !bytes.Contains(text, []byte(edit[0])) {
			t.Errorf("%s: the document does not have %q", name, edit[0])
			continue
		}
		d := &Documents{all: map[string]*openapi3.T{}}
		err := d.read("native", bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		err = send(t, d, "POST", "/v1/files/418/sign", "", jsonAnswer(200, signed))
		if err == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// Documents that cannot be read fail every request.
func TestNoDocuments(t *testing.T) {
	_, err := Load(t.TempDir())
	if err == nil {
		t.Fatal("documents that are not there are loaded")
	}
	if _, got := (broken{err}).RoundTrip(nil); got == nil { //nolint:bodyclose // there is no answer
		t.Error("a request is made without documents")
	}
}
