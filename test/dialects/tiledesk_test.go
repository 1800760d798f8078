package dialects

import (
	"bytes"
	"image"
	_ "image/gif" // decoders of the thumbnails
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/samples"
)

// tiledeskRows are the rows of Tiledesk's checklist.
var tiledeskRows = []row{
	{"TD-01", tiledeskClasses},
	{"TD-02 TD-24", tiledeskChatLife},
	{"TD-03 TD-12", tiledeskExpiration},
	{"TD-04 TD-16 TD-81 TD-82", tiledeskThumbnails},
	{"TD-05 TD-32", tiledeskAvatarPath},
	{"TD-10", tiledeskAssets},
	{"TD-11 TD-21", tiledeskProjects},
	{"TD-13", tiledeskAssetRoles},
	{"TD-14", tiledeskMultipart},
	{"TD-15", tiledeskAssetTypes},
	{"TD-20 TD-23", tiledeskChat},
	{"TD-22", tiledeskChatRoles},
	{"TD-30 TD-33", tiledeskPhoto},
	{"TD-31 TD-36", tiledeskPhotoTypes},
	{"TD-34", tiledeskPhotoRoles},
	{"TD-35", tiledeskBotPhoto},
	{"TD-40", tiledeskRead},
	{"TD-41", tiledeskPath},
	{"TD-42", tiledeskAsAttachment},
	{"TD-43 TD-53", tiledeskReadRights},
	{"TD-44", tiledeskStream},
	{"TD-45 TD-63", tiledeskFallback},
	{"TD-50 TD-51 TD-52", tiledeskDownload},
	{"TD-60 TD-61", tiledeskDelete},
	{"TD-62 TD-83", tiledeskThumbnailGoes},
	{"TD-64", tiledeskDeleteRights},
	{"TD-70", tiledesk400},
	{"TD-71", tiledesk403},
	{"TD-72", tiledesk404},
	{"TD-73", tiledesk413},
	{"TD-74", tiledesk500},
	{"TD-75", tiledesk401},
	{"TD-80", tiledeskVerification},
}

// The routes of the first project.
const (
	tdFiles  = "/v3/" + project1 + "/files"
	tdChat   = tdFiles + "/chat"
	tdAssets = tdFiles + "/assets"
	tdPhoto  = tdFiles + "/users/photo"
)

// The vendor's answers that many rows expect.
const (
	tdNotFound = `{"success":false,"error":"File not found."}`
	tdNoRole   = `{"success":false,"msg":"you dont have the required role."}`
	tdNoMember = `{"success":false,"msg":"you dont belong to the project."}`
)

// tdFile is a file as the answer to its upload names it.
type tdFile struct {
	Message   string `json:"message"`
	Filename  string `json:"filename"`
	Thumbnail string `json:"thumbnail"`

	id   string // the ULID
	path string // of the file, decoded
}

// tdUpload sends a sample to a route and expects a success.
func tdUpload(t *testing.T, e *env, route, who string, s samples.Sample) tdFile {
	t.Helper()
	r := e.Send(t, route, auth(who), newForm().File("file", s)).Want(t, http.StatusCreated)
	f := tdFile{id: r.FileID(t)}
	r.Decode(t, &f)
	f.path = decoded(t, f.Filename)
	return f
}

// decoded undoes encodeURIComponent.
func decoded(t *testing.T, s string) string {
	t.Helper()
	out, err := url.PathUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tdAt is the URL of a read or a delete of a path, which is not encoded yet.
func tdAt(route, path string) string { return route + "?path=" + url.QueryEscape(path) }

// tdUser is the Authorization of a user whom no other row knows, with a role on the first project.
func tdUser(e *env, role string) string {
	return asJWT(e.Token(claims{Sub: unique(), Roles: map[string]string{"project/" + project1: role}}))
}

// tdRecord is what the native API says of a file.
type tdRecord struct {
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	MimeType  string    `json:"mime_type"`
	Path      string    `json:"path"`
	State     string    `json:"state"`
}

// life is how long the file lives; 0 for ever.
func (r tdRecord) life() time.Duration {
	if r.ExpiresAt.IsZero() {
		return 0
	}
	return r.ExpiresAt.Sub(r.CreatedAt)
}

func tdNative(t *testing.T, e *env, id string) tdRecord {
	t.Helper()
	var body struct {
		Data tdRecord `json:"data"`
	}
	e.Get(t, "/v1/files/"+id, auth(e.Key("rw"))).Want(t, http.StatusOK).Decode(t, &body)
	return body.Data
}

// tdPicture checks that an answer is a picture of 200x200 in a format, and served as that.
func tdPicture(t *testing.T, r Response, format string) {
	t.Helper()
	r.Want(t, http.StatusOK)
	img, got, err := image.Decode(bytes.NewReader(r.Body))
	if err != nil {
		t.Fatalf("%s: %v", r.request, err)
	}
	if b := img.Bounds(); b.Dx() != 200 || b.Dy() != 200 || got != format || r.Header.Get("Content-Type") != "image/"+format {
		t.Errorf("%s is a %s of %dx%d served as %s, want a %s of 200x200", r.request, got, b.Dx(), b.Dy(), r.Header.Get("Content-Type"), format)
	}
}

// tdOLE is a file of old Word, as far as its container goes.
func tdOLE() samples.Sample {
	return samples.Sample{Name: "letter.doc", Type: "application/msword", Data: append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 2040)...)}
}
