package dialects

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// enzymeRows are the rows of Enzyme's checklist. Signing keys, and signers who lose their right, need a system of their own:
// enzyme_keys_test.go.
var enzymeRows = []row{
	{"EZ-01", enzymeUploadRoutes},
	{"EZ-02", enzymeChannels},
	{"EZ-03", enzymeForms},
	{"EZ-04", enzymeLimits},
	{"EZ-05 EZ-06", enzymeUploadAnswer},
	{"EZ-07", enzymeIDEverywhere},
	{"EZ-08", enzymeBadUploads},
	{"EZ-09", enzymeUploadUnauthorized},
	{"EZ-10", enzymeUploadForbidden},
	{"EZ-11", enzymeUploadNotFound},
	{"EZ-20 EZ-21", enzymeDownloadRoutes},
	{"EZ-22", enzymeExpires},
	{"EZ-23", enzymeUID},
	{"EZ-24", enzymeSignature},
	{"EZ-25", enzymeEitherWay},
	{"EZ-26", enzymeContent},
	{"EZ-27", enzymeDownloadErrors},
	{"EZ-30 EZ-31", enzymeSignOne},
	{"EZ-32", enzymeSharing},
	{"EZ-33", enzymeSignErrors},
	{"EZ-40 EZ-41 EZ-42", enzymeBatches},
	{"EZ-43", enzymeBatchErrors},
	{"EZ-44", enzymeSignHundred},
	{"EZ-50 EZ-52", enzymeDelete},
	{"EZ-51", enzymeDeleteRule},
	{"EZ-53", enzymeDeleteErrors},
}

// The vendor's error bodies, as its page has them.
const (
	enzymeInvalid   = `{"error":{"code":"VALIDATION_ERROR","message":"Invalid request parameters"}}`
	enzymeAnonymous = `{"error":{"code":"NOT_AUTHENTICATED","message":"Not authenticated"}}`
	enzymeForbidden = `{"error":{"code":"PERMISSION_DENIED","message":"You do not have permission to perform this action"}}`
	enzymeNotFound  = `{"error":{"code":"NOT_FOUND","message":"Resource not found"}}`
)

// enzymeUnknown is a well-formed id that no file has.
const enzymeUnknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

var enzymeULID = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

// enzymeError is the body of an error with a text of its own.
func enzymeError(code, message string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
}

// enzymeUser is the header of a user of acme whom the directory knows.
func enzymeUser(e *env, id string) http.Header { return auth(e.Token(claims{Sub: id})) }

// enzymeSend uploads a sample to a channel.
func enzymeSend(t testing.TB, e *env, h http.Header, channel string, s samples.Sample) Response {
	t.Helper()
	return e.Send(t, "/channels/"+channel+"/files/upload", h, newForm().File("file", s))
}

// enzymeFile uploads a small text to a channel, waits until it can be read, and returns its id.
func enzymeFile(t testing.TB, e *env, h http.Header, channel string) string {
	t.Helper()
	id := enzymeSend(t, e, h, channel, samples.Text(500, 1)).Want(t, http.StatusOK).FileID(t)
	harness.Eventually(t, harness.Limit, func() error {
		if r := e.Get(t, "/files/"+id+"/download", h); r.Status != http.StatusOK {
			return fmt.Errorf("the file is %d %s", r.Status, r.Body)
		}
		return nil
	})
	return id
}

func enzymeUploadRoutes(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	for _, base := range []string{"", "/api"} {
		path := base + "/channels/general/files/upload"
		e.Send(t, path, h, newForm().File("file", samples.Text(100, 1))).Want(t, http.StatusOK)
		e.Send(t, path, auth(""), newForm().File("file", samples.Text(100, 1))).Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
		r := e.Get(t, path, h).Want(t, http.StatusMethodNotAllowed)
		r.WantBody(t, enzymeError("METHOD_NOT_ALLOWED", "The endpoint has no such method"))
		if got := r.Header.Get("Allow"); got != http.MethodPost {
			t.Errorf("Allow is %q", got)
		}
		e.Get(t, base+"/channels/general/files", h).Want(t, http.StatusNotFound).WantBody(t, enzymeNotFound)
	}
}

func enzymeChannels(t *testing.T, e *env) {
	known := e.Token(claims{Sub: unique(), Roles: map[string]string{"channel/elsewhere": "member"}})
	for name, x := range map[string]struct {
		credential, channel string
		status              int
	}{
		"public, of the workspace":      {e.Token(claims{Sub: "member"}), "general", 200},
		"private, a member":             {e.Token(claims{Sub: "insider"}), "ops", 200},
		"private, the tenant's":         {e.Token(claims{Sub: "staff"}), "ops", 200},
		"private, not a member":         {e.Token(claims{Sub: "owner"}), "ops", 403},
		"public, of another workspace":  {e.Token(claims{Sub: "second"}), "general", 403},
		"a guest of the channel":        {e.Token(claims{Sub: unique(), Kind: "guest", Roles: map[string]string{"channel/ops": "guest"}}), "ops", 403},
		"a key":                         {e.Key("rw"), "ops", 200},
		"known by a token alone":        {known, "elsewhere", 200},
		"unknown":                       {known, "nowhere", 404},
		"known by another token":        {e.Token(claims{Sub: "root"}), "elsewhere", 404},
		"another tenant's":              {e.Token(claims{Sub: "root"}), "g-general", 404},
		"another tenant's, with a key":  {e.Key("rw"), "g-general", 404},
		"ours, from another tenant":     {e.Key("globex"), "general", 404},
		"an encoded slash is a part of": {e.Token(claims{Sub: "root"}), "general%2Fops", 404},
	} {
		t.Run(name, func(t *testing.T) {
			r := enzymeSend(t, e, auth(x.credential), x.channel, samples.Text(100, 1)).Want(t, x.status)
			if x.status == http.StatusNotFound {
				r.WantBody(t, enzymeNotFound)
			}
		})
	}
}

func enzymeForms(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	const path = "/channels/general/files/upload"
	text := samples.Text(100, 1)
	e.Send(t, path, h, newForm().File("file", text)).Want(t, http.StatusOK)
	e.Send(t, path, h, newForm().File("attachment", text)).Want(t, http.StatusOK)
	e.Send(t, path, h, newForm().Field("message", "hello").File("file", text).Field("after", "all")).Want(t, http.StatusOK)
	for name, x := range map[string]struct {
		form    *form
		message string
	}{
		"no part":      {newForm(), "No file provided"},
		"no file":      {newForm().Field("file", "text"), "No file provided"},
		"no name":      {newForm().File("file", named(text, "")), "Invalid filename"},
		"only dots":    {newForm().File("file", named(text, "..")), "Invalid filename"},
		"only a path":  {newForm().File("file", named(text, "a/b/")), "Invalid filename"},
		"two files":    {newForm().File("file", text).File("file", text), "The form has more than one file"},
		"a field that": {newForm().Field("x", strings.Repeat("y", 9000)).File("file", text), "A field of the form is longer than 8192 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			e.Send(t, path, h, x.form).Want(t, http.StatusBadRequest).WantBody(t, enzymeError("VALIDATION_ERROR", x.message))
		})
	}
	e.JSON(t, path, h, `{"file":"x"}`).Want(t, http.StatusBadRequest).
		WantBody(t, enzymeError("VALIDATION_ERROR", "Content-Type must be multipart/form-data"))
}

func enzymeLimits(t *testing.T, e *env) {
	h := auth(e.Key("small-enzyme"))
	tooLarge := enzymeError("VALIDATION_ERROR", "File too large")
	enzymeSend(t, e, h, "s-general", samples.Text(smallFile+1, 1)).Want(t, http.StatusBadRequest).WantBody(t, tooLarge)
	enzymeSend(t, e, h, "s-general", samples.PNG(1200, 900, 1)).Want(t, http.StatusBadRequest).WantBody(t, tooLarge)
	enzymeSend(t, e, h, "s-general", samples.Text(smallFile, 1)).Want(t, http.StatusOK)
	enzymeSend(t, e, h, "s-general", samples.Text(smallStorage-smallFile, 2)).Want(t, http.StatusOK) // fits, if nothing else was charged
	enzymeSend(t, e, h, "s-general", samples.Text(100, 1)).Want(t, http.StatusInsufficientStorage).
		WantBody(t, enzymeError("STORAGE_LIMIT_EXCEEDED", "Storage limit exceeded"))

	all := enzymeUser(e, "member")
	for _, s := range []samples.Sample{
		samples.Docx("Dear all,"), samples.Zip(), samples.SVG(),
		named(samples.Text(100, 1), "notes"), named(samples.Text(100, 1), "notes.unheard-of"), named(samples.Text(100, 1), "tidy.sh"),
		{Name: "data.bin", Data: []byte{0, 1, 2, 3, 0xff, 0xfe}},
	} {
		enzymeSend(t, e, all, "general", s).Want(t, http.StatusOK)
	}
}

func enzymeUploadAnswer(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	for name, x := range map[string]struct {
		sample            samples.Sample
		filename, content string
	}{
		"text":             {samples.Text(500, 1), samples.Text(500, 1).Name, "text/plain"},
		"picture":          {named(samples.PNG(320, 240, 1), "Screen shot.png"), "Screen shot.png", "image/png"},
		"no type declared": {samples.Sample{Name: "report.pdf", Data: samples.PDF("A page.").Data}, "report.pdf", "application/pdf"},
		"a path":           {named(samples.Text(500, 1), "../../etc/passwd.txt"), "passwd.txt", "text/plain"},
		"a Windows path":   {named(samples.Text(500, 1), `C:\fakepath\notes.txt`), "notes.txt", "text/plain"},
		"beyond ASCII":     {named(samples.Text(500, 1), "Übersicht 日本.txt"), "Übersicht 日本.txt", "text/plain"},
		"300 characters":   {named(samples.Text(500, 1), strings.Repeat("n", 296)+".txt"), strings.Repeat("n", 251) + ".txt", "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			r := enzymeSend(t, e, h, "general", x.sample).Want(t, http.StatusOK)
			id := r.FileID(t)
			if !enzymeULID.MatchString(id) {
				t.Errorf("%q is no ULID", id)
			}
			r.WantBody(t, fmt.Sprintf(`{"file":{"id":%q,"filename":%q,"size":%d,"content_type":%q}}`, id, x.filename, len(x.sample.Data), x.content))
		})
	}
}

// enzymeIDEverywhere: the id of an upload is what everything else takes, in this API and in the native one.
func enzymeIDEverywhere(t *testing.T, e *env) {
	member := enzymeUser(e, "member")
	id := enzymeFile(t, e, member, "general")
	e.Get(t, "/files/"+id+"/download", enzymeUser(e, "teammate")).Want(t, http.StatusOK)
	e.Get(t, "/files/"+strings.ToLower(id)+"/download", member).Want(t, http.StatusOK)
	var shown struct{ Data api.File }
	e.Get(t, "/v1/files/"+id, auth(e.Key("rw"))).Want(t, http.StatusOK).Decode(t, &shown)
	if shown.Data.Bare() != id || shown.Data.State != "ready" {
		t.Errorf("the native API shows %+v", shown.Data)
	}
	if want := "uploads/channels/general/files/" + id + "/"; !strings.HasPrefix(shown.Data.Path, want) {
		t.Errorf("its path is %q, want one below %s", shown.Data.Path, want)
	}
}

func enzymeBadUploads(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	for name, x := range map[string]struct {
		sample samples.Sample
	}{
		"HTML as a picture":        {samples.HTMLAsJPEG()},
		"a program as text":        {samples.ELFAsText()},
		"a picture as a document":  {samples.Sample{Name: "a.pdf", Type: samples.TypePDF, Data: samples.PNG(32, 32, 1).Data}},
		"found out by the verdict": {samples.TruncatedPNG()},
		"malformed type":           {samples.Sample{Name: "a.txt", Type: "no type", Data: []byte("text")}},
		"empty":                    {samples.Sample{Name: "a.txt", Type: samples.TypeText}},
	} {
		t.Run(name, func(t *testing.T) {
			r := enzymeSend(t, e, h, "general", x.sample).Want(t, http.StatusBadRequest)
			var body struct {
				Error struct{ Code, Message string }
			}
			r.Decode(t, &body)
			if body.Error.Code != "VALIDATION_ERROR" || body.Error.Message == "" {
				t.Errorf("%s", r.Body)
			}
		})
	}
	t.Run("cut", func(t *testing.T) {
		e.Raw(t, "POST /channels/general/files/upload HTTP/1.1\r\nHost: "+e.Host()+"\r\nConnection: close\r\nAuthorization: "+h.Get("Authorization")+
			"\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 85\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello world\r\n--").
			Want(t, http.StatusBadRequest).WantBody(t, enzymeError("VALIDATION_ERROR", "The body ended before the upload was complete"))
	})
}

func enzymeUploadUnauthorized(t *testing.T, e *env) {
	for name, h := range map[string]http.Header{
		"nobody":           auth(""),
		"an unknown token": auth("Bearer nonsense"),
		"an expired token": auth(e.Token(claims{Sub: "member", Life: -time.Minute})),
		"a token unsigned": auth("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290IiwidGVuYW50IjoiYWNtZSJ9."),
	} {
		t.Run(name, func(t *testing.T) {
			for _, channel := range []string{"general", "nowhere"} { // who is asking comes before what for
				r := enzymeSend(t, e, h, channel, samples.Text(100, 1)).Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
				if got := r.Header.Get("WWW-Authenticate"); got != `Bearer realm="inlet"` {
					t.Errorf("WWW-Authenticate is %q", got)
				}
			}
		})
	}
}

func enzymeUploadForbidden(t *testing.T, e *env) {
	text := samples.Text(100, 1)
	enzymeSend(t, e, auth(e.Key("read")), "general", text).Want(t, http.StatusForbidden).WantBody(t, enzymeForbidden)
	enzymeSend(t, e, enzymeUser(e, "owner"), "ops", text).Want(t, http.StatusForbidden).
		WantBody(t, enzymeError("NOT_A_MEMBER", "Not a member of this channel"))
	for _, id := range []string{"outsider", "second"} {
		enzymeSend(t, e, enzymeUser(e, id), "general", text).Want(t, http.StatusForbidden).
			WantBody(t, enzymeError("NOT_A_MEMBER", "Not a member of this workspace"))
	}
	// The right comes before the form, and before its size.
	e.JSON(t, "/channels/ops/files/upload", enzymeUser(e, "owner"), "{}").Want(t, http.StatusForbidden)
}

func enzymeUploadNotFound(t *testing.T, e *env) {
	for _, channel := range []string{unique(), "g-general", "%00", "..", strings.Repeat("c", 300)} {
		enzymeSend(t, e, enzymeUser(e, "root"), channel, samples.Text(100, 1)).Want(t, http.StatusNotFound).WantBody(t, enzymeNotFound)
	}
}
