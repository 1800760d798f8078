package dialects

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

// tiledeskClasses: which types may come is said by the kind of upload.
func tiledeskClasses(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for _, x := range []struct {
		sample              samples.Sample
		chat, assets, photo int
	}{
		{samples.PNG(320, 240, 1), 201, 201, 201},
		{samples.PDF("A page."), 201, 201, 403},
		{samples.CSV(10, 1), 403, 201, 403},
		{samples.Zip(), 403, 403, 403},
	} {
		for route, status := range map[string]int{tdChat: x.chat, tdAssets: x.assets, tdPhoto: x.photo} {
			e.Send(t, route, auth(admin), newForm().File("file", x.sample)).Want(t, status)
		}
	}
}

func tiledeskChatLife(t *testing.T, e *env) {
	f := tdUpload(t, e, tdChat, e.Guest(unique()), samples.Text(500, 1))
	if got := tdNative(t, e, f.id).life(); got != 30*24*time.Hour {
		t.Errorf("a chat file lives %s", got)
	}
}

func tiledeskExpiration(t *testing.T, e *env) {
	const longest = 10 * 365 * 24 * time.Hour
	admin := tdUser(e, "admin")
	for value, want := range map[string]time.Duration{
		"3600": time.Hour, "1": time.Second, "0": 0, "-1": 0, "1e309": 0, "1000000000000000000": longest,
	} {
		r := e.Send(t, tdAssets+"?expiration="+value, auth(admin), newForm().File("file", samples.Text(500, 1))).Want(t, http.StatusCreated)
		var f tdFile
		r.Decode(t, &f)
		if value == "1" { // not served from the second on when it ends
			harness.Eventually(t, harness.Limit, func() error {
				if got := e.Get(t, tdAt("/v3/files", decoded(t, f.Filename)), auth(admin)); got.Status != http.StatusNotFound {
					return fmt.Errorf("an asset of a second is %d", got.Status)
				}
				return nil
			})
			continue
		}
		if got := tdNative(t, e, r.FileID(t)).life(); got != want {
			t.Errorf("expiration=%s: it lives %s, want %s", value, got, want)
		}
	}
	if got := tdNative(t, e, tdUpload(t, e, tdAssets, admin, samples.Text(500, 1)).id).life(); got != 0 {
		t.Errorf("without expiration it lives %s", got)
	}
}

func tiledeskThumbnails(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for format, s := range map[string]samples.Sample{
		"png": samples.PNG(320, 240, 1), "jpeg": samples.RotatedJPEG(300, 200, 1), "gif": samples.GIF(300, 220, 2, 1),
	} {
		s.Name = "my picture & co." + format
		f := tdUpload(t, e, tdAssets, admin, s)
		folder := strings.TrimSuffix(f.path, s.Name)
		if got, want := decoded(t, f.Thumbnail), folder+"thumbnails_200_200-"+s.Name; got != want {
			t.Errorf("the thumbnail is at %s, want %s", got, want)
		}
		if want := "%2Fmy%20picture%20%26%20co." + format; !strings.HasSuffix(f.Filename, want) || !strings.HasSuffix(f.Thumbnail, strings.TrimPrefix(want, "%2F")) {
			t.Errorf("%s and %s are not encoded as JavaScript does it", f.Filename, f.Thumbnail)
		}
		tdPicture(t, e.Get(t, "/v3/files?path="+f.Thumbnail, auth(admin)), format)
		tdPicture(t, e.Get(t, "/v3/files/download?path="+f.Thumbnail, auth(admin)), format)
	}
	if f := tdUpload(t, e, tdAssets, admin, samples.Text(500, 1)); f.Thumbnail != "" {
		t.Errorf("a text has the thumbnail %s", f.Thumbnail)
	}
	f := tdUpload(t, e, tdChat, admin, samples.PNG(320, 240, 1))
	folder, name, _ := strings.Cut(f.path, "disc")
	e.Get(t, tdAt("/v3/files", folder+"thumbnails_200_200-disc"+name), auth(admin)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
	if f.Thumbnail != "" {
		t.Errorf("a chat file has the thumbnail %s", f.Thumbnail)
	}
}

// tiledeskAvatarPath: one path for ever, whatever the picture's name and type, and at every moment a whole picture behind it.
func tiledeskAvatarPath(t *testing.T, e *env) {
	id := unique()
	who := asJWT(e.Token(claims{Sub: id, Roles: map[string]string{"project/" + project1: "agent"}}))
	path := "uploads/users/" + id + "/images/photo.jpg"
	first := tdUpload(t, e, tdPhoto, who, named(samples.PNG(320, 240, 1), "me at the sea.png"))
	if first.path != path {
		t.Errorf("the photo is at %s, want %s", first.path, path)
	}
	was := e.Get(t, tdAt("/v3/files", path), auth(who)).Want(t, http.StatusOK)
	if got := tdNative(t, e, first.id); was.Header.Get("Content-Type") != samples.TypePNG || got.life() != 0 || got.Path != path {
		t.Errorf("served as %s, lives %s, at %s", was.Header.Get("Content-Type"), got.life(), got.Path)
	}
	second := tdUpload(t, e, tdPhoto, who, samples.GIF(64, 48, 2, 1))
	is := e.Get(t, tdAt("/v3/files", path), auth(who)).Want(t, http.StatusOK)
	if second.path != path || is.Header.Get("Content-Type") != samples.TypeGIF || is.Header.Get("ETag") == was.Header.Get("ETag") {
		t.Errorf("at %s there is %s after a GIF was sent", second.path, is.Header.Get("Content-Type"))
	}
	if got := is.Header.Get("Cache-Control"); !strings.Contains(got, "no-cache") {
		t.Errorf("a photo that can be replaced has Cache-Control %q", got)
	}
	harness.Eventually(t, harness.Limit, func() error { // the old one goes right after
		if got := e.Get(t, "/v1/files/"+first.id, auth(e.Key("rw"))); got.Status != http.StatusNotFound {
			return fmt.Errorf("the photo that was replaced is %d", got.Status)
		}
		return nil
	})
	// What is refused replaces nothing.
	e.Send(t, tdPhoto, auth(who), newForm().File("file", samples.TruncatedPNG())).Want(t, http.StatusForbidden)
	if got := e.Get(t, tdAt("/v3/files", path), auth(who)).Want(t, http.StatusOK); got.Header.Get("ETag") != is.Header.Get("ETag") {
		t.Error("a picture that was refused has replaced the one before")
	}
}

func tiledeskAssets(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for _, prefix := range []string{"/v3/", "/"} {
		f := tdUpload(t, e, prefix+project1+"/files/assets", admin, samples.PNG(320, 240, 1))
		want := regexp.MustCompile(`^uploads/projects/` + project1 + `/files/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/disc-320x240\.png$`)
		if !want.MatchString(f.path) || f.Message != "File uploaded successfully" {
			t.Errorf("%q: at %s", f.Message, f.path)
		}
	}
	// The same request twice under one key is one file.
	h := auth(admin, "Idempotency-Key", unique())
	first := e.Send(t, tdAssets, h, newForm().File("file", samples.Text(500, 1))).Want(t, http.StatusCreated)
	again := e.Send(t, tdAssets, h, newForm().File("file", samples.Text(500, 1))).Want(t, http.StatusCreated).WantBody(t, string(first.Body))
	if again.Header.Get("Idempotent-Replayed") != "true" || again.FileID(t) != first.FileID(t) {
		t.Errorf("the replay is of %s, not %s", again.FileID(t), first.FileID(t))
	}
	e.Send(t, tdAssets, h, newForm().File("file", samples.Text(501, 1))).Want(t, http.StatusUnprocessableEntity)
}

func tiledeskProjects(t *testing.T, e *env) {
	owner := e.Token(claims{Sub: unique(), Roles: map[string]string{"tenant/" + acme: "owner"}})
	for _, kind := range []string{"/files/assets", "/files/chat", "/files/users/photo"} {
		for _, id := range []string{"x", project1[1:], project1 + "0", "5ebd890292befe001905497g", "files"} {
			want := `{"error":"Invalid project id: ` + id + `"}`
			e.Send(t, "/v3/"+id+kind, auth(owner), newForm()).Want(t, http.StatusBadRequest).WantBody(t, want)
			e.Send(t, "/v3/"+id+kind, auth(""), newForm()).Want(t, http.StatusBadRequest).WantBody(t, want) // before it is known who asks
		}
		for _, id := range []string{project3, "000000000000000000000000"} { // another tenant's, and nobody's
			e.Send(t, "/v3/"+id+kind, auth(owner), newForm()).Want(t, http.StatusForbidden).WantBody(t, tdNoMember)
			e.Send(t, "/"+id+kind, auth(owner), newForm()).Want(t, http.StatusForbidden).WantBody(t, tdNoMember)
		}
		e.Send(t, "/v3/"+project2+kind, auth(tdUser(e, "owner")), newForm()).Want(t, http.StatusForbidden).WantBody(t, tdNoMember)
	}
	for _, path := range []string{"/v1/files", "/api/files"} { // no project, so not Tiledesk's to answer
		if r := e.Do(t, http.MethodDelete, path, auth(owner), nil); strings.Contains(string(r.Body), "project") {
			t.Errorf("DELETE %s says %s", path, r.Body)
		}
	}
}

// tdCase is an upload by somebody, and what comes of it.
type tdCase struct {
	who    string
	auth   http.Header
	status int
	body   string // of what is no success
}

// tdRoles is who may send what a role is the least for, and the role below it is not enough. Bots and subscriptions pass by what they are.
func tdRoles(e *env, below, least string) []tdCase {
	on := func(project, role string) map[string]string { return map[string]string{"project/" + project: role} }
	return []tdCase{
		{"a " + least, auth(tdUser(e, least)), 201, ""},
		{"a " + below, auth(tdUser(e, below)), 403, tdNoRole},
		{"a bot of the project", auth(asJWT(e.Bot("bot1"))), 201, ""},
		{"a bot of another project", auth(asJWT(e.Bot("bot2"))), 403, tdNoMember},
		{"a bot of another tenant", auth(asJWT(e.Token(claims{Sub: "bot3", Kind: "bot", Tenant: globex}))), 403, tdNoMember},
		{"a subscription of the project", auth(asJWT(e.Token(claims{Sub: unique(), Kind: "subscription", Roles: on(project1, "guest")}))), 201, ""},
		{"a subscription of another project", auth(asJWT(e.Token(claims{Sub: unique(), Kind: "subscription", Roles: on(project2, "owner")}))), 403, tdNoMember},
		{"an owner of another project", auth(e.Token(claims{Sub: unique(), Roles: on(project2, "owner")})), 403, tdNoMember},
		{"a user without roles", auth(e.Token(claims{Sub: unique()})), 403, tdNoMember},
		{"another tenant's owner", auth(e.Token(claims{Sub: unique(), Tenant: globex, Roles: on(project3, "owner")})), 403, tdNoMember},
		{"a key that may write, in its own header", auth("", "X-Api-Key", keyText("rw")), 201, ""},
		{"a key that may read", auth(e.Key("read")), 403, tdNoRole},
		{"another tenant's key", auth(e.Key("globex")), 403, tdNoMember},
		{"two spaces", auth("JWT  " + strings.TrimPrefix(tdUser(e, "owner"), "JWT ")), 403, `{"success":false,"msg":"Unauthorized."}`},
		{"nobody", auth(""), 401, "Unauthorized"},
		{"a token that has expired", auth(asJWT(e.Token(claims{Sub: unique(), Life: -time.Minute, Roles: on(project1, "owner")}))), 401, "Unauthorized"},
	}
}

func tdCheckRoles(t *testing.T, e *env, route string, people []tdCase) {
	for _, x := range people {
		r := e.Send(t, route, x.auth, newForm().File("file", samples.PNG(64, 48, 1)))
		if r.Status != x.status || x.body != "" && string(r.Body) != x.body {
			t.Errorf("%s: %d %s, want %d %s", x.who, r.Status, r.Body, x.status, x.body)
		}
		if r.Status == http.StatusUnauthorized && r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", x.who)
		}
	}
}

func tiledeskAssetRoles(t *testing.T, e *env) {
	people := append(tdRoles(e, "supervisor", "admin"), tdCase{"an admin with a password", auth(e.Basic("admin")), 201, ""})
	tdCheckRoles(t, e, tdAssets, people)
}

func tiledeskPhotoRoles(t *testing.T, e *env) {
	tdCheckRoles(t, e, tdPhoto, tdRoles(e, "teammate", "agent"))
}

// tiledeskChatRoles: there is no role below a guest's.
func tiledeskChatRoles(t *testing.T, e *env) {
	people := slices.DeleteFunc(tdRoles(e, "none", "guest"), func(x tdCase) bool { return x.who == "a none" })
	tdCheckRoles(t, e, tdChat, people)
}

func tiledeskMultipart(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for _, contentType := range []string{"", "application/json", "multipart/form-data", "multipart/mixed; boundary=x", "application/x-www-form-urlencoded"} {
		h := auth(admin)
		if contentType != "" {
			h.Set("Content-Type", contentType)
		}
		var body struct{ Error string }
		e.Do(t, http.MethodPost, tdAssets, h, []byte("--x--\r\n")).Want(t, http.StatusBadRequest).Decode(t, &body)
		if body.Error == "" {
			t.Errorf("%q: no error is named", contentType)
		}
	}
}

func tiledeskAssetTypes(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for _, s := range []samples.Sample{
		{Name: "a.jpg", Type: "image/jpg", Data: samples.JPEG(64, 48, 1).Data}, named(samples.JPEG(64, 48, 1), "a.JPEG"),
		samples.PNG(64, 48, 1), samples.GIF(64, 48, 2, 1), samples.PDF("A page."), tdOLE(), samples.Docx("Dear all,"),
		{Name: "a.csv", Type: "application/vnd.ms-excel", Data: samples.CSV(10, 1).Data}, // as Windows has it
		{Name: "a.txt", Data: samples.Text(500, 1).Data},
	} {
		tdUpload(t, e, tdAssets, admin, s)
	}
	for name, ext := range map[string]string{"a.zip": ".zip", "a.p": ".p", "a.svg": ".svg", "a.png.exe": ".exe", "a": "(none)", ".png": "(none)"} {
		e.Send(t, tdAssets, auth(admin), newForm().File("file", named(samples.PNG(64, 48, 1), name))).
			Want(t, http.StatusForbidden).WantBody(t, `{"success":false,"error":"File extension `+ext+` is not allowed"}`)
	}
}

func tiledeskChat(t *testing.T, e *env) {
	id := unique()
	for _, prefix := range []string{"/v3/", "/"} {
		f := tdUpload(t, e, prefix+project1+"/files/chat", e.Guest(id), named(samples.Text(500, 1), "my notes & more.txt"))
		want := regexp.MustCompile(`^uploads/users/` + id + `/files/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/my notes & more\.txt$`)
		if !want.MatchString(f.Filename) || f.Message != "File uploaded successfully" {
			t.Errorf("%q: %s is not the path as it is", f.Message, f.Filename)
		}
		e.Get(t, tdAt("/v3/files", f.Filename), auth(e.Guest(id))).Want(t, http.StatusOK).WantBody(t, string(samples.Text(500, 1).Data))
	}
	if f := tdUpload(t, e, tdChat, e.Key("rw"), samples.Text(500, 1)); !strings.HasPrefix(f.Filename, "uploads/public/files/") {
		t.Errorf("what a key of nobody's sends is at %s", f.Filename)
	}
	for _, s := range []samples.Sample{named(samples.JPEG(64, 48, 1), "a.jpg"), samples.PNG(64, 48, 1), samples.GIF(64, 48, 2, 1), samples.PDF("A page.")} {
		tdUpload(t, e, tdChat, e.Guest(id), s)
	}
	e.Send(t, tdChat, auth(e.Guest(id)), newForm().File("file", samples.CSV(10, 1))).
		Want(t, http.StatusForbidden).WantBody(t, `{"success":false,"error":"File extension .csv is not allowed"}`)
}

func tiledeskPhoto(t *testing.T, e *env) {
	for format, s := range map[string]samples.Sample{"png": samples.PNG(320, 240, 1), "jpeg": samples.JPEG(640, 480, 1), "gif": samples.GIF(300, 220, 2, 1)} {
		id := unique()
		who := asJWT(e.Token(claims{Sub: id, Roles: map[string]string{"project/" + project1: "agent"}}))
		f := tdUpload(t, e, "/"+project1+"/files/users/photo", who, s)
		if f.Message != "Image uploaded successfully" || f.Filename != "uploads%2Fusers%2F"+id+"%2Fimages%2Fphoto.jpg" ||
			f.Thumbnail != "uploads%2Fusers%2F"+id+"%2Fimages%2Fthumbnails_200_200-photo.jpg" {
			t.Errorf("%+v", f)
		}
		tdPicture(t, e.Get(t, "/v3/files?path="+f.Thumbnail, auth(who)), format)
	}
}

func tiledeskPhotoTypes(t *testing.T, e *env) {
	agent := tdUser(e, "agent")
	for _, s := range []samples.Sample{
		samples.PNG(64, 48, 1), named(samples.JPEG(64, 48, 1), "a.jpg"), named(samples.JPEG(64, 48, 1), "a.JPEG"), samples.GIF(64, 48, 2, 1),
	} {
		tdUpload(t, e, tdPhoto, agent, s)
	}
	for _, s := range []samples.Sample{samples.WebP(), samples.SVG(), samples.PDF("A page."), samples.Text(500, 1)} {
		ext := s.Name[strings.LastIndexByte(s.Name, '.'):]
		e.Send(t, tdPhoto, auth(agent), newForm().File("file", s)).
			Want(t, http.StatusForbidden).WantBody(t, `{"success":false,"error":"File extension `+ext+` is not allowed for avatar"}`)
	}
}

func tiledeskBotPhoto(t *testing.T, e *env) {
	both := func(first, second string) string {
		return asJWT(e.Token(claims{Sub: unique(), Roles: map[string]string{"project/" + project1: first, "project/" + project2: second}}))
	}
	const (
		absent  = `{"success":false,"error":"Chatbot not found"}`
		foreign = `{"success":false,"error":"You don't belong to the chatbot's project"}`
		low     = `{"success":false,"error":"You don't have the role required to modify the chatbot"}`
	)
	for _, x := range []struct {
		who, auth, bot string
		status         int
		body           string
	}{
		{"an admin of the bot's project", tdUser(e, "admin"), "bot1", 201, ""},
		{"an owner of the bot's project", tdUser(e, "owner"), "bot1", 201, ""},
		{"an admin of both projects", both("agent", "admin"), "bot2", 201, ""},
		{"the bot itself", asJWT(e.Bot("bot1")), "bot1", 201, ""},
		{"a key that may write", e.Key("rw"), "bot2", 201, ""},
		{"an agent of the bot's project", tdUser(e, "agent"), "bot1", 403, low},
		{"an admin here and an agent there", both("admin", "agent"), "bot2", 403, low},
		{"another bot of no project of it", asJWT(e.Bot("bot1")), "bot2", 401, foreign},
		{"an owner of another project", tdUser(e, "owner"), "bot2", 401, foreign},
		{"an owner, of a bot that there is not", tdUser(e, "owner"), "bot9", 404, absent},
		{"an owner, of a bot of another tenant", tdUser(e, "owner"), "bot3", 404, absent},
		{"a member of the project", tdUser(e, "member"), "bot1", 403, tdNoRole},
	} {
		r := e.Send(t, tdPhoto+"?bot_id="+url.QueryEscape(x.bot), auth(x.auth), newForm().File("file", samples.PNG(64, 48, 1)))
		if r.Status != x.status || x.body != "" && string(r.Body) != x.body {
			t.Errorf("%s: %d %s, want %d %s", x.who, r.Status, r.Body, x.status, x.body)
		}
		if want := "uploads%2Fusers%2F" + x.bot + "%2Fimages%2Fphoto.jpg"; r.Status == http.StatusCreated && !strings.Contains(string(r.Body), want) {
			t.Errorf("%s: %s is not at %s", x.who, r.Body, want)
		}
	}
}

// tiledeskVerification: in every kind of upload the bytes must be of the declared type; what is not is gone with the answer.
func tiledeskVerification(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	const mismatch = `{"success":false,"error":"File content does not match mimetype. Detected: %s, provided: %s"}`
	all := []string{tdChat, tdAssets, tdPhoto}
	for _, x := range []struct {
		name   string
		sample samples.Sample
		routes []string
		body   string
	}{
		{"a page as a picture", samples.HTMLAsJPEG(), all, fmt.Sprintf(mismatch, "text/html", samples.TypeJPEG)},
		{"a PNG as a JPEG", samples.Sample{Name: "a.jpg", Type: samples.TypeJPEG, Data: samples.PNG(64, 48, 1).Data}, all, fmt.Sprintf(mismatch, samples.TypePNG, samples.TypeJPEG)},
		{"another type than the name's", samples.Sample{Name: "a.png", Type: samples.TypePDF, Data: samples.PNG(64, 48, 1).Data}, all, fmt.Sprintf(mismatch, samples.TypePNG, samples.TypePDF)},
		{"bytes of nothing as a picture", samples.Sample{Name: "a.png", Type: samples.TypePNG, Data: []byte{0, 1, 2, 3, 0xff, 0xfe}}, all, fmt.Sprintf(mismatch, "unknown", samples.TypePNG)},
		{"a text that turns into bytes", samples.BinaryText(), all[:1], fmt.Sprintf(mismatch, "text/plain", samples.TypeText)},
		{"half a PNG", samples.TruncatedPNG(), all[1:], `{"success":false,"error":"File is damaged or incomplete"}`},
		{"a flood of pixels", samples.PixelFlood(), all[2:], `{"success":false,"error":"Image has too many pixels or frames"}`},
	} {
		for _, route := range x.routes {
			r := e.Send(t, route, auth(admin), newForm().File("file", x.sample))
			if r.Status != http.StatusForbidden || string(r.Body) != x.body {
				t.Errorf("%s at %s: %d %s, want %s", x.name, route, r.Status, r.Body, x.body)
			}
			if id := r.Header.Get("Inlet-File-Id"); id != "" { // it has a record, which says why
				got := tdNative(t, e, id)
				e.Get(t, tdAt("/v3/files", got.Path), auth(admin)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
			}
		}
	}
}
