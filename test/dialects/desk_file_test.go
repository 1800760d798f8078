package dialects

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/samples"
)

var deskFileRows = []row{
	{"TW-30", func(t *testing.T, e *env) {
		s := samples.Text(50, 30)
		ref := deskAnnounce(t, e, s)
		ref.post(t, e, s).Want(t, http.StatusCreated)
		e.Do(t, http.MethodPut, ref.File.path(), auth(e.Key("root")), []byte(`{"file":{"createdAt":"2000-01-01T00:00:00Z"}}`)).Want(t, http.StatusOK)
		f := ref.get(t, e)
		if _, err := time.Parse(time.RFC3339Nano, f.CreatedAt); err != nil || f.CreatedAt != ref.File.CreatedAt {
			t.Errorf("createdAt was %s and is %s", ref.File.CreatedAt, f.CreatedAt)
		}
	}},
	{"TW-31", func(t *testing.T, e *env) {
		s := samples.Text(50, 31)
		ref, f := deskStored(t, e, s)
		_, other := deskStored(t, e, s)
		if f.CreatedBy.Type != "users" || f.CreatedBy.ID < 1 || f.UpdatedBy != f.CreatedBy || other.CreatedBy != f.CreatedBy {
			t.Errorf("%+v, %+v", f, other)
		}
		staff := deskAnnounceAs(t, e, e.Token(claims{Sub: "staff"}), `{"filename": "a.txt", "mimeType": "text/plain"}`)
		if staff.File.CreatedBy == f.CreatedBy {
			t.Errorf("two users are %+v", f.CreatedBy)
		}
		deskDelete(t, e, ref)
		if got := ref.get(t, e); got.DeletedBy == nil || *got.DeletedBy != f.CreatedBy || got.CreatedBy != f.CreatedBy {
			t.Errorf("deleted %+v", got)
		}
	}},
	{"TW-32", func(t *testing.T, e *env) {
		before := time.Now().Add(-time.Second)
		ref, f := deskStored(t, e, samples.Text(50, 32))
		if f.DeletedAt != nil || f.DeletedBy != nil {
			t.Errorf("not deleted: %+v", f)
		}
		deskDelete(t, e, ref)
		f = ref.get(t, e)
		if f.DeletedAt == nil || f.DeletedBy == nil || f.State != "deleted" || f.DownloadURL != "" || f.ProxyKey != "" {
			t.Fatalf("deleted: %+v", f)
		}
		if at, err := time.Parse("2006-01-02T15:04:05.000000Z", *f.DeletedAt); err != nil || at.Before(before) || at.After(time.Now()) {
			t.Errorf("deletedAt %s: %v", *f.DeletedAt, err)
		}
		deskError(t, e.Get(t, ref.File.path(), auth(e.Key("globex"))), http.StatusNotFound, "not_found")
		deskError(t, e.Get(t, ref.File.path(), auth(e.Token(claims{Sub: "outsider"}))), http.StatusForbidden, "forbidden")
		deskError(t, ref.finish(t, e), http.StatusNotFound, "not_found")
	}},
	{"TW-33", func(t *testing.T, e *env) {
		s := samples.PNG(32, 24, 33)
		for disposition, shown := range map[string]string{"": "attachment", "attachment": "attachment", "attachment-inline": "inline"} {
			ref := deskAnnounceAs(t, e, e.Key("root"), fmt.Sprintf(`{"filename": "a.png", "mimeType": "image/png", "disposition": %q}`, disposition))
			ref.post(t, e, s).Want(t, http.StatusCreated)
			f := deskFileOf(t, ref.finish(t, e).Want(t, http.StatusOK))
			if want := cmp.Or(disposition, "attachment"); f.Disposition != want || ref.File.Disposition != want {
				t.Errorf("disposition %q: %+v", disposition, f)
			}
			resp := e.Get(t, f.DownloadURL, nil).Want(t, http.StatusOK)
			if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, shown+";") {
				t.Errorf("disposition %q is sent as %s", disposition, got)
			}
		}
	}},
	{"TW-34", func(t *testing.T, e *env) {
		s := samples.JPEG(64, 48, 34)
		ref, f := deskStored(t, e, s)
		resp := e.Get(t, f.DownloadURL, nil).Want(t, http.StatusOK)
		if !bytes.Equal(resp.Body, s.Data) || resp.Header.Get("Content-Type") != s.Type || resp.Header.Get("Cache-Control") != "private, no-store" ||
			resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.FileID(t) != ref.ULID {
			t.Errorf("%d bytes, %v", len(resp.Body), resp.Header)
		}
		part := e.Get(t, f.DownloadURL, headers("Range", "bytes=2-5")).Want(t, http.StatusPartialContent)
		if !bytes.Equal(part.Body, s.Data[2:6]) {
			t.Errorf("a range of %d bytes", len(part.Body))
		}
		e.Do(t, http.MethodHead, f.DownloadURL, nil, nil).Want(t, http.StatusOK)
		deskDelete(t, e, ref)
		deskError(t, e.Get(t, f.DownloadURL, nil), http.StatusNotFound, "not_found")

		promised := deskAnnounce(t, e, s)
		promised.post(t, e, s).Want(t, http.StatusCreated)
		if f := promised.get(t, e); f.DownloadURL != "" || f.State != "temp" {
			t.Errorf("a promise: %+v", f)
		}
		deskError(t, e.Get(t, deskAPI+"/files/"+promised.File.ID.String()+"/download", auth(e.Key("root"))), http.StatusNotFound, "not_found")
	}},
	{"TW-35", func(t *testing.T, e *env) {
		for _, name := range []string{"the file name.txt", "Übersicht 日本 (1).txt", `a "quoted", <b> & c;.txt`, strings.Repeat("n", 251) + ".txt"} {
			s := named(samples.Text(50, 35), name)
			ref, f := deskStored(t, e, s)
			if ref.File.Filename != name || ref.File.FileName != name || f.Filename != name || f.FileName != name {
				t.Errorf("%q is %q, %q", name, ref.File.Filename, f.FileName)
			}
		}
	}},
	{"TW-36", testDeskLists},
	{"TW-37", func(t *testing.T, e *env) {
		s := samples.JPEG(320, 240, 37)
		ref, f := deskStored(t, e, s)
		known, err := e.As(keyText("root")).Get(t.Context(), f.ID.String())
		if err != nil {
			t.Fatal(err)
		}
		if known.Bare() != ref.ULID || strconv.FormatInt(known.Number, 10) != f.ID.String() {
			t.Errorf("number %s is %s (%d)", f.ID, known.ID, known.Number)
		}
		if f.MimeType != s.Type || f.PixelWidth != 320 || f.PixelHeight != 240 || f.Size != len(s.Data) || f.S3Path != known.Path || f.ProxyKey == "" {
			t.Errorf("file %+v", f)
		}
		if _, text := deskStored(t, e, samples.Text(50, 37)); text.PixelWidth != 0 || text.PixelHeight != 0 {
			t.Errorf("a text %+v", text)
		}
	}},
	{"TW-38", testDeskProxyKey},
	{"TW-39", func(t *testing.T, e *env) {
		s := samples.PNG(32, 24, 39)
		ref := deskAnnounce(t, e, s)
		wantState := func(want string) {
			t.Helper()
			if got := ref.get(t, e).State; got != want {
				t.Errorf("state %s, want %s", got, want)
			}
		}
		wantState("temp")
		for _, authorization := range []string{e.Token(claims{Sub: "manager"}), e.Key("rw"), e.Key("globex")} { // a promise is its maker's alone
			deskError(t, e.Get(t, ref.File.path(), auth(authorization)), http.StatusNotFound, "not_found")
			deskError(t, e.Do(t, http.MethodPatch, ref.File.path(), auth(authorization), nil), http.StatusNotFound, "not_found")
		}
		ref.post(t, e, s).Want(t, http.StatusCreated)
		wantState("temp")
		ref.finish(t, e).Want(t, http.StatusOK)
		wantState("active")
		e.Get(t, ref.File.path(), auth(e.Token(claims{Sub: "manager"}))).Want(t, http.StatusOK)
		deskDelete(t, e, ref)
		wantState("deleted")

		broken := samples.TruncatedPNG() // begins as it should: only the whole file shows it
		ref = deskAnnounce(t, e, broken)
		ref.post(t, e, broken).Want(t, http.StatusCreated)
		for range 2 {
			deskError(t, ref.finish(t, e), http.StatusBadRequest, "corrupt")
			wantState("temp")
		}
	}},
	{"TW-40", func(t *testing.T, e *env) {
		for text, want := range map[string]string{
			`"attachment"`:    "attachment",
			`"logo"`:          "logo",
			`""`:              "attachment",
			`null`:            "attachment",
			`{}`:              "attachment",
			`{"Name":"logo"}`: "logo",
			`{"ContentTypes":["image/png"],"MaxSize":1,"Name":"attachment"}`: "attachment",
		} {
			ref := deskAnnounceAs(t, e, e.Key("root"), `{"filename": "a.png", "mimeType": "image/png", "type": `+text+`}`)
			if ref.File.Type != want || ref.get(t, e).Type != want {
				t.Errorf("type %s is %q", text, ref.File.Type)
			}
		}
	}},
	{"TW-41", func(t *testing.T, e *env) {
		ref, f := deskStored(t, e, samples.Text(50, 41))
		name := "renamed"
		if _, err := e.As(keyText("root")).Patch(t.Context(), ref.ULID, `{"name": "`+name+`"}`); err != nil {
			t.Fatal(err)
		}
		changed := ref.get(t, e)
		if changed.UpdatedAt <= f.UpdatedAt || changed.CreatedAt != f.CreatedAt {
			t.Errorf("a change moved updatedAt from %s to %s", f.UpdatedAt, changed.UpdatedAt)
		}
		deskDelete(t, e, ref)
		if deleted := ref.get(t, e); deleted.UpdatedAt != changed.UpdatedAt || deleted.UpdatedBy != changed.UpdatedBy || *deleted.DeletedAt <= changed.UpdatedAt {
			t.Errorf("a delete: %+v", deleted)
		}
	}},
}

// deskList is a page of files.
type deskList struct {
	Files      []deskFile
	Included   map[string]any
	Pagination struct {
		Records, PageSize, Pages, Page int
		HasMorePages                   bool
	}
	Meta struct {
		Page struct {
			Count, PageSize, PageOffset, Pages int
			HasMore                            bool
		}
	}
}

func (l deskList) ids() (ids []string) {
	for _, f := range l.Files {
		ids = append(ids, f.ID.String())
	}
	return ids
}

// testDeskLists pages through five files by their ids, which nobody else can add to, and through all that there are.
func testDeskLists(t *testing.T, e *env) {
	h := auth(e.Key("root"))
	list := func(query string) (l deskList, r Response) {
		t.Helper()
		r = e.Get(t, deskAPI+"/files.json?"+query, h).Want(t, http.StatusOK)
		r.Decode(t, &l)
		return l, r
	}
	var five []string
	for i := range 5 {
		ref, _ := deskStored(t, e, samples.Text(50, uint64(i)))
		five = append(five, ref.File.ID.String())
	}
	deleted, _ := deskStored(t, e, samples.Text(50, 9))
	deskDelete(t, e, deleted)
	promised := deskAnnounce(t, e, samples.Text(50, 9))
	ids := "ids=" + strings.Join(five, ",") + "," + deleted.File.ID.String() + "&ids=" + promised.File.ID.String() + ",,x,1," + five[0]
	backwards := slices.Clone(five)
	slices.Reverse(backwards)
	for query, want := range map[string][]string{
		"":                                  five,
		"sort_by=id&sort_dir=desc":          backwards,
		"orderBy=createdAt&orderMode=DESC":  backwards,
		"sort_by=createdAt&sort_dir=asc":    five,
		"sort_by=size&sort_dir=desc":        five, // no order that we have
		"per_page=2":                        five[:2],
		"per_page=2&page=2":                 five[2:4],
		"pageSize=2&page=3":                 five[4:],
		"pageSize=2&pageOffset=1":           five[2:4],
		"pageSize=2&page=4":                 nil,
		"pageSize=2&page=1000000000000":     nil,
		"per_page=2&page=2&sort_dir=desc":   backwards[2:4],
		"per_page=0":                        five[:1],
		"per_page=x&page=-1":                five,
		"page=&embed=x&includes=all&q=word": five,
	} {
		l, _ := list(ids + "&" + query)
		if !slices.Equal(l.ids(), want) || l.Pagination.Records != 5 || l.Meta.Page.Count != 5 {
			t.Errorf("%s: %v, %+v, want %v", query, l.ids(), l.Pagination, want)
		}
	}
	l, r := list(ids + "&per_page=2&page=2")
	if p, m := l.Pagination, l.Meta.Page; p.PageSize != 2 || p.Pages != 3 || p.Page != 2 || !p.HasMorePages || m.PageSize != 2 || m.PageOffset != 1 || m.Pages != 3 || !m.HasMore {
		t.Errorf("%+v", l)
	}
	if r.Header.Get("x-page") != "2" || r.Header.Get("x-pages") != "3" || r.Header.Get("x-records") != "5" {
		t.Errorf("%v", r.Header)
	}
	if names := deskMembers(t, r.Body); !slices.Equal(names, []string{"files", "included", "meta", "pagination"}) || l.Included == nil {
		t.Errorf("members %q", names)
	}
	if l, _ = list("ids=x"); len(l.Files) != 0 || l.Files == nil || l.Pagination.Pages != 0 {
		t.Errorf("ids that are none: %+v", l)
	}

	var sparse struct{ Files []json.RawMessage }
	_, r = list(ids + "&fields=filename,state&fields=nonsense")
	r.Decode(t, &sparse)
	if names := deskMembers(t, sparse.Files[0]); !slices.Equal(names, []string{"filename", "id", "state"}) {
		t.Errorf("members %q", names)
	}
	var one struct{ File json.RawMessage }
	e.Get(t, deskAPI+"/files/"+five[0]+".json?includes=all&fields=size", h).Want(t, http.StatusOK).Decode(t, &one)
	if names := deskMembers(t, one.File); !slices.Equal(names, []string{"id", "size"}) {
		t.Errorf("members %q", names)
	}

	if l, _ = list(""); l.Pagination.PageSize != 50 || len(l.Files) > 50 || l.Pagination.Records < 5 {
		t.Errorf("by default %+v", l.Pagination)
	}
	if l, _ = list("per_page=1000000&sort_dir=desc"); l.Pagination.PageSize != 500 || !slices.Contains(l.ids(), five[4]) || slices.Contains(l.ids(), deleted.File.ID.String()) ||
		slices.Contains(l.ids(), promised.File.ID.String()) {
		t.Errorf("all: %+v, %v", l.Pagination, l.ids())
	}
	deskError(t, e.Get(t, deskAPI+"/files.json", auth(e.Token(claims{Sub: "outsider"}))), http.StatusForbidden, "forbidden")
}

// testDeskProxyKey downloads with keys that are good, and with others.
func testDeskProxyKey(t *testing.T, e *env) {
	s := samples.Text(500, 38)
	_, f := deskStored(t, e, s)
	_, other := deskStored(t, e, s)
	if !strings.HasSuffix(f.DownloadURL, "/download?proxyKey="+f.ProxyKey) || url.QueryEscape(f.ProxyKey) != f.ProxyKey {
		t.Errorf("%s and %s", f.DownloadURL, f.ProxyKey)
	}
	path := "/v2/files/" + f.ID.String() + "/download"
	e.Get(t, path+"?proxyKey="+f.ProxyKey, nil).Want(t, http.StatusOK).WantBody(t, string(s.Data))
	plain, err := base64.RawURLEncoding.DecodeString(f.ProxyKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(url.Values){
		"file":    func(v url.Values) { v.Set("file", "01ARZ3NDEKTSV4RRFFQ69G5FAV") },
		"tenant":  func(v url.Values) { v.Set("tenant", globex) },
		"uid":     func(v url.Values) { v.Set("uid", "key:rw") },
		"expires": func(v url.Values) { v.Set("expires", v.Get("expires")[:9]+"9") },
		"sig":     func(v url.Values) { v.Set("sig", strings.Repeat("0", 64)) },
		"no sig":  func(v url.Values) { v.Del("sig") },
		"twice":   func(v url.Values) { v.Add("uid", v.Get("uid")) },
	} {
		v, err := url.ParseQuery(string(plain))
		if err != nil {
			t.Fatal(err)
		}
		change(v)
		if v.Encode() == string(plain) { // a tenth of all keys end so
			continue
		}
		resp := e.Get(t, path+"?proxyKey="+base64.RawURLEncoding.EncodeToString([]byte(v.Encode())), nil)
		if resp.Status != http.StatusForbidden {
			t.Errorf("with another %s: %d", name, resp.Status)
		}
	}
	for _, query := range []string{
		"proxyKey=", "proxyKey=x", "proxyKey=" + f.ProxyKey + "A", "proxyKey=" + other.ProxyKey, "proxyKey=" + f.ProxyKey + "&proxyKey=" + f.ProxyKey,
	} {
		deskError(t, e.Get(t, path+"?"+query, nil), http.StatusForbidden, "invalid_proxy_key")
	}
	deskError(t, e.Get(t, path, nil), http.StatusUnauthorized, "unauthorized")
	e.Get(t, path, auth(e.Key("read"))).Want(t, http.StatusOK).WantBody(t, string(s.Data))
	deskError(t, e.Get(t, path, auth(e.Key("write"))), http.StatusForbidden, "forbidden")
	deskError(t, e.Get(t, path, auth(e.Key("globex"))), http.StatusNotFound, "not_found")
}
