package dialects

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

const goldenText = `For the reader.

>>> POST /v3/files?x=${a}
Authorization: Basic ${basic:admin}
Content-Type: multipart/form-data

name=Two words
file=@notes.txt;type=;filename=other name.txt
<<< 201
Inlet-File-Id: {{id:ulid}}
Thumbnail: {{absent}}

{"id":"{{id:ulid}}","n":{{n:number}},"m":{{n:number}},"x":"${a}"}

>>> HEAD /v3/files/${id}
<<< 200
`

// TestGoldenFiles shows that the format is read as it is described, and that a comparison can fail.
func TestGoldenFiles(t *testing.T) {
	all, err := parseGolden(goldenText)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].method != "POST" || all[0].line != 3 || all[1].status != http.StatusOK || all[1].wantBody != "" {
		t.Fatalf("read as %+v", all)
	}
	e := &env{}
	h := http.Header{"Content-Type": {"multipart/form-data"}}
	body, err := goldenBody(all[0].body, h)
	if err != nil || !bytes.Contains(body, []byte(`filename="other name.txt"`+"\r\n\r\n")) || !strings.Contains(h.Get("Content-Type"), "boundary=") {
		t.Errorf("the form is\n%s\n%v, %v", body, h, err)
	}

	const id = "01JQ3KMN7XFGY4P6WBR2SZTA9V"
	good := Response{Status: 201, Header: http.Header{"Inlet-File-Id": {id}}, Body: []byte(`{"id":"` + id + `","n":12,"m":12,"x":"q"}`)}
	known := map[string]string{"a": "q"}
	if err := all[0].compare(e, good, known); err != nil || known["id"] != id {
		t.Errorf("a good answer: %v, and known are %v", err, known)
	}
	for name, spoil := range map[string]func(*Response){
		"status":         func(r *Response) { r.Status = 200 },
		"header":         func(r *Response) { r.Header = http.Header{"Inlet-File-Id": {"1"}} },
		"another id":     func(r *Response) { r.Header = http.Header{"Inlet-File-Id": {"01JQ3KMN7XFGY4P6WBR2SZTA9W"}} },
		"missing header": func(r *Response) { r.Header = http.Header{} },
		"absent header":  func(r *Response) { r.Header = http.Header{"Inlet-File-Id": {id}, "Thumbnail": {"x"}} },
		"second number":  func(r *Response) { r.Body = bytes.Replace(r.Body, []byte(`"m":12`), []byte(`"m":13`), 1) },
		"body":           func(r *Response) { r.Body = append(bytes.Clone(r.Body), ' ') },
		"newline":        func(r *Response) { r.Body = append(bytes.Clone(r.Body), '\n') },
		"variable":       func(r *Response) { r.Body = bytes.Replace(r.Body, []byte(`"q"`), []byte(`"p"`), 1) },
	} {
		bad := good
		spoil(&bad)
		if all[0].compare(e, bad, map[string]string{"a": "q"}) == nil {
			t.Errorf("a wrong %s is not found", name)
		}
	}
	for _, bad := range []string{"", "words", ">>> GET\n<<< 200", ">>> GET /x", ">>> GET /x\nno field\n<<< 200", ">>> GET /x\n<<< ok", ">>> GET /x\n<<< 200\n<<< 200"} {
		if _, err := parseGolden(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
