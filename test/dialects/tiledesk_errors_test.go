package dialects

import (
	"net/http"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

func tiledesk400(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for _, route := range []string{tdChat, tdAssets, tdPhoto} {
		send := func(f *form) Response {
			t.Helper()
			return e.Send(t, route, auth(admin), f).Want(t, http.StatusBadRequest)
		}
		picture := samples.PNG(64, 48, 1)
		send(newForm()).WantBody(t, `{"success":false,"error":"No file uploaded"}`)
		send(newForm().Field("file", "text")).WantBody(t, `{"success":false,"error":"No file uploaded"}`)
		send(newForm().File("image", picture)).WantBody(t, `{"success":false,"error":"Unexpected field","code":"LIMIT_UNEXPECTED_FILE"}`)
		send(newForm().File("file", picture).File("file", picture))
		send(newForm().File("file", samples.Sample{Name: "a.png", Type: samples.TypePNG}))
		send(newForm().File("file", named(picture, "../a.png")))
		send(newForm().File("file", named(picture, "a\u202egnp.png")))
		send(newForm().File("file", samples.Sample{Name: "a.png", Type: "no type", Data: picture.Data}))
		whole := newForm().File("file", picture)
		h := auth(admin, "Content-Type", whole.Type())
		cut := whole.Bytes()
		e.Do(t, http.MethodPost, route, h, cut[:len(cut)-8]).Want(t, http.StatusBadRequest)
	}
	e.Send(t, tdAssets, auth(admin, "Idempotency-Key", strings.Repeat("k", 256)), newForm().File("file", samples.Text(10, 1))).Want(t, http.StatusBadRequest)
}

// tiledesk403: the three kinds of refusal, each in its form. The rows of each have more of them.
func tiledesk403(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	send := func(who string, s samples.Sample) Response {
		t.Helper()
		return e.Send(t, tdAssets, auth(who), newForm().File("file", s)).Want(t, http.StatusForbidden)
	}
	send(admin, samples.Zip()).WantBody(t, `{"success":false,"error":"File extension .zip is not allowed"}`)
	send(admin, samples.HTMLAsJPEG()).WantBody(t, `{"success":false,"error":"File content does not match mimetype. Detected: text/html, provided: image/jpeg"}`)
	send(tdUser(e, "supervisor"), samples.Text(10, 1)).WantBody(t, tdNoRole)
	send(e.Token(claims{Sub: unique()}), samples.Text(10, 1)).WantBody(t, tdNoMember)
	f := tdUpload(t, e, tdAssets, admin, samples.Text(10, 1))
	e.Get(t, tdAt("/v3/files", f.path), auth(e.Guest(unique()))).Want(t, http.StatusForbidden).WantBody(t, `{"success":false,"error":"you do not have permission to do this"}`)
}

// tiledesk404: one answer for what never was, is gone, or is somebody else's.
func tiledesk404(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	gone := tdUpload(t, e, tdAssets, admin, samples.Text(500, 1))
	e.Do(t, http.MethodDelete, tdAt("/v3/files", gone.path), auth(admin), nil).Want(t, http.StatusOK)
	alien := tdUpload(t, e, "/v3/"+project3+"/files/assets", e.Key("globex"), samples.Text(500, 1))
	text := tdUpload(t, e, tdAssets, admin, named(samples.Text(500, 1), "notes.txt"))
	for _, path := range []string{
		"uploads/projects/" + project1 + "/files/x/y.txt", "uploads/users/" + unique() + "/images/photo.jpg", gone.path, alien.path,
		strings.Replace(text.path, "notes.txt", "thumbnails_200_200-notes.txt", 1),
	} {
		e.Get(t, tdAt("/v3/files", path), auth(admin)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		e.Get(t, tdAt("/"+project1+"/files/download", path), auth(admin)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		e.Do(t, http.MethodDelete, tdAt(tdFiles, path), auth(admin), nil).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
	}
	e.Get(t, tdAt("/v3/files", alien.path), auth(e.Key("globex"))).Want(t, http.StatusOK)
}

func tiledesk413(t *testing.T, e *env) {
	const limit = 1_024_000 // the default of MAX_UPLOAD_FILE_SIZE
	const tooLarge = `{"success":false,"error":"File too large","code":"LIMIT_FILE_SIZE"}`
	admin := tdUser(e, "admin")
	for _, route := range []string{tdChat, tdAssets} {
		tdUpload(t, e, route, admin, samples.Text(limit, 1))
		e.Send(t, route, auth(admin), newForm().File("file", samples.Text(limit+1, 1))).Want(t, http.StatusRequestEntityTooLarge).WantBody(t, tooLarge)
	}
	large := samples.PNG(1200, 900, 1)
	e.Send(t, tdPhoto, auth(admin), newForm().File("file", large)).Want(t, http.StatusRequestEntityTooLarge).WantBody(t, tooLarge)
	// A tenant's own limit may be lower, and has the same answer; that of all its files together is ours.
	small := "/v3/" + project4 + "/files/assets"
	e.Send(t, small, auth(e.Key("small-tiledesk")), newForm().File("file", samples.Text(smallFile+1, 1))).Want(t, http.StatusRequestEntityTooLarge).WantBody(t, tooLarge)
	tdUpload(t, e, small, e.Key("small-tiledesk"), samples.Text(smallFile, 1))
	tdUpload(t, e, small, e.Key("small-tiledesk"), samples.Text(smallStorage-smallFile, 2))
	e.Send(t, small, auth(e.Key("small-tiledesk")), newForm().File("file", samples.Text(1, 3))).
		Want(t, http.StatusInsufficientStorage).WantBody(t, `{"success":false,"error":"Account storage limit exceeded"}`)
}

// tiledesk500 takes a file's bytes away.
func tiledesk500(t *testing.T, e *env) {
	if e.Mode == harness.ModeRemote {
		t.Skip("the stores of a remote cluster are out of reach")
	}
	admin := tdUser(e, "admin")
	f := tdUpload(t, e, tdAssets, admin, samples.Text(500, 1))
	if moved := tdMove(t, e.Blobs, t.TempDir(), f.id); len(moved) != 1 {
		t.Fatalf("moved %v", moved)
	}
	for _, root := range tdRoots {
		e.Get(t, tdAt(root, f.path), auth(admin)).Want(t, http.StatusInternalServerError).WantBody(t, `{"success":false,"error":"Error getting file."}`)
	}
}

func tiledesk401(t *testing.T, e *env) {
	for _, x := range []struct{ method, path string }{
		{http.MethodPost, tdChat}, {http.MethodPost, tdAssets}, {http.MethodPost, tdPhoto}, {http.MethodGet, "/v3/files?path=x"}, {http.MethodGet, "/v3/files/download?path=x"},
		{http.MethodDelete, "/v3/files?path=x"}, {http.MethodGet, "/files?path=uploads/users/u/images/photo.jpg"}, {http.MethodGet, tdFiles + "?path=x"},
		{http.MethodGet, "/v3/files?path=x&secret_token=" + strings.TrimPrefix(tdUser(e, "owner"), "JWT ")}, {http.MethodPost, "/" + project1 + "/files/chat"},
	} {
		for _, who := range []string{"", "Basic", "JWT", "JWT x.y.z", "Digest x"} {
			r := e.Do(t, x.method, x.path, auth(who), nil).Want(t, http.StatusUnauthorized).WantBody(t, "Unauthorized")
			if got := r.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" || r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: %v", x.method, x.path, r.Header)
			}
		}
	}
	// It is said before the body is asked for.
	e.Raw(t, "POST "+tdAssets+" HTTP/1.1\r\nHost: "+e.Host()+"\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n").
		Want(t, http.StatusUnauthorized)
}
