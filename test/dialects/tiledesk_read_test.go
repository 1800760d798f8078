package dialects

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

// tdRoots are the places where files are read and deleted: below a project or not, with and without /v3.
var tdRoots = []string{"/v3/files", "/files", tdFiles, "/" + project1 + "/files"}

func tiledeskRead(t *testing.T, e *env) {
	s := samples.PNG(320, 240, 1)
	admin := tdUser(e, "admin")
	f := tdUpload(t, e, tdAssets, admin, s)
	for _, root := range tdRoots {
		if got := e.Get(t, tdAt(root, f.path), auth(admin)).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) || got.FileID(t) != f.id {
			t.Errorf("%s: %d bytes of %s", root, len(got.Body), got.FileID(t))
		}
		head := e.Do(t, http.MethodHead, tdAt(root, f.path), auth(admin), nil).Want(t, http.StatusOK)
		if len(head.Body) != 0 || head.Header.Get("Content-Length") != fmt.Sprint(len(s.Data)) || head.Header.Get("Content-Type") != s.Type {
			t.Errorf("HEAD %s: %v", root, head.Header)
		}
		e.Do(t, http.MethodHead, tdAt(root, f.path+"x"), auth(admin), nil).Want(t, http.StatusNotFound)
		if got := e.Do(t, http.MethodPut, root, auth(admin), nil).Want(t, http.StatusMethodNotAllowed); got.Header.Get("Allow") == "" {
			t.Errorf("PUT %s: no Allow", root)
		}
	}
	e.Get(t, tdFiles+"/nothing", auth(admin)).Want(t, http.StatusNotFound)
	e.Get(t, "/"+project1+"/files/nothing", auth(admin)).Want(t, http.StatusNotFound)
	// A file that came through another API has a path as well.
	sent := e.Send(t, "/v1/files", auth(e.Key("rw")), newForm().File("file", s)).Want(t, http.StatusCreated)
	e.Get(t, tdAt("/v3/files", tdNative(t, e, sent.FileID(t)).Path), auth(e.Key("read"))).Want(t, http.StatusOK)
}

// tiledeskPath: a path may come as it is or encoded once more, and leads to a file or to nothing.
func tiledeskPath(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	f := tdUpload(t, e, tdAssets, admin, named(samples.Text(500, 1), "50% of it's a+b & ü.txt"))
	for _, query := range []string{
		url.QueryEscape(f.path), // with + for a space, as forms have it
		f.Filename,              // encodeURIComponent of the path: the answer's, as it is
		url.QueryEscape(f.Filename),
	} {
		e.Get(t, "/v3/files?path="+query, auth(admin)).Want(t, http.StatusOK)
	}
	percent := tdUpload(t, e, tdAssets, admin, named(samples.Text(500, 2), "a%2Fb.txt")) // an escape that is a part of the name
	e.Get(t, "/v3/files?path="+percent.Filename, auth(admin)).Want(t, http.StatusOK)
	for _, query := range []string{
		"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%252e%252e%252fetc%252fpasswd", "%25252e%25252e%25252f",
		"/etc/passwd", "uploads%5C..%5C..%5Cetc", "uploads%2F%00", "uploads%2F%2500", "%ff%fe", "%c0%ae%c0%ae%2f", ".", "..", "uploads%2F.%2Fa", "uploads%2F%2Fa",
		url.QueryEscape(url.QueryEscape(f.Filename)), // encoded three times
		url.QueryEscape(f.path + "/"), url.QueryEscape("/" + f.path), url.QueryEscape(f.path + "\x00"), url.QueryEscape(f.path + "/../" + "x"),
		url.QueryEscape(f.path[:len(f.path)-1]), url.QueryEscape("uploads/projects/" + project1), url.QueryEscape(strings.Repeat("a/", 2000)),
	} {
		e.Get(t, "/v3/files?path="+query, auth(admin)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		e.Do(t, http.MethodDelete, "/v3/files?path="+query, auth(admin), nil).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
	}
	for _, query := range []string{"", "?path=", "?Path=x"} {
		e.Get(t, "/v3/files"+query, auth(admin)).Want(t, http.StatusBadRequest).WantBody(t, `{"success":false,"error":"Path parameter is required"}`)
	}
}

func tiledeskAsAttachment(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	f := tdUpload(t, e, tdAssets, admin, named(samples.PNG(64, 48, 1), `ü "1".png`))
	for query, want := range map[string]string{
		"": "inline", "&as_attachment=": "inline", "&as_attachment=true": "attachment", "&as_attachment=1": "attachment", "&as_attachment=false": "attachment",
	} {
		got := e.Get(t, tdAt("/v3/files", f.path)+query, auth(admin)).Want(t, http.StatusOK).Header.Get("Content-Disposition")
		if want += `; filename="_ _1_.png"; filename*=UTF-8''%C3%BC%20%221%22.png`; got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	text := tdUpload(t, e, tdAssets, admin, samples.PDF("A page.")) // is never shown in place
	if got := e.Get(t, tdAt("/v3/files", text.path), auth(admin)).Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment;") {
		t.Errorf("a PDF is sent %s", got)
	}
}

// tiledeskReadRights: what a visitor sends is his and the project's, what the project has is its members'.
func tiledeskReadRights(t *testing.T, e *env) {
	guest := unique()
	chat := tdUpload(t, e, tdChat, e.Guest(guest), samples.Text(500, 1))
	asset := tdUpload(t, e, tdAssets, tdUser(e, "admin"), samples.Text(500, 1))
	photoOf := unique()
	photo := tdUpload(t, e, tdPhoto, e.Token(claims{Sub: photoOf, Roles: map[string]string{"project/" + project1: "agent"}}), samples.PNG(64, 48, 1))
	routes := []string{"/v3/files", "/v3/files/download", "/files"}
	for i, x := range []struct {
		who                string
		auth               http.Header
		chat, asset, photo int
	}{
		{"nobody", auth(""), 401, 401, 401},
		{"the visitor", auth(e.Guest(guest)), 200, 403, 403},
		{"another visitor", auth(e.Guest(unique())), 403, 403, 403},
		{"a member of the project", auth(tdUser(e, "member")), 200, 200, 403},
		{"whose photo it is", auth(e.Token(claims{Sub: photoOf})), 403, 403, 200},
		{"a bot of the project", auth(asJWT(e.Bot("bot1"))), 200, 200, 403},
		{"a bot of another project", auth(asJWT(e.Bot("bot2"))), 403, 403, 403},
		{"an owner of another project", auth(e.Token(claims{Sub: unique(), Roles: map[string]string{"project/" + project2: "owner"}})), 403, 403, 403},
		{"a member of the tenant", auth(e.Token(claims{Sub: unique(), Roles: map[string]string{"tenant/" + acme: "member"}})), 200, 200, 200},
		{"a key that may read", auth(e.Key("read")), 200, 200, 200},
		{"a key that may write", auth(e.Key("write")), 403, 403, 403},
		{"another tenant's owner", auth(e.Token(claims{Sub: unique(), Tenant: globex, Roles: map[string]string{"tenant/" + globex: "owner"}})), 404, 404, 404},
		{"another tenant's key", auth(e.Key("globex")), 404, 404, 404},
		{"a token that has expired", auth(e.Token(claims{Sub: guest, Kind: "guest", Life: -1})), 401, 401, 401},
	} {
		for path, status := range map[string]int{chat.path: x.chat, asset.path: x.asset, photo.path: x.photo} {
			r := e.Get(t, tdAt(routes[i%len(routes)], path), x.auth)
			if r.Status != status {
				t.Errorf("%s at %s: %d, want %d", x.who, r.request, r.Status, status)
			}
			switch r.Status {
			case http.StatusUnauthorized:
				r.WantBody(t, "Unauthorized")
			case http.StatusNotFound:
				r.WantBody(t, tdNotFound)
			}
		}
	}
	e.Get(t, tdAt("/v3/"+project2+"/files", asset.path), auth(tdUser(e, "owner"))).Want(t, http.StatusForbidden).WantBody(t, tdNoMember)
	e.Get(t, tdAt("/v3/"+project3+"/files", asset.path), auth(e.Key("rw"))).Want(t, http.StatusForbidden).WantBody(t, tdNoMember)
}

func tiledeskStream(t *testing.T, e *env) {
	admin := tdUser(e, "admin")
	for contentType, s := range map[string]samples.Sample{
		samples.TypePNG: samples.PNG(320, 240, 1), samples.TypePDF: samples.PDF("A page."), samples.TypeText + "; charset=utf-8": samples.Text(5000, 1), samples.TypeDocx: samples.Docx("Dear all,"),
	} {
		f := tdUpload(t, e, tdAssets, admin, s)
		at := tdAt("/v3/files", f.path)
		r := e.Get(t, at, auth(admin)).Want(t, http.StatusOK)
		etag := r.Header.Get("ETag")
		if got := r.Header.Get("Content-Type"); got != contentType || r.Header.Get("Content-Length") != fmt.Sprint(len(s.Data)) || !strings.HasPrefix(etag, `"`) {
			t.Errorf("%s: %v", s.Name, r.Header)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := r.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s is %q", name, got)
			}
		}
		part := e.Get(t, at, auth(admin, "Range", "bytes=10-19")).Want(t, http.StatusPartialContent)
		if !bytes.Equal(part.Body, s.Data[10:20]) {
			t.Errorf("%s: bytes 10 to 19 are %q", s.Name, part.Body)
		}
		e.Get(t, at, auth(admin, "Range", fmt.Sprintf("bytes=%d-", len(s.Data)))).Want(t, http.StatusRequestedRangeNotSatisfiable)
		for _, root := range tdRoots {
			e.Get(t, tdAt(root, f.path), auth(admin, "If-None-Match", etag)).Want(t, http.StatusNotModified)
		}
	}
}

// tdMove moves the bytes of a file, and of its renderings, from one disk store to another, and returns where they are now.
func tdMove(t *testing.T, from, to, id string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(from, "blobs", "*", "*", id+"*"))
	if err != nil {
		t.Fatal(err)
	}
	var moved []string
	for _, name := range names {
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o750), os.Rename(name, target)); err != nil {
			t.Fatal(err)
		}
		moved = append(moved, target)
	}
	return moved
}

func tiledeskFallback(t *testing.T, e *env) {
	if e.Mode == harness.ModeRemote {
		t.Skip("the stores of a remote cluster are out of reach")
	}
	s := samples.PNG(320, 240, 1)
	admin := tdUser(e, "admin")
	f := tdUpload(t, e, tdAssets, admin, s)
	tdPicture(t, e.Get(t, "/v3/files?path="+f.Thumbnail, auth(admin)), "png")
	moved := tdMove(t, e.Blobs, e.Fallback, f.id)
	if len(moved) != 2 {
		t.Fatalf("moved %v, want the picture and its thumbnail", moved)
	}
	for _, root := range tdRoots {
		if got := e.Get(t, tdAt(root, f.path), auth(admin)).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) {
			t.Errorf("%s: %d bytes that are not the picture", root, len(got.Body))
		}
		e.Get(t, tdAt(root+"/download", f.path), auth(admin)).Want(t, http.StatusOK)
	}
	tdPicture(t, e.Get(t, "/v3/files?path="+f.Thumbnail, auth(admin)), "png")
	e.Do(t, http.MethodDelete, tdAt("/v3/files", f.path), auth(admin), nil).Want(t, http.StatusOK)
	for _, path := range moved {
		harness.Eventually(t, harness.Limit, func() error {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there still: %w", filepath.Base(path), err)
			}
			return nil
		})
	}
}

func tiledeskDownload(t *testing.T, e *env) {
	s := named(samples.PNG(64, 48, 1), "a picture.png")
	id := unique()
	who := e.Token(claims{Sub: id, Roles: map[string]string{"project/" + project1: "admin"}})
	f := tdUpload(t, e, tdAssets, who, s)
	photo := tdUpload(t, e, tdPhoto, who, s)
	for _, root := range tdRoots {
		for path, name := range map[string]string{f.path: "a picture.png", photo.path: "photo.jpg", decoded(t, f.Thumbnail): "thumbnails_200_200-a picture.png"} {
			r := e.Get(t, tdAt(root+"/download", path), auth(who)).Want(t, http.StatusOK)
			if got, want := r.Header.Get("Content-Disposition"), `attachment; filename="`+name+`"`; got != want {
				t.Errorf("%s: %s, want %s", root, got, want)
			}
		}
		if got := e.Get(t, root+"/download?path="+f.Filename, auth(who)).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) {
			t.Errorf("%s: %d bytes that are not the picture", root, len(got.Body))
		}
		e.Do(t, http.MethodHead, tdAt(root+"/download", f.path), auth(who), nil).Want(t, http.StatusOK)
		e.Get(t, root+"/download", auth(who)).Want(t, http.StatusBadRequest)
	}
}

func tiledeskDelete(t *testing.T, e *env) {
	who := tdUser(e, "admin")
	routes := []string{tdAssets, tdPhoto, tdChat}
	for i, root := range tdRoots {
		f := tdUpload(t, e, routes[i%len(routes)], who, samples.PNG(64, 48, 1))
		at := tdAt(root, f.path)
		e.Do(t, http.MethodDelete, at, auth(who), nil).Want(t, http.StatusOK).
			WantBody(t, `{"message":"File deleted successfully","filename":"`+strings.ReplaceAll(url.QueryEscape(f.path), "+", "%20")+`"}`)
		e.Get(t, at, auth(who)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		e.Do(t, http.MethodDelete, at, auth(who), nil).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		e.Get(t, "/v1/files/"+f.id, auth(e.Key("rw"))).Want(t, http.StatusNotFound)
		e.Do(t, http.MethodDelete, root, auth(who), nil).Want(t, http.StatusBadRequest).WantBody(t, `{"success":false,"error":"Path parameter is required"}`)
	}
	// Deleting a photo brings no older one back, and a new one may come.
	tdUpload(t, e, tdPhoto, who, samples.PNG(64, 48, 1))
	f := tdUpload(t, e, tdPhoto, who, samples.GIF(64, 48, 2, 1))
	e.Do(t, http.MethodDelete, "/v3/files?path="+f.Filename, auth(who), nil).Want(t, http.StatusOK)
	e.Get(t, tdAt("/v3/files", f.path), auth(who)).Want(t, http.StatusNotFound)
	tdUpload(t, e, tdPhoto, who, samples.PNG(64, 48, 1))
	e.Get(t, tdAt("/v3/files", f.path), auth(who)).Want(t, http.StatusOK)
}

// tiledeskThumbnailGoes: a thumbnail ends with its file, and is not to be deleted by itself.
func tiledeskThumbnailGoes(t *testing.T, e *env) {
	who := tdUser(e, "admin")
	for _, route := range []string{tdAssets, tdPhoto} {
		f := tdUpload(t, e, route, who, samples.PNG(320, 240, 1))
		thumbnail := "/v3/files?path=" + f.Thumbnail
		e.Do(t, http.MethodDelete, thumbnail, auth(who), nil).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
		tdPicture(t, e.Get(t, thumbnail, auth(who)), "png")
		e.Do(t, http.MethodDelete, "/v3/files?path="+f.Filename, auth(who), nil).Want(t, http.StatusOK)
		e.Get(t, thumbnail, auth(who)).Want(t, http.StatusNotFound).WantBody(t, tdNotFound)
	}
	f := tdUpload(t, e, tdAssets+"?expiration=1", who, samples.PNG(320, 240, 1))
	harness.Eventually(t, harness.Limit, func() error {
		if got := e.Get(t, "/v3/files?path="+f.Thumbnail, auth(who)); got.Status != http.StatusNotFound {
			return fmt.Errorf("the thumbnail of an asset that has expired is %d", got.Status)
		}
		return nil
	})
}

// tiledeskDeleteRights: who sent a file may delete it, and an admin of its project; nobody else.
func tiledeskDeleteRights(t *testing.T, e *env) {
	guest, sender := unique(), unique()
	f := tdUpload(t, e, tdChat, e.Guest(guest), samples.Text(500, 1))
	for _, x := range []struct {
		who    string
		auth   http.Header
		status int
	}{
		{"nobody", auth(""), 401},
		{"another visitor", auth(e.Guest(unique())), 403},
		{"a supervisor of the project", auth(tdUser(e, "supervisor")), 403},
		{"an owner of another project", auth(e.Token(claims{Sub: unique(), Roles: map[string]string{"project/" + project2: "owner"}})), 403},
		{"a bot of the project", auth(asJWT(e.Bot("bot1"))), 403},
		{"a key that may read", auth(e.Key("read")), 403},
		{"another tenant's owner", auth(e.Token(claims{Sub: unique(), Tenant: globex, Roles: map[string]string{"tenant/" + globex: "owner"}})), 404},
		{"another tenant's key", auth(e.Key("globex")), 404},
		{"the visitor", auth(e.Guest(guest)), 200},
		{"an admin of the project", auth(tdUser(e, "admin")), 200},
		{"an owner of the project", auth(tdUser(e, "owner")), 200},
		{"a key that may write", auth(e.Key("write")), 200},
	} {
		if r := e.Do(t, http.MethodDelete, tdAt("/v3/files", f.path), x.auth, nil); r.Status != x.status {
			t.Fatalf("%s: %d %s, want %d", x.who, r.Status, r.Body, x.status)
		}
		if x.status == http.StatusOK {
			e.Get(t, tdAt("/v3/files", f.path), auth(e.Guest(guest))).Want(t, http.StatusNotFound)
			f = tdUpload(t, e, tdChat, e.Guest(guest), samples.Text(500, 1))
		}
	}
	e.Get(t, tdAt("/v3/files", f.path), auth(e.Guest(guest))).Want(t, http.StatusOK)
	// A photo is its owner's: an admin of a project they share may not take it away, an admin of the tenant may.
	photo := tdUpload(t, e, tdPhoto, e.Token(claims{Sub: sender, Roles: map[string]string{"project/" + project1: "agent"}}), samples.PNG(64, 48, 1))
	e.Do(t, http.MethodDelete, tdAt("/v3/files", photo.path), auth(tdUser(e, "owner")), nil).Want(t, http.StatusForbidden)
	root := e.Token(claims{Sub: unique(), Roles: map[string]string{"tenant/" + acme: "admin"}})
	e.Do(t, http.MethodDelete, tdAt("/v3/files", photo.path), auth(root), nil).Want(t, http.StatusOK)
}
