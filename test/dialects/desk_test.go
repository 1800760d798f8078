package dialects

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// deskRows are the rows of Teamwork Desk's checklist.
var deskRows = slices.Concat(deskUploadRows, deskFileRows)

const (
	deskAPI  = "/desk/api/v2"
	deskRefs = deskAPI + "/files/ref.json"
)

// deskRef is the answer to an announcement.
type deskRef struct {
	URL    string
	Params map[string]string
	File   deskFile
	ULID   string
}

// deskFile is a file as the API shows it.
type deskFile struct {
	ID          json.Number `json:"id"`
	MimeType    string      `json:"mimeType"`
	FileName    string      `json:"fileName"`
	Filename    string      `json:"filename"`
	Size        int         `json:"size"`
	Disposition string      `json:"disposition"`
	Type        string      `json:"type"`
	URL         *string     `json:"URL"`
	CreatedAt   string      `json:"createdAt"`
	UpdatedAt   string      `json:"updatedAt"`
	CreatedBy   deskUser    `json:"createdBy"`
	UpdatedBy   deskUser    `json:"updatedBy"`
	State       string      `json:"state"`
	DeletedAt   *string     `json:"deletedAt"`
	DeletedBy   *deskUser   `json:"deletedBy"`
	DownloadURL string      `json:"downloadURL"`
	ProxyKey    string      `json:"proxyKey"`
	PixelHeight int         `json:"pixelHeight"`
	PixelWidth  int         `json:"pixelWidth"`
	S3Path      string      `json:"s3Path"`
}

type deskUser struct {
	ID   int64  `json:"id"`
	Type string `json:"type"`
}

func (f deskFile) path() string { return deskAPI + "/files/" + f.ID.String() + ".json" }

// deskAnnounce takes the first step for a sample, as root.
func deskAnnounce(t testing.TB, e *env, s samples.Sample) deskRef {
	t.Helper()
	body, err := json.Marshal(map[string]string{"type": "attachment", "filename": s.Name, "mimeType": s.Type, "disposition": "attachment"})
	if err != nil {
		t.Fatal(err)
	}
	return deskAnnounceAs(t, e, e.Key("root"), string(body))
}

func deskAnnounceAs(t testing.TB, e *env, authorization, body string) (ref deskRef) {
	t.Helper()
	resp := e.JSON(t, deskRefs, auth(authorization), body).Want(t, http.StatusCreated)
	resp.Decode(t, &ref)
	ref.ULID = resp.FileID(t)
	return ref
}

// form is the form that a client sends, the file at its end.
func (r deskRef) form(s samples.Sample) *form {
	f := newForm()
	for name, value := range r.Params { // in no order, as the vendor's SDK
		if value != "" {
			f.Field(name, value)
		}
	}
	return f.File("file", s)
}

// post takes the second step.
func (r deskRef) post(t testing.TB, e *env, s samples.Sample) Response {
	t.Helper()
	return e.Send(t, r.URL, headers(), r.form(s))
}

// finish takes the third step.
func (r deskRef) finish(t testing.TB, e *env) Response {
	t.Helper()
	return e.Do(t, http.MethodPatch, r.File.path(), auth(e.Key("root")), nil)
}

// get reads a file as root.
func (r deskRef) get(t testing.TB, e *env) deskFile {
	t.Helper()
	return deskFileOf(t, e.Get(t, r.File.path(), auth(e.Key("root"))).Want(t, http.StatusOK))
}

func deskFileOf(t testing.TB, r Response) deskFile {
	t.Helper()
	var body struct{ File deskFile }
	r.Decode(t, &body)
	return body.File
}

// deskStored takes all steps for a sample, as root.
func deskStored(t testing.TB, e *env, s samples.Sample) (deskRef, deskFile) {
	t.Helper()
	r := deskAnnounce(t, e, s)
	r.post(t, e, s).Want(t, http.StatusCreated)
	return r, deskFileOf(t, r.finish(t, e).Want(t, http.StatusOK))
}

// deskRefused checks an answer to a form: S3's error.
func deskRefused(t testing.TB, r Response, status int, code string) {
	t.Helper()
	if r.Status != status || !bytes.Contains(r.Body, []byte("<Error><Code>"+code+"</Code><Message>")) ||
		!bytes.Contains(r.Body, []byte("<RequestId>"+r.Header.Get("X-Request-Id")+"</RequestId>")) {
		t.Errorf("%s is %d\n%s\nwant %d %s", r.request, r.Status, r.excerpt(), status, code)
	}
}

// deskError checks an answer of the API: the codes of its errors.
func deskError(t testing.TB, r Response, status int, codes ...string) {
	t.Helper()
	var body struct {
		Errors []struct {
			Code, Title, Detail string
			Meta                map[string]string
		}
	}
	r.Decode(t, &body)
	var got []string
	for _, e := range body.Errors {
		got = append(got, e.Code)
		if e.Title == "" || e.Detail == "" || e.Meta == nil {
			t.Errorf("an error says %+v", e)
		}
	}
	if r.Status != status || !slices.Equal(got, codes) {
		t.Errorf("%s is %d %s, want %d %s", r.request, r.Status, r.excerpt(), status, codes)
	}
}

// deskMembers are the names of a JSON object's members.
func deskMembers(t testing.TB, text []byte) []string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return slices.Sorted(maps.Keys(members))
}

// deskDelete deletes a file through the native API: Desk has no way to.
func deskDelete(t testing.TB, e *env, r deskRef) {
	t.Helper()
	if err := e.As(keyText("root")).Delete(t.Context(), r.ULID); err != nil {
		t.Fatal(err)
	}
}

// deskRequest is a request by hand, for what net/http would not send.
func deskRequest(e *env, path string, h http.Header, body string) string {
	var b strings.Builder
	b.WriteString("POST " + strings.TrimPrefix(path, e.Base()) + " HTTP/1.1\r\nHost: " + e.Host() + "\r\nConnection: close\r\n")
	_ = h.Write(&b) // to a strings.Builder, which cannot fail
	return b.String() + "\r\n" + body
}
