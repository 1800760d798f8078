package dialects

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// nativeRows are the rows of tagd-ai's checklist.
var nativeRows = []row{
	{"TG-01 TG-02", tagdUploads},
	{"TG-03 TG-04", tagdNames},
	{"TG-05", tagdCredentials},
	{"TG-06", tagdCreated},
	{"TG-10", tagdFromURL},
	{"TG-11", tagdFromURLBody},
	{"TG-20 TG-23", tagdList},
	{"TG-21 TG-22 TG-24", tagdPages},
	{"TG-30 TG-31", tagdMetadata},
	{"TG-40 TG-41", tagdDownload},
	{"TG-50 TG-51", tagdPatch},
	{"TG-60 TG-61", tagdDelete},
	{"TG-70", func(t *testing.T, e *env) { tagdPlan(t, e, "pro", 100_000_000, "100MB") }},
	{"TG-71", func(t *testing.T, e *env) { tagdPlan(t, e, "enterprise", 500_000_000, "500MB") }},
	{"TG-80", func(t *testing.T, e *env) { tagdTakes(t, e, tagdDocuments()) }},
	{"TG-81", func(t *testing.T, e *env) { tagdTakes(t, e, tagdPictures()) }},
	{"TG-82 TG-85", tagdArchives},
	{"TG-83", func(t *testing.T, e *env) { tagdTakes(t, e, tagdData()) }},
	{"TG-84", func(t *testing.T, e *env) { tagdRefuses(t, e, "exe", "app", "sh") }},
	{"TG-90", tagdThumbnail},
	{"TG-91", tagdTransform},
	{"TG-95 TG-97", tagdLimits},
	{"TG-96", tagdTypes},
	{"TG-98", tagdErrors},
}

// tagdTag is the route of the files of a tag that nobody else uses.
func tagdTag() string { return "/v1/tags/" + unique() + "/files" }

// tagdFile is the file that an answer tells of.
func tagdFile(t *testing.T, r Response) api.File {
	t.Helper()
	var body struct {
		Success bool     `json:"success"`
		Data    api.File `json:"data"`
	}
	r.Decode(t, &body)
	if !body.Success || body.Data.ID != "file_"+r.FileID(t) {
		t.Errorf("%s (%d) says\n%s", r.request, r.Status, r.excerpt())
	}
	return body.Data
}

// tagdUpload uploads a sample, which must be taken.
func tagdUpload(t *testing.T, e *env, route string, s samples.Sample) api.File {
	t.Helper()
	return tagdFile(t, e.Send(t, route, auth(e.Key("rw")), newForm().File("file", s)).Want(t, http.StatusCreated))
}

// tagdWantError checks the whole body of an error.
func tagdWantError(t *testing.T, r Response, status int, code, message string) {
	t.Helper()
	r.Want(t, status).WantBody(t, `{"success":false,"error":{"code":"`+code+`","message":"`+message+`"}}`)
}

// tagdCode is the code of an error.
func tagdCode(t *testing.T, r Response) string {
	t.Helper()
	var body struct {
		Success *bool `json:"success"`
		Error   struct{ Code, Message string }
	}
	r.Decode(t, &body)
	if body.Success == nil || *body.Success || body.Error.Message == "" {
		t.Errorf("%s (%d) says\n%s", r.request, r.Status, r.excerpt())
	}
	return body.Error.Code
}

// tagdNote is a small text.
func tagdNote() samples.Sample { return samples.Text(300, 1) }

func tagdUploads(t *testing.T, e *env) {
	route := tagdTag()
	h := auth(e.Key("rw"))
	tagdUpload(t, e, route, samples.PDF("A page."))
	tagdUpload(t, e, "/v1/files", tagdNote())
	for name, f := range map[string]*form{
		"file_missing":     newForm().Field("name", "a"),
		"unexpected_field": newForm().File("attachment", tagdNote()),
		"invalid_request":  newForm().File("file", tagdNote()).File("file", tagdNote()),
	} {
		if code := tagdCode(t, e.Send(t, route, h, f).Want(t, http.StatusBadRequest)); code != name {
			t.Errorf("%s: the code is %s", name, code)
		}
	}
	if code := tagdCode(t, e.JSON(t, route, h, `{}`).Want(t, http.StatusBadRequest)); code != "filename_missing" {
		t.Errorf("a body without a file: %s", code)
	}
	e.Send(t, "/v1/tags/no%20tag/files", h, newForm().File("file", tagdNote())).Want(t, http.StatusNotFound)
	e.Send(t, "/v1/tags/"+strings.Repeat("a", 129)+"/files", h, newForm().File("file", tagdNote())).Want(t, http.StatusNotFound)
}

func tagdNames(t *testing.T, e *env) {
	h := auth(e.Key("rw"))
	note := named(tagdNote(), "document.txt")
	for name, f := range map[string]*form{
		"before": newForm().Field("name", "User Manual").Field("description", "v2.1").File("file", note),
		"after":  newForm().File("file", note).Field("name", "User Manual").Field("description", "v2.1"),
	} {
		got := tagdFile(t, e.Send(t, tagdTag(), h, f).Want(t, http.StatusCreated))
		if got.Name != "User Manual" || got.OriginalName != "document.txt" || got.Description != "v2.1" {
			t.Errorf("fields %s the file: %+v", name, got)
		}
	}
	if got := tagdUpload(t, e, tagdTag(), note); got.Name != "document.txt" || got.OriginalName != "document.txt" || got.Description != "" {
		t.Errorf("without fields: %+v", got)
	}
	for name, value := range map[string]string{"name": strings.Repeat("a", 256), "description": strings.Repeat("a", 4097)} {
		e.Send(t, tagdTag(), h, newForm().File("file", note).Field(name, value)).Want(t, http.StatusBadRequest)
	}
}

func tagdCredentials(t *testing.T, e *env) {
	route := tagdTag()
	note := func() *form { return newForm().File("file", tagdNote()) }
	f := tagdFile(t, e.Send(t, route, auth(e.Key("rw")), note()).Want(t, http.StatusCreated))
	e.Send(t, route, headers("X-API-Key", keyText("rw")), note()).Want(t, http.StatusCreated)
	download := "/v1/files/" + f.ID + "/download"
	for name, c := range map[string]struct {
		h              http.Header
		upload, read   int
		change, remove int
	}{
		"nobody":          {headers(), 401, 401, 401, 401},
		"unknown key":     {headers("X-API-Key", "tagd_live_"+unique()), 401, 401, 401, 401},
		"unknown bearer":  {auth("Bearer tagd_test_" + unique()), 401, 401, 401, 401},
		"files:read":      {auth(e.Key("read")), 403, 200, 403, 403},
		"files:write":     {auth(e.Key("write")), 201, 403, 200, 0},
		"another tenant":  {auth(e.Key("globex")), 201, 404, 404, 404},
		"no role":         {auth(e.Basic("outsider")), 403, 403, 403, 403},
		"member of all":   {auth(e.Basic("staff")), 201, 200, 200, 403},
		"a token of both": {auth(e.Token(claims{Sub: unique(), Roles: map[string]string{"tenant/" + acme: "member"}})), 201, 200, 200, 403},
	} {
		e.Send(t, route, c.h, note()).Want(t, c.upload)
		r := e.Get(t, download, c.h).Want(t, c.read)
		if r.Status == http.StatusUnauthorized && r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
		e.Do(t, http.MethodPatch, "/v1/files/"+f.ID, c.h, []byte(`{"description":"x"}`)).Want(t, c.change)
		if c.remove != 0 {
			e.Do(t, http.MethodDelete, "/v1/files/"+f.ID, c.h, nil).Want(t, c.remove)
		}
	}
	if page := tagdPage(t, e, "globex", route, ""); page.Pagination.Total != 1 { // its own
		t.Errorf("another tenant sees %d files in its tag of that name", page.Pagination.Total)
	}
	e.Do(t, http.MethodDelete, "/v1/files/"+f.ID, auth(e.Key("write")), nil).Want(t, http.StatusOK) // there is no files:delete
}

func tagdCreated(t *testing.T, e *env) {
	s := samples.PDF("A page.")
	r := e.Send(t, tagdTag(), auth(e.Key("rw")), newForm().File("file", s)).Want(t, http.StatusCreated)
	f := tagdFile(t, r)
	if f.MimeType != s.Type || f.Size != int64(len(s.Data)) || f.CreatedAt.IsZero() || f.State != "ready" {
		t.Errorf("%+v", f)
	}
	if want := e.Base() + "/v1/files/" + f.ID; r.Header.Get("Location") != want {
		t.Errorf("Location is %q", r.Header.Get("Location"))
	}
	if got := e.Get(t, f.URL, auth(e.Key("read"))).Want(t, http.StatusOK); !bytes.Equal(got.Body, s.Data) {
		t.Error("url does not lead to the bytes")
	}
}

// tagdPage reads a list.
func tagdPage(t *testing.T, e *env, key, route, query string) api.Page {
	t.Helper()
	var body struct {
		Data       []api.File `json:"data"`
		Pagination any        `json:"pagination"`
	}
	var p api.Page
	body.Pagination = &p.Pagination
	e.Get(t, route+"?"+query, auth(e.Key(key))).Want(t, http.StatusOK).Decode(t, &body)
	p.Files = body.Data
	return p
}

func tagdList(t *testing.T, e *env) {
	route := tagdTag()
	if p := tagdPage(t, e, "read", route, ""); len(p.Files) != 0 || p.Files == nil || p.Pagination.Total != 0 || p.Pagination.HasMore {
		t.Errorf("a tag that nobody has used: %+v", p)
	}
	first, second := tagdUpload(t, e, route, samples.PDF("A page.")), tagdUpload(t, e, route, samples.PNG(20, 10, 1))
	tagdUpload(t, e, tagdTag(), tagdNote())
	p := tagdPage(t, e, "read", route, "")
	if len(p.Files) != 2 || p.Files[0].ID != first.ID || p.Files[1].ID != second.ID {
		t.Fatalf("listed %+v", p.Files)
	}
	want := first
	want.URL = "" // as little as the description is it in a list
	if !reflect.DeepEqual(p.Files[0], want) {
		t.Errorf("listed\n%+v\nuploaded\n%+v", p.Files[0], first)
	}
	e.Get(t, route, auth(e.Key("write"))).Want(t, http.StatusForbidden)
	e.Get(t, "/v1/tags/no%20tag/files", auth(e.Key("read"))).Want(t, http.StatusNotFound)
}

func tagdPages(t *testing.T, e *env) {
	route := tagdTag()
	var ids []string
	for i := range 5 {
		ids = append(ids, tagdUpload(t, e, route, samples.Text(100, uint64(i))).ID)
	}
	for query, want := range map[string]struct {
		ids           []string
		limit, offset int
		more          bool
	}{
		"":                  {ids, 20, 0, false},
		"limit=2":           {ids[:2], 2, 0, true},
		"limit=2&offset=2":  {ids[2:4], 2, 2, true},
		"limit=2&offset=4":  {ids[4:], 2, 4, false},
		"limit=5":           {ids, 5, 0, false},
		"limit=4&offset=1":  {ids[1:], 4, 1, false},
		"offset=9":          {nil, 20, 9, false},
		"limit=100":         {ids, 100, 0, false},
		"limit=100&foo=bar": {ids, 100, 0, false},
	} {
		p := tagdPage(t, e, "read", route, query)
		var got []string
		for _, f := range p.Files {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want.ids) || p.Pagination.Total != 5 || p.Pagination.Limit != want.limit || p.Pagination.Offset != want.offset || p.Pagination.HasMore != want.more {
			t.Errorf("%q: %q, %+v", query, got, p.Pagination)
		}
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=-1", "limit=x", "limit=1e1", "offset=-1", "offset=x", "offset=99999999999999999999"} {
		if code := tagdCode(t, e.Get(t, route+"?"+query, auth(e.Key("read"))).Want(t, http.StatusBadRequest)); code != "invalid_request" {
			t.Errorf("%s: %s", query, code)
		}
	}
}

// tagdGet reads a file's metadata.
func tagdGet(t *testing.T, e *env, id string) api.File {
	t.Helper()
	return tagdFile(t, e.Get(t, "/v1/files/"+id, auth(e.Key("read"))).Want(t, http.StatusOK))
}

func tagdMetadata(t *testing.T, e *env) {
	tag := unique()
	f := tagdUpload(t, e, "/v1/tags/"+tag+"/files", tagdNote())
	got := tagdGet(t, e, f.ID)
	if got.TagID != tag || got.URL != f.URL || got.DownloadCount != 0 || !got.CreatedAt.Equal(f.CreatedAt) {
		t.Errorf("%+v", got)
	}
	for _, id := range []string{f.Bare(), strconv.FormatInt(f.Number, 10)} { // ours, too
		if same := tagdGet(t, e, id); !reflect.DeepEqual(same, got) {
			t.Errorf("by %s: %+v", id, same)
		}
	}
	for _, id := range []string{"file_xyz789", "file_" + strings.Repeat("0", 26), "0", "-1", "..", "%00"} {
		tagdWantError(t, e.Get(t, "/v1/files/"+id, auth(e.Key("read"))), http.StatusNotFound, "not_found", "File not found")
	}
	tagdWantError(t, e.Get(t, "/v1/files/"+f.ID, auth(e.Key("globex"))), http.StatusNotFound, "not_found", "File not found")
}

func tagdDownload(t *testing.T, e *env) {
	s := samples.PNG(64, 48, 1)
	f := tagdUpload(t, e, tagdTag(), s)
	path := "/v1/files/" + f.ID + "/download"
	r := e.Get(t, path, auth(e.Key("read"))).Want(t, http.StatusOK)
	if !bytes.Equal(r.Body, s.Data) || r.Header.Get("Content-Type") != s.Type || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d bytes, %v", len(r.Body), r.Header)
	}
	// None of these is a download of the file.
	e.Do(t, http.MethodHead, path, auth(e.Key("read")), nil).Want(t, http.StatusOK)
	e.Get(t, path, auth(e.Key("read"), "Range", "bytes=0-9")).Want(t, http.StatusPartialContent)
	e.Get(t, path, auth(e.Key("read"), "Range", "bytes=0-")).Want(t, http.StatusPartialContent)
	e.Get(t, path, auth(e.Key("read"), "If-None-Match", r.Header.Get("ETag"))).Want(t, http.StatusNotModified)
	e.Get(t, "/v1/files/"+f.ID+"/thumbnail?width=200&height=200", auth(e.Key("read"))).Want(t, http.StatusOK)
	e.Get(t, path, auth(e.Key("read"))).Want(t, http.StatusOK)
	harness.Eventually(t, harness.Limit, func() error {
		if n := tagdGet(t, e, f.ID).DownloadCount; n < 2 {
			return fmt.Errorf("download_count is %d", n)
		}
		return nil
	})
	if n := tagdGet(t, e, f.ID).DownloadCount; n != 2 {
		t.Errorf("download_count is %d, want 2", n)
	}
}

func tagdPatch(t *testing.T, e *env) {
	f := tagdUpload(t, e, tagdTag(), tagdNote())
	path := "/v1/files/" + f.ID
	patch := func(h http.Header, body string) Response {
		t.Helper()
		h.Set("Content-Type", "application/json")
		return e.Do(t, http.MethodPatch, path, h, []byte(body))
	}
	both := tagdFile(t, patch(auth(e.Key("write")), `{"name":"Updated Manual Name","description":"Updated description"}`).Want(t, http.StatusOK))
	if both.Name != "Updated Manual Name" || both.Description != "Updated description" || both.OriginalName != f.OriginalName {
		t.Errorf("both: %+v", both)
	}
	one := tagdFile(t, patch(auth(e.Key("rw")), `{"name":"Only the name"}`).Want(t, http.StatusOK))
	if one.Name != "Only the name" || one.Description != both.Description {
		t.Errorf("one: %+v", one)
	}
	for _, body := range []string{
		`{"size":1}`, `{"tenant":"globex"}`, `{"url":"x"}`, `{"state":"ready"}`, `{"id":"x"}`, `{"name":1}`, `{"name":"a"}{}`, `{`, ``, `[]`,
		`{"name":"` + strings.Repeat("a", 256) + `"}`, `{"name":"a\u0000"}`,
	} {
		patch(auth(e.Key("rw")), body).Want(t, http.StatusBadRequest)
	}
	patch(auth(e.Key("rw"), "If-Match", `"another"`), `{"name":"x"}`).Want(t, http.StatusPreconditionFailed)
	patch(auth(e.Key("read")), `{"name":"x"}`).Want(t, http.StatusForbidden)
	patch(auth(e.Key("globex")), `{"name":"x"}`).Want(t, http.StatusNotFound)
	if got := tagdGet(t, e, f.ID); got.Name != one.Name || got.Size != f.Size {
		t.Errorf("after what was refused: %+v", got)
	}
}

func tagdDelete(t *testing.T, e *env) {
	route := tagdTag()
	f := tagdUpload(t, e, route, samples.PNG(20, 10, 1))
	path := "/v1/files/" + f.ID
	e.Do(t, http.MethodDelete, path, auth(e.Key("read")), nil).Want(t, http.StatusForbidden)
	e.Do(t, http.MethodDelete, path, auth(e.Key("globex")), nil).Want(t, http.StatusNotFound)
	e.Do(t, http.MethodDelete, path, auth(e.Key("rw")), nil).Want(t, http.StatusOK).WantBody(t, `{"success":true,"message":"File deleted successfully"}`)
	for _, gone := range []string{path, path + "/download", path + "/thumbnail"} {
		e.Get(t, gone, auth(e.Key("rw"))).Want(t, http.StatusNotFound)
	}
	e.Do(t, http.MethodDelete, path, auth(e.Key("rw")), nil).Want(t, http.StatusNotFound)
	if p := tagdPage(t, e, "read", route, ""); p.Pagination.Total != 0 {
		t.Errorf("%d files are listed", p.Pagination.Total)
	}
}
