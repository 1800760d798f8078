package dialects

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image"
	"net/http"
	"strconv"
	"strings"
	"testing"

	_ "golang.org/x/image/webp" // decoder of what TG-91 asks for

	"github.com/inlethq/inlet/test/samples"
)

// tagdPlan announces files of just the largest size that a plan allows, and of one byte more, without sending them.
func tagdPlan(t *testing.T, e *env, key string, limit int64, text string) {
	announce := func(size int64) Response {
		return e.Raw(t, "POST "+tagdTag()+" HTTP/1.1\r\nHost: "+e.Host()+"\r\nX-API-Key: "+keyText(key)+"\r\nContent-Type: application/pdf\r\n"+
			"Content-Disposition: attachment; filename=a.pdf\r\nExpect: 100-continue\r\nContent-Length: "+strconv.FormatInt(size, 10)+"\r\n\r\n")
	}
	announce(limit).Want(t, http.StatusContinue)
	tagdWantError(t, announce(limit+1), http.StatusBadRequest, "file_too_large", "File exceeds maximum size of "+text)
}

// tagdTakes uploads files, each of which must be taken and found to be what it says.
func tagdTakes(t *testing.T, e *env, all []samples.Sample) {
	route := tagdTag()
	for _, s := range all {
		if f := tagdUpload(t, e, route, s); f.MimeType != s.Type || f.State != "ready" {
			t.Errorf("%s is %s, %s; want %s", s.Name, f.MimeType, f.State, s.Type)
		}
	}
}

// tagdRefuses uploads a text under each extension, none of which may be taken.
func tagdRefuses(t *testing.T, e *env, extensions ...string) {
	route := tagdTag()
	for _, ext := range extensions {
		for _, name := range []string{"a." + ext, "a." + strings.ToUpper(ext), "a.pdf." + ext} {
			r := e.Send(t, route, auth(e.Key("rw")), newForm().File("file", named(tagdNote(), name)))
			tagdWantError(t, r, http.StatusUnsupportedMediaType, "unsupported_file_type", "File type ."+ext+" is not allowed")
		}
	}
	if p := tagdPage(t, e, "read", route, "state=ready,pending,rejected,failed"); p.Pagination.Total != 0 {
		t.Errorf("%d files are listed", p.Pagination.Total)
	}
}

// tagdOffice is a document of old Office, as far as its container goes.
func tagdOffice(name, mediaType string) samples.Sample {
	return samples.Sample{Name: name, Type: mediaType, Data: append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 2040)...)}
}

func tagdDocuments() []samples.Sample {
	return []samples.Sample{
		samples.PDF("A page."),
		tagdOffice("a.doc", "application/msword"), samples.Docx("Dear all,"),
		tagdOffice("a.xls", "application/vnd.ms-excel"), samples.Xlsx(),
		tagdOffice("a.ppt", "application/vnd.ms-powerpoint"),
		{Name: "a.pptx", Type: "application/vnd.openxmlformats-officedocument.presentationml.presentation", Data: tagdZip(
			"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
			"ppt/presentation.xml", `<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"/>`)},
		tagdNote(),
		{Name: "a.rtf", Type: "application/rtf", Data: []byte(`{\rtf1\ansi Hello.\par}`)},
	}
}

func tagdPictures() []samples.Sample {
	return []samples.Sample{
		named(samples.JPEG(64, 48, 1), "a.jpg"), named(samples.JPEG(64, 48, 2), "a.jpeg"), samples.PNG(64, 48, 1), samples.GIF(64, 48, 2, 1), samples.WebP(), samples.SVG(),
	}
}

func tagdData() []samples.Sample {
	return []samples.Sample{samples.CSV(10, 1), samples.JSON(5, 1), {Name: "a.xml", Type: "application/xml", Data: []byte(`<?xml version="1.0"?><a><b>1</b></a>`)}}
}

// tagdZip is an archive of files, which are given by name and text in turn.
func tagdZip(pairs ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		must(err)
		_, err = f.Write([]byte(pairs[i+1]))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// tagdRAR is an empty archive in the format of RAR 5.
const tagdRAR = "Rar!\x1a\x07\x01\x00\x33\x92\xb5\xe5\x0a\x01\x05\x06\x00\x05\x01\x01\x80\x80\x00\x1d\x77\x56\x51\x03\x05\x04\x00"

// Scripts are refused by themselves and taken in archives.
func tagdArchives(t *testing.T, e *env) {
	scripts := tagdZip("a.js", "alert(1)", "a.py", "print(1)", "a.rb", "puts 1", "run.sh", "#!/bin/sh\necho 1\n")
	tagdTakes(t, e, []samples.Sample{
		samples.Zip(), {Name: "scripts.zip", Type: "application/zip", Data: scripts}, {Name: "a.rar", Type: "application/vnd.rar", Data: []byte(tagdRAR)},
	})
	tagdRefuses(t, e, "js", "py", "rb")
}

// tagdPicture checks that an answer is a picture, and served as what it is.
func tagdPicture(t *testing.T, r Response, format string, width, height int) {
	t.Helper()
	r.Want(t, http.StatusOK)
	c, got, err := image.DecodeConfig(bytes.NewReader(r.Body))
	if err != nil || got != format || c.Width != width || c.Height != height || r.Header.Get("Content-Type") != "image/"+format {
		t.Errorf("%s is a %s of %dx%d served as %s, want a %s of %dx%d: %v", r.request, got, c.Width, c.Height, r.Header.Get("Content-Type"), format, width, height, err)
	}
}

func tagdThumbnail(t *testing.T, e *env) {
	f := tagdUpload(t, e, tagdTag(), samples.PNG(640, 480, 1))
	h := auth(e.Key("read"))
	path := "/v1/files/" + f.ID + "/thumbnail"
	tagdPicture(t, e.Get(t, path+"?width=200&height=200", h), "png", 200, 200)
	tagdPicture(t, e.Get(t, path, h), "png", 200, 200)
	for _, query := range []string{"width=0", "width=4097", "width=99999", "width=-1", "width=x", "height=0", "height=1e9"} {
		e.Get(t, path+"?"+query, h).Want(t, http.StatusBadRequest)
	}
	note := tagdUpload(t, e, tagdTag(), tagdNote())
	e.Get(t, "/v1/files/"+note.ID+"/thumbnail?width=200&height=200", h).Want(t, http.StatusNotFound)
	e.Get(t, path, auth(e.Key("write"))).Want(t, http.StatusForbidden)
	e.Get(t, path, auth(e.Key("globex"))).Want(t, http.StatusNotFound)
}

func tagdTransform(t *testing.T, e *env) {
	f := tagdUpload(t, e, tagdTag(), samples.PNG(1200, 900, 1))
	h := auth(e.Key("read"))
	path := "/v1/files/" + f.ID + "/download"
	tagdPicture(t, e.Get(t, path+"?width=800&quality=80&format=webp", h), "webp", 800, 600)
	tagdPicture(t, e.Get(t, path+"?height=300&format=jpeg", h), "jpeg", 400, 300)
	tagdPicture(t, e.Get(t, path+"?width=4000&format=jpeg", h), "jpeg", 1200, 900) // never enlarged
	for _, query := range []string{
		"width=0", "width=4097", "width=99999", "width=-1", "width=x", "height=0", "quality=0", "quality=101", "quality=x", "format=exe", "format=svg", "format=../webp",
	} {
		e.Get(t, path+"?"+query, h).Want(t, http.StatusBadRequest)
	}
	e.Get(t, path+"?width=800&quality=80&format=webp", auth(e.Key("globex"))).Want(t, http.StatusNotFound)
}

// tagdLimits uses up the storage of a tenant of its own.
func tagdLimits(t *testing.T, e *env) {
	route, h := tagdTag(), auth(e.Key("small-native"))
	send := func(size int, seed uint64) Response {
		t.Helper()
		return e.Send(t, route, h, newForm().File("file", samples.Text(size, seed)))
	}
	tooLarge := "File exceeds maximum size of " + strconv.Itoa(smallFile) + " bytes" // plans count in MB: see TG-70
	tagdWantError(t, send(smallFile+1, 1), http.StatusBadRequest, "file_too_large", tooLarge)
	endless := tagdRemote(t, tagdEndless)
	tagdWantError(t, e.JSON(t, route+"/from-url", h, tagdURL(endless+"/a.txt")), http.StatusBadRequest, "file_too_large", tooLarge)

	const full = "Account storage limit exceeded"
	first := tagdFile(t, send(smallFile, 1).Want(t, http.StatusCreated))
	send(smallStorage-smallFile, 2).Want(t, http.StatusCreated)
	tagdWantError(t, send(1, 3), http.StatusInsufficientStorage, "storage_limit_exceeded", full)
	note := tagdRemote(t, tagdServe(tagdNote()))
	tagdWantError(t, e.JSON(t, route+"/from-url", h, tagdURL(note+"/a.txt")), http.StatusInsufficientStorage, "storage_limit_exceeded", full)
	tagdWantError(t, e.JSON(t, route+"/from-url", h, `{"url":"`+note+`/a.txt","wait":false}`), http.StatusInsufficientStorage, "storage_limit_exceeded", full)
	if p := tagdPage(t, e, "small-native", route, "state=ready,pending,rejected,failed"); p.Pagination.Total != 2 {
		t.Errorf("%d files are listed", p.Pagination.Total)
	}
	e.Do(t, http.MethodDelete, "/v1/files/"+first.ID, h, nil).Want(t, http.StatusOK)
	send(smallFile, 4).Want(t, http.StatusCreated) // what was deleted is free again
}

func tagdTypes(t *testing.T, e *env) {
	h := auth(e.Key("rw"))
	for name, ext := range map[string]string{"program.exe": ".exe", "page.html": ".html", "song.mp3": ".mp3", "noextension": "unknown"} {
		r := e.Send(t, tagdTag(), h, newForm().File("file", named(tagdNote(), name)))
		tagdWantError(t, r, http.StatusUnsupportedMediaType, "unsupported_file_type", "File type "+ext+" is not allowed")
	}
	for _, s := range []samples.Sample{
		samples.HTMLAsJPEG(), samples.ELFAsText(), named(samples.PNG(20, 10, 1), "a.pdf"), {Name: "a.jpg", Data: []byte("MZ\x90\x00\x03\x00\x00\x00")},
	} {
		if code := tagdCode(t, e.Send(t, tagdTag(), h, newForm().File("file", s)).Want(t, http.StatusUnsupportedMediaType)); code != "type_mismatch" {
			t.Errorf("%s: %s", s.Name, code)
		}
	}
}

// tagdErrors shows the one form of all errors, and the rates that stand before most.
func tagdErrors(t *testing.T, e *env) {
	for target, code := range map[string]string{"/v1/nothing": "not_found", "/v1/tags": "not_found", "/v1/files/a%2Fb": "not_found"} {
		if got := tagdCode(t, e.Get(t, target, auth(e.Key("rw"))).Want(t, http.StatusNotFound)); got != code {
			t.Errorf("%s: %s", target, got)
		}
	}
	if got := tagdCode(t, e.Do(t, http.MethodPut, "/v1/files", auth(e.Key("rw")), nil).Want(t, http.StatusMethodNotAllowed)); got != "method_not_allowed" {
		t.Errorf("PUT: %s", got)
	}
	if got := tagdCode(t, e.Get(t, "/v1/files", headers()).Want(t, http.StatusUnauthorized)); got != "unauthorized" {
		t.Errorf("nobody: %s", got)
	}
	tagdRate(t, e)
}

// tagdRate makes requests until the key's plan allows no more of them.
func tagdRate(t *testing.T, e *env) {
	const perMinute = 60 // of the plan pro
	for n := range 2*perMinute + 1 {
		r := e.Get(t, "/v1/files", auth(e.Key("pro-rate")))
		limit, remaining, err := tagdRates(r.Header)
		if err != nil || limit != perMinute || remaining < 0 || remaining >= perMinute {
			t.Fatalf("request %d: %d of %d remain, %v", n+1, remaining, limit, err)
		}
		if r.Status == http.StatusOK {
			continue
		}
		after, err := strconv.Atoi(r.Header.Get("Retry-After"))
		if err != nil || after < 1 || after > 60 || remaining != 0 || n < perMinute {
			t.Errorf("request %d is refused for %d seconds, with %d that remain: %v", n+1, after, remaining, err)
		}
		r.Want(t, http.StatusTooManyRequests).WantBody(t, fmt.Sprintf(
			`{"success":false,"error":{"code":"rate_limit_exceeded","message":"Rate limit exceeded. Retry after %d seconds.","retry_after":%d}}`, after, after))
		return
	}
	t.Error("every request passed")
}

// tagdRates reads the headers about rates.
func tagdRates(h http.Header) (limit, remaining int, err error) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	_, err3 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	return limit, remaining, errors.Join(err1, err2, err3)
}
