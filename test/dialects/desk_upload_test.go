package dialects

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the checksum that S3 shows
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

var deskUploadRows = []row{
	{"TW-01", func(t *testing.T, e *env) {
		const body = `{"type": "attachment", "filename": "a.png", "mimeType": "image/png", "disposition": "attachment"}`
		for _, prefix := range []string{"/desk/api/v2", "/v2"} {
			h := auth(e.Key("root"))
			resp := e.JSON(t, prefix+"/files/ref.json", h, body).Want(t, http.StatusCreated)
			var ref deskRef
			resp.Decode(t, &ref)
			for _, id := range []string{ref.File.ID.String() + ".json", ref.File.ID.String(), resp.FileID(t) + ".json", "file_" + resp.FileID(t)} {
				e.Get(t, prefix+"/files/"+id, h).Want(t, http.StatusOK)
			}
			e.Get(t, prefix+"/files.json", h).Want(t, http.StatusOK)
			deskError(t, e.JSON(t, prefix+"/files/ref.json", auth(""), body), http.StatusUnauthorized, "unauthorized")
			deskError(t, e.Get(t, prefix+"/nothing", h), http.StatusNotFound, "not_found")
			deskError(t, e.Do(t, http.MethodDelete, prefix+"/files/"+ref.File.ID.String()+".json", h, nil), http.StatusMethodNotAllowed, "method_not_allowed")
			for _, id := range []string{"0.json", "-1.json", "+1.json", "1e3.json", "9007199254740993.json", ".json", "ref.json", "..%2Fref.json"} {
				deskError(t, e.Get(t, prefix+"/files/"+id, h), http.StatusNotFound, "not_found")
			}
		}
	}},
	{"TW-02", func(t *testing.T, e *env) {
		s := samples.JPEG(320, 240, 21)
		ref := deskAnnounce(t, e, s)
		deskError(t, ref.finish(t, e), http.StatusBadRequest, "not_received")
		e.Get(t, "/v1/files/"+ref.ULID, auth(e.Key("root"))).Want(t, http.StatusNotFound) // it does not exist yet
		ref.post(t, e, s).Want(t, http.StatusCreated)
		deskRefused(t, ref.post(t, e, s), http.StatusForbidden, "AccessDenied")
		e.Get(t, "/v1/files/"+ref.ULID, auth(e.Key("root"))).Want(t, http.StatusNotFound)
		ref.finish(t, e).Want(t, http.StatusOK)
		deskRefused(t, ref.post(t, e, samples.JPEG(320, 240, 22)), http.StatusForbidden, "AccessDenied")
		got := e.Get(t, "/v1/files/"+ref.ULID+"/download", auth(e.Key("root"))).Want(t, http.StatusOK)
		if !bytes.Equal(got.Body, s.Data) {
			t.Errorf("downloaded %d bytes of %d", len(got.Body), len(s.Data))
		}
		events, err := e.Events.Wait(harness.Context(t), ref.ULID, event.Stored, event.Verified)
		if err != nil || events[0].Data.File.Via != "desk" || events[0].Data.File.Class != "attachment" {
			t.Errorf("%+v, %v", events, err)
		}
	}},
	{"TW-03", func(t *testing.T, e *env) {
		for name, body := range map[string]string{
			"as the vendor's page has it": `{"type": "attachment", "filename": "the_file_name.jpeg", "mimeType": "image/jpeg", "disposition": "attachment"}`,
			"the least":                   `{"filename": "the_file_name.jpeg", "mimeType": "image/jpeg"}`,
			"as the SDK sends it": `{"params":{"Content-Type":"","bucket":"","key":"","policy":"","success_action_status":"","x-amz-algorithm":"","x-amz-credential":"","x-amz-date":"","x-amz-signature":""},` +
				`"file":{"id":0,"type":"attachment","createdAt":"0001-01-01T00:00:00Z","createdBy":{"id":0,"type":""},"state":"","mimeType":"image/jpeg","filename":"the_file_name.jpeg","disposition":"attachment"},"url":""}`,
			"the other name of the name": `{"file":{"fileName":"the_file_name.jpeg","mimeType":"image/jpeg"}}`,
			"names without case":         `{"FILENAME":"the_file_name.jpeg","mimetype":"image/jpeg","Type":"attachment"}`,
			"unknown members":            `{"filename":"the_file_name.jpeg","mimeType":"image/jpeg","size":12,"state":"active","tenant":"globex","id":7}`,
			"an alias of the type":       `{"filename":"the_file_name.jpeg","mimeType":"image/jpg"}`,
			"parameters of the type":     `{"filename":"the_file_name.jpeg","mimeType":"IMAGE/jpeg; q=1"}`,
		} {
			f := deskAnnounceAs(t, e, e.Key("root"), body).File
			if f.Filename != "the_file_name.jpeg" || f.MimeType != "image/jpeg" || f.Type != "attachment" || f.Disposition != "attachment" || f.Size != 0 || f.State != "temp" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}},
	{"TW-04", func(t *testing.T, e *env) {
		s := samples.Text(100, 4)
		for _, authorization := range []string{"", "Bearer nonsense", e.Key("globex")} { // the policy is the only credential
			ref := deskAnnounce(t, e, s)
			if ref.URL != e.Base()+"/desk/uploads/" {
				t.Errorf("url is %s", ref.URL)
			}
			e.Send(t, ref.URL, auth(authorization), ref.form(s)).Want(t, http.StatusCreated)
		}
		deskRefused(t, e.Get(t, "/desk/uploads/", nil), http.StatusMethodNotAllowed, "MethodNotAllowed")
	}},
	{"TW-05", func(t *testing.T, e *env) {
		p := deskAnnounce(t, e, samples.JPEG(32, 24, 5)).Params
		want := []string{"Content-Type", "bucket", "key", "policy", "success_action_status", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
		if names := slices.Sorted(maps.Keys(p)); !slices.Equal(names, want) {
			t.Errorf("params %q", names)
		}
		if p["Content-Type"] != "image/jpeg" || p["success_action_status"] != "201" || p["x-amz-algorithm"] != "AWS4-HMAC-SHA256" {
			t.Errorf("params %q", p)
		}
		text, err := base64.StdEncoding.DecodeString(p["policy"])
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Expiration time.Time
			Conditions [][]any
		}
		if err := json.Unmarshal(text, &policy); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(policy.Expiration); left > time.Hour || left < 55*time.Minute {
			t.Errorf("the policy ends in %s", left)
		}
		fixed := map[string]string{}
		for _, c := range policy.Conditions {
			if c[0] == "eq" {
				fixed[strings.TrimPrefix(c[1].(string), "$")] = c[2].(string)
			} else if c[0] != "content-length-range" || c[1] != 1.0 {
				t.Errorf("a condition says %v", c)
			}
		}
		delete(p, "policy")
		delete(p, "x-amz-signature")
		if !maps.Equal(fixed, p) {
			t.Errorf("the policy fixes %q, and the form has %q", fixed, p)
		}
	}},
	{"TW-06", func(t *testing.T, e *env) {
		before := time.Now().Add(-time.Second)
		f := deskAnnounce(t, e, samples.JPEG(32, 24, 6)).File
		if n, err := f.ID.Int64(); err != nil || n < 1 || n > 1<<53-1 {
			t.Errorf("id %s: %v", f.ID, err)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000000Z", f.CreatedAt)
		if err != nil || at.Before(before) || at.After(time.Now()) || f.UpdatedAt != f.CreatedAt {
			t.Errorf("createdAt %s, updatedAt %s, %v", f.CreatedAt, f.UpdatedAt, err)
		}
		if f.Size != 0 || f.State != "temp" || f.CreatedBy.Type != "users" || f.CreatedBy.ID < 1 || f.UpdatedBy != f.CreatedBy || f.FileName != f.Filename {
			t.Errorf("file %+v", f)
		}
	}},
	{"TW-07", testDeskTampering},
	{"TW-10", testDeskForms},
	{"TW-11", func(t *testing.T, e *env) {
		s := samples.PNG(320, 240, 11)
		ref := deskAnnounce(t, e, s)
		resp := ref.post(t, e, s).Want(t, http.StatusCreated)
		sum := md5.Sum(s.Data) //nolint:gosec // as above
		etag := `"` + hex.EncodeToString(sum[:]) + `"`
		bucket, key := ref.Params["bucket"], ref.Params["key"]
		resp.WantBody(t, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<PostResponse><Bucket>"+bucket+"</Bucket><Key>"+key+"</Key><ETag>"+etag+
			"</ETag><Location>/"+bucket+"/"+key+"</Location></PostResponse>")
		if resp.Header.Get("ETag") != etag || resp.Header.Get("Location") != "/"+bucket+"/"+key || resp.Header.Get("Content-Type") != "application/xml" || resp.FileID(t) != ref.ULID {
			t.Errorf("headers %v", resp.Header)
		}
		var parsed struct{ ETag string }
		if err := xml.Unmarshal(resp.Body, &parsed); err != nil || parsed.ETag != etag {
			t.Errorf("%+v, %v", parsed, err)
		}
	}},
	{"TW-12", func(t *testing.T, e *env) {
		s := samples.Text(200, 12)
		ref := deskAnnounce(t, e, s)
		f := ref.form(s)
		body := f.Bytes()
		h := headers("Content-Type", f.Type(), "Content-Length", fmt.Sprint(len(body)), "Cache-Control", "no-cache", "X-Stray", "", "X-Amz-Acl", "public-read")
		e.Raw(t, deskRequest(e, ref.URL, h, string(body))).Want(t, http.StatusCreated)
	}},
	{"TW-20", func(t *testing.T, e *env) {
		s := samples.Text(300, 20)
		for _, step := range [][2]string{
			{http.MethodPatch, ""}, {http.MethodPut, "{}"}, {http.MethodPatch, "no JSON"},
			{http.MethodPut, `{"file":{"id":1,"filename":"other.txt","size":9,"state":"deleted","createdBy":{"id":9}}}`},
		} {
			method, body := step[0], []byte(step[1])
			ref := deskAnnounce(t, e, s)
			path := strings.TrimPrefix(ref.File.path(), "/desk/api")
			h := auth(e.Key("root"), "Content-Type", "application/json")
			deskError(t, e.Do(t, method, path, h, body), http.StatusBadRequest, "not_received")
			ref.post(t, e, s).Want(t, http.StatusCreated)
			first := deskFileOf(t, e.Do(t, method, path, h, body).Want(t, http.StatusOK))
			again := deskFileOf(t, e.Do(t, method, path, h, body).Want(t, http.StatusOK))
			first.ProxyKey, first.DownloadURL, first.URL = again.ProxyKey, again.DownloadURL, again.URL
			if first != again || first.Filename != s.Name || first.Size != 300 || first.State != "active" {
				t.Errorf("%s %q: %+v, and again %+v", method, body, first, again)
			}
		}
		var all sync.WaitGroup // at once
		ref := deskAnnounce(t, e, s)
		ref.post(t, e, s).Want(t, http.StatusCreated)
		for range 4 {
			all.Go(func() {
				if r := ref.finish(t, e); r.Status != http.StatusOK {
					t.Errorf("%d %s", r.Status, r.excerpt())
				}
			})
		}
		all.Wait()
	}},
	{"TW-21", func(t *testing.T, e *env) {
		s := samples.JPEG(320, 240, 21)
		ref, f := deskStored(t, e, s)
		if f.Size != len(s.Data) || f.URL == nil || *f.URL != "" || f.State != "active" || f.CreatedAt != ref.File.CreatedAt || f.UpdatedAt != f.CreatedAt || f.ID != ref.File.ID {
			t.Errorf("file %+v", f)
		}
	}},
	{"TW-42", func(t *testing.T, e *env) {
		resp := e.JSON(t, deskRefs, auth(e.Key("root")), `{"filename": "a.png", "mimeType": "image/png"}`).Want(t, http.StatusCreated)
		if names := deskMembers(t, resp.Body); !slices.Equal(names, []string{"file", "params", "url"}) {
			t.Errorf("members %q", names)
		}
	}},
	{"TW-43", func(t *testing.T, e *env) {
		long := strings.Repeat("n", 256) + ".png"
		for body, codes := range map[string][]string{
			``:     {"invalid_json"},
			`[]`:   {"invalid_json"},
			`{`:    {"invalid_json"},
			`{}{}`: {"invalid_json"},
			`{"filename": 7, "mimeType": "image/png"}`:                  {"invalid_json"},
			`{"file": "a.png"}`:                                         {"invalid_json"},
			`{"filename": "a.png", "mimeType": "image/png", "type": 5}`: {"invalid_json"},
			`{"filename": "` + strings.Repeat("n", 70<<10) + `"}`:       {"invalid_json"},
			`{}`:                      {"filename_missing", "mime_type_missing"},
			`{"file": {}}`:            {"filename_missing", "mime_type_missing"},
			`{"filename": "a.png"}`:   {"mime_type_missing"},
			`{"mimeType": "image/*"}`: {"filename_missing", "mime_type_invalid"},
			`{"filename": "../a.png", "mimeType": "image/png"}`:                                                         {"filename_invalid"},
			`{"filename": "a\u0000.png", "mimeType": "image"}`:                                                          {"filename_invalid", "mime_type_invalid"},
			`{"filename": "` + long + `", "mimeType": "image/png"}`:                                                     {"filename_invalid"},
			`{"filename": "a.png", "mimeType": "image/png", "disposition": "inline"}`:                                   {"disposition_invalid"},
			`{"filename": "a.exe", "mimeType": "application/octet-stream"}`:                                             {"unsupported_file_type"},
			`{"filename": "a.png", "mimeType": "text/html"}`:                                                            {"type_mismatch"},
			`{"filename": "a.png", "mimeType": "image/png", "type": "` + strings.Repeat("t", 256) + `"}`:                {"invalid_request"},
			`{"params": {}, "file": {"filename": "a/b", "mimeType": "", "disposition": "x"}, "url": "http://url.test"}`: {"filename_invalid", "mime_type_missing", "disposition_invalid"},
		} {
			deskError(t, e.JSON(t, deskRefs, auth(e.Key("root")), body), http.StatusBadRequest, codes...)
		}
	}},
}

// testDeskTampering changes, leaves out and adds each field of a form, and then sends it as it was given.
func testDeskTampering(t *testing.T, e *env) {
	s := samples.PNG(64, 48, 7)
	ref, other := deskAnnounce(t, e, s), deskAnnounce(t, e, s)
	send := func(what string, change func(map[string]string)) {
		t.Helper()
		bad := deskRef{URL: ref.URL, Params: maps.Clone(ref.Params)}
		change(bad.Params)
		resp := bad.post(t, e, s)
		if resp.Status != http.StatusForbidden && resp.Status != http.StatusBadRequest || !bytes.Contains(resp.Body, []byte("<Error><Code>")) {
			t.Errorf("%s: %d %s", what, resp.Status, resp.excerpt())
		}
	}
	for name, value := range ref.Params {
		send(name+" changed", func(p map[string]string) {
			changed := []byte(value)
			changed[len(changed)-2] ^= 1
			p[name] = string(changed)
		})
		send(name+" longer", func(p map[string]string) { p[name] = value + " " })
		send(name+" empty", func(p map[string]string) { p[name] = " " })
		if name != "bucket" { // its condition is judged against our own bucket
			send(name+" left out", func(p map[string]string) { delete(p, name) })
		}
		send(name+" twice", func(p map[string]string) { p[strings.ToUpper(name)] = value })
	}
	for name, value := range map[string]string{
		"acl": "public-read", "success_action_redirect": "https://evil.test/", "x-amz-meta-a": "b", "x-amz-security-token": "t", "Content-Disposition": "inline",
	} {
		send(name+" added", func(p map[string]string) { p[name] = value })
	}
	send("the key of another upload", func(p map[string]string) { p["key"] = other.Params["key"] })
	send("another policy", func(p map[string]string) { p["policy"] = other.Params["policy"] })
	send("no conditions", func(p map[string]string) {
		p["policy"] = base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2099-01-01T00:00:00Z","conditions":[]}`))
	})
	for _, r := range []deskRef{ref, other} {
		if f := r.get(t, e); f.State != "temp" || f.Size != 0 {
			t.Errorf("file %+v", f)
		}
		r.post(t, e, s).Want(t, http.StatusCreated)
	}
}

// testDeskForms sends the forms of the vendor's clients, and forms that are no good.
func testDeskForms(t *testing.T, e *env) {
	s := samples.JPEG(64, 48, 10)
	scripted := []string{"Content-Type", "key", "policy", "success_action_status", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
	fill := func(f *form, r deskRef, names ...string) *form {
		for _, name := range names {
			f.Field(name, r.Params[name])
		}
		return f
	}
	for name, build := range map[string]func(deskRef) *form{
		"the vendor's curl":   func(r deskRef) *form { return fill(fill(newForm(), r, scripted...).File("file", s), r, "bucket") },
		"the vendor's script": func(r deskRef) *form { return fill(fill(newForm(), r, scripted...), r, "bucket").File("file", s) },
		"no bucket at all":    func(r deskRef) *form { return fill(newForm(), r, scripted...).File("file", s) },
		"fields behind the file": func(r deskRef) *form {
			return fill(newForm(), r, scripted...).File("file", s).Field("bucket", "other").Field("key", "other").Field("key", "x").Field("acl", "public-read").File("file", samples.Text(9, 1))
		},
		"another name and type of the file": func(r deskRef) *form {
			return fill(newForm(), r, scripted...).File("file", samples.Sample{Name: "../../evil.html", Type: "text/html", Data: s.Data})
		},
		"fields to ignore": func(r deskRef) *form {
			return fill(newForm().Field("x-ignore-a", "b"), r, scripted...).File("file", s)
		},
	} {
		ref := deskAnnounce(t, e, s)
		if resp := e.Send(t, ref.URL, headers(), build(ref)); resp.Status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, resp.Status, resp.excerpt())
			continue
		}
		if f := deskFileOf(t, ref.finish(t, e).Want(t, http.StatusOK)); f.Filename != s.Name || f.Size != len(s.Data) || f.MimeType != s.Type {
			t.Errorf("%s: %+v", name, f)
		}
	}

	ref := deskAnnounce(t, e, s)
	deskRefused(t, e.Send(t, ref.URL, headers(), fill(newForm(), ref, scripted...)), 400, "IncorrectNumberOfFilesInPostRequest")
	deskRefused(t, e.Send(t, ref.URL, headers(), fill(newForm(), ref, scripted...).File("upload", s)), 400, "IncorrectNumberOfFilesInPostRequest")
	deskRefused(t, e.Send(t, ref.URL, headers(), fill(newForm().File("file", s), ref, scripted...)), 400, "InvalidArgument") // fields behind the file do not count
	deskRefused(t, e.JSON(t, ref.URL, headers(), "{}"), 400, "MalformedPOSTRequest")
	deskRefused(t, e.Send(t, ref.URL, headers(), ref.form(samples.Sample{Name: s.Name, Type: s.Type})), 400, "EntityTooSmall")
	deskRefused(t, e.Send(t, ref.URL, headers(), ref.form(samples.HTMLAsJPEG())), 403, "AccessDenied")
	f := ref.form(s)
	whole := f.Bytes()
	cut := e.Do(t, http.MethodPost, ref.URL, headers("Content-Type", f.Type()), whole[:len(whole)-20])
	deskRefused(t, cut, 400, "IncompleteBody")
	if got := ref.get(t, e); got.State != "temp" || got.Size != 0 {
		t.Errorf("after all that: %+v", got)
	}
	chunked := "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(whole), whole)
	request := strings.TrimSuffix(deskRequest(e, ref.URL, headers("Content-Type", f.Type()), ""), "\r\n")
	e.Raw(t, request+chunked).Want(t, http.StatusCreated)

	testDeskLimits(t, e)
}

// testDeskLimits fills a small tenant.
func testDeskLimits(t *testing.T, e *env) {
	key := e.Key("small-desk")
	text := func(size int) samples.Sample { return samples.Text(size, 10) }
	announce := func() deskRef {
		return deskAnnounceAs(t, e, key, `{"filename": "notes.txt", "mimeType": "text/plain"}`)
	}
	ref := announce()
	deskRefused(t, ref.post(t, e, text(smallFile+1)), 400, "EntityTooLarge")
	f := ref.form(text(2 * smallFile))
	part := f.Bytes()[:smallFile+50_000]
	h := headers("Content-Type", f.Type(), "Content-Length", "900000")
	deskRefused(t, e.Raw(t, deskRequest(e, ref.URL, h, string(part))), 400, "EntityTooLarge") // with most of it still to come
	ref.post(t, e, text(smallFile)).Want(t, http.StatusCreated)
	next, last := announce(), announce()
	next.post(t, e, text(smallStorage-smallFile-10)).Want(t, http.StatusCreated)
	deskRefused(t, last.post(t, e, text(11)), 403, "QuotaExceeded")
	last.post(t, e, text(10)).Want(t, http.StatusCreated)
	deskError(t, e.JSON(t, deskRefs, auth(key), `{"filename": "a.txt", "mimeType": "text/plain"}`), http.StatusInsufficientStorage, "storage_limit_exceeded")
}
