package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// The limits of the tenant that bad uploads are sent to.
const (
	strictFile    = 64 << 10
	strictStorage = 100 << 10
)

const boundary = "frontier"

// part is a part of a form with its headers as they are.
func part(header, body string) string {
	return "--" + boundary + "\r\n" + header + "\r\n\r\n" + body + "\r\n"
}

func filePart(disposition string) string {
	return part("Content-Disposition: "+disposition+"\r\nContent-Type: text/plain", "some text")
}

func field(name, value string) string {
	return part(fmt.Sprintf("Content-Disposition: form-data; name=%q", name), value)
}

const (
	formEnd  = "--" + boundary + "--\r\n"
	goodName = `form-data; name="file"; filename="notes.txt"`
)

// named is a form with one file whose name is written as it is.
func named(parameter string) string {
	return filePart(`form-data; name="file"; `+parameter) + formEnd
}

// testBadUploads sends forms that must be refused, each with one status and one code, and then looks whether any left something behind.
func testBadUploads(t *testing.T, s *harness.System) {
	c := s.Client
	if s.Mode != harness.ModeRemote {
		c = s.Tenant(t, "strict") // whose storage tells when something was charged
	}
	tag := newTag(t)
	path := "/v1/tags/" + tag + "/files"
	text := string(samples.Text(1000, 1).Data)
	for _, x := range []struct {
		name   string
		body   string
		status int
		code   string
	}{
		{"empty body", "", 400, "incomplete_body"},
		{"no part", formEnd, 400, "file_missing"},
		{"no file", field("name", "x") + formEnd, 400, "file_missing"},
		{"file in another field", filePart(`form-data; name="upload"; filename="notes.txt"`) + formEnd, 400, "unexpected_field"},
		{"empty file", part("Content-Disposition: "+goodName, "") + formEnd, 400, "empty_file"},
		{"two files", filePart(goodName) + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"two files, one empty", filePart(goodName) + part("Content-Disposition: "+goodName, "") + formEnd, 400, "invalid_request"},
		{"other boundary", strings.ReplaceAll(named(`filename="notes.txt"`), boundary, "elsewhere"), 400, "incomplete_body"},
		{"no closing boundary", filePart(goodName), 400, "incomplete_body"},
		{"cut in a field behind the file", filePart(goodName) + "--" + boundary + "\r\nContent-Disposition: form-data; name=\"na", 400, "incomplete_body"},
		{"field twice", field("name", "a") + field("name", "b") + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"field too long", field("description", strings.Repeat("x", 9000)) + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"too many parts", manyFields(70) + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"two dispositions", part("Content-Disposition: "+goodName+"\r\nContent-Disposition: "+goodName, text) + formEnd, 400, "invalid_request"},
		{"path in the name", named(`filename="../../etc/passwd.txt"`), 400, "invalid_request"},
		{"backslash path in the name", named(`filename="..\\..\\boot.txt"`), 400, "invalid_request"},
		{"only dots for a name", named(`filename=".."`), 400, "invalid_request"},
		{"empty name", named(`filename=""`), 400, "invalid_request"},
		{"NUL in the name", named(`filename*=UTF-8''a%00.txt`), 400, "invalid_request"},
		{"newline in the name", named(`filename*=UTF-8''a%0Ab.txt`), 400, "invalid_request"},
		{"right-to-left override in the name", named(`filename*=UTF-8''gpj%E2%80%AEtxt.txt`), 400, "invalid_request"},
		{"name that is not UTF-8", named("filename=\"\xff\xfe.txt\""), 400, "invalid_request"},
		{"name of 300 characters", named(`filename="` + strings.Repeat("n", 296) + `.txt"`), 400, "invalid_request"},
		{"program by its name", named(`filename="setup.exe"`), 415, "unsupported_file_type"},
		{"script behind a harmless extension", named(`filename="notes.txt.sh"`), 415, "unsupported_file_type"},
		{"no extension", named(`filename="notes"`), 415, "unsupported_file_type"},
		{"type against the name", named(`filename="notes.png"`), 415, "type_mismatch"},
		{"malformed type", part("Content-Disposition: "+goodName+"\r\nContent-Type: not a type", text) + formEnd, 400, "invalid_request"},
		{"negative life", field("expires_in", "-1") + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"life of zero", field("expires_in", "0") + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"absurd life", field("expires_in", "99999999999") + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"life beyond any number", field("expires_in", strings.Repeat("9", 40)) + filePart(goodName) + formEnd, 400, "invalid_request"},
		{"life that is no number", filePart(goodName) + field("expires_in", "1e3") + formEnd, 400, "invalid_request"},
		{"negative life behind the file", filePart(goodName) + field("expires_in", "-1") + formEnd, 400, "invalid_request"},
		{"description too long", filePart(goodName) + field("description", strings.Repeat("x", 5000)) + formEnd, 400, "invalid_request"},
		{"control character in the name to show", filePart(goodName) + field("name", "a\x07b") + formEnd, 400, "invalid_request"},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp := do(t, c, api.Request{Method: http.MethodPost, Path: path, Body: strings.NewReader(x.body),
				Header: headers("Content-Type", "multipart/form-data; boundary="+boundary)})
			wantError(t, resp.Err(), x.status, x.code)
		})
	}
	t.Run("no boundary", func(t *testing.T) {
		resp := do(t, c, api.Request{Method: http.MethodPost, Path: path, Body: strings.NewReader(named(`filename="notes.txt"`)),
			Header: headers("Content-Type", "multipart/form-data")})
		wantError(t, resp.Err(), http.StatusBadRequest, "invalid_request")
	})
	t.Run("cut connection", func(t *testing.T) { cutConnection(t, c, path) })
	if s.Mode != harness.ModeRemote {
		t.Run("too large", func(t *testing.T) {
			_, err := c.Upload(t.Context(), upload(tag, samples.Text(strictFile+1, 1)))
			wantError(t, err, http.StatusBadRequest, "file_too_large")
		})
		t.Run("too large, of unknown length", func(t *testing.T) {
			resp := do(t, c, api.Request{Method: http.MethodPost, Path: path, Body: struct{ *bytes.Reader }{bytes.NewReader(samples.Text(strictFile+1, 1).Data)},
				Header: headers("Content-Disposition", `attachment; filename="notes.txt"`)})
			wantError(t, resp.Err(), http.StatusBadRequest, "file_too_large")
		})
		t.Run("rejected", func(t *testing.T) {
			_, err := c.Upload(t.Context(), upload(newTag(t), samples.BinaryText()))
			wantError(t, err, http.StatusUnsupportedMediaType, "type_mismatch")
		})
	}

	first := mustUpload(t, s, c, upload(tag, samples.Text(strictFile, 1)))
	second := mustUpload(t, s, c, upload(tag, samples.Text(strictStorage-strictFile, 2))) // fits only if nothing was charged
	wantOnly(t, s, c, tag, first, second)
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(field(fmt.Sprintf("f%d", i), ""))
	}
	return b.String()
}

// cutConnection announces a form, sends half of it, and goes away.
func cutConnection(t *testing.T, c *api.Client, path string) {
	u, err := url.Parse(c.Base())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	body := named(`filename="notes.txt"`)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		path, u.Host, c.Key(), boundary, len(body), body[:len(body)-20])
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// testBadRequests covers what is not an upload.
func testBadRequests(t *testing.T, s *harness.System) {
	f := mustUpload(t, s, s.Client, upload(newTag(t), samples.Text(300, 1)))
	one := "/v1/files/" + f.ID
	for _, x := range []struct {
		name   string
		method string
		path   string
		body   string
		status int
		code   string
	}{
		{"limit 0", "GET", "/v1/files?limit=0", "", 400, "invalid_request"},
		{"limit 101", "GET", "/v1/files?limit=101", "", 400, "invalid_request"},
		{"limit -1", "GET", "/v1/files?limit=-1", "", 400, "invalid_request"},
		{"limit x", "GET", "/v1/files?limit=x", "", 400, "invalid_request"},
		{"limit empty", "GET", "/v1/files?limit=", "", 400, "invalid_request"},
		{"offset -1", "GET", "/v1/files?offset=-1", "", 400, "invalid_request"},
		{"cursor", "GET", "/v1/files?cursor=nonsense", "", 400, "invalid_request"},
		{"cursor with offset", "GET", "/v1/files?cursor=bjE&offset=1", "", 400, "invalid_request"},
		{"order", "GET", "/v1/files?order=sideways", "", 400, "invalid_request"},
		{"state", "GET", "/v1/files?state=gone", "", 400, "invalid_request"},
		{"tag", "GET", "/v1/tags/a%2Fb/files", "", 404, "not_found"},
		{"long tag", "GET", "/v1/tags/" + strings.Repeat("t", 129) + "/files", "", 404, "not_found"},
		{"unknown id", "GET", "/v1/files/file_01ARZ3NDEKTSV4RRFFQ69G5FAV", "", 404, "not_found"},
		{"malformed id", "GET", "/v1/files/..%2F..%2Fetc", "", 404, "not_found"},
		{"number 0", "GET", "/v1/files/0", "", 404, "not_found"},
		{"unknown member", "PATCH", one, `{"size": 1}`, 400, "invalid_request"},
		{"bad JSON", "PATCH", one, `{"name": `, 400, "invalid_request"},
		{"no JSON", "PATCH", one, ``, 400, "invalid_request"},
		{"JSON of another kind", "PATCH", one, `["name"]`, 400, "invalid_request"},
		{"name of another kind", "PATCH", one, `{"name": 7}`, 400, "invalid_request"},
		{"JSON and more", "PATCH", one, `{"name": "a"} {"name": "b"}`, 400, "invalid_request"},
		{"name too long", "PATCH", one, `{"name": "` + strings.Repeat("n", 256) + `"}`, 400, "invalid_request"},
		{"control character", "PATCH", one, `{"name": "a\u0000b"}`, 400, "invalid_request"},
		{"too much JSON", "PATCH", one, `{"description": "` + strings.Repeat("n", 40<<10) + `"}`, 400, "invalid_request"},
		{"unknown route", "GET", "/v1/nothing", "", 404, "not_found"},
		{"unknown route of a file", "GET", one + "/nothing", "", 404, "not_found"},
		{"unknown method", "PUT", one, "", 405, "method_not_allowed"},
		{"unknown method of a list", "DELETE", "/v1/files", "", 405, "method_not_allowed"},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp := do(t, s.Client, api.Request{Method: x.method, Path: x.path, Body: strings.NewReader(x.body)})
			wantError(t, resp.Err(), x.status, x.code)
			if x.status == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "" {
				t.Error("no Allow header") // RFC 9110, 15.5.6
			}
		})
	}
	if got, err := s.Get(t.Context(), f.ID); err != nil || got.Name != f.Name {
		t.Errorf("the file is now %+v: %v", got, err)
	}
	for name, key := range map[string]string{"no key": "", "unknown key": "tagd_live_0123456789012345678901234567890123456789", "malformed key": "a b"} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/v1/files", one, one + "/download"} {
				resp := do(t, s.As(key), get(path))
				wantError(t, resp.Err(), http.StatusUnauthorized, "unauthorized")
				if resp.Header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate header")
				}
			}
			_, err := s.As(key).Upload(t.Context(), upload("", samples.Text(100, 1)))
			wantError(t, err, http.StatusUnauthorized, "unauthorized")
		})
	}
}
