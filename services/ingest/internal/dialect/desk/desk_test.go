package desk

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
)

// want checks the status and a part of the body of an answer.
func want(t *testing.T, got doortest.Answer, status int, part string) {
	t.Helper()
	if got.Status != status || !strings.Contains(got.Body, part) {
		t.Errorf("got %+v, want %d %s", got, status, part)
	}
}

func TestFormExpires(t *testing.T) {
	b := newBench(t)
	ref := b.announce()
	b.later(core.PromiseLife + time.Minute)
	want(t, b.post(ref.URL, ref.Params), http.StatusForbidden, "<Code>AccessDenied</Code><Message>The policy has expired")
	b.later(core.PromiseLife - time.Minute)
	want(t, b.post(ref.URL, ref.Params), http.StatusCreated, "<PostResponse>")
}

func TestFormOfAnOlderKey(t *testing.T) {
	b := newBench(t)
	older, newer := sign.NewKey(), sign.NewKey()
	ring := func(text string) {
		t.Helper()
		var err error
		if b.Keys, err = sign.ParseRing(text); err != nil {
			t.Fatal(err)
		}
	}
	ring(older)
	first, second := b.announce(), b.announce()
	ring(newer + "," + older)
	want(t, b.post(first.URL, first.Params), http.StatusCreated, "")
	ring(newer)
	want(t, b.post(second.URL, second.Params), http.StatusForbidden, "<Code>InvalidAccessKeyId</Code>")
}

// Our own forms ask for a 201. S3 knows others, and so do we.
func TestSuccessStatus(t *testing.T) {
	for asked, status := range map[string]int{"200": 200, "201": 201, "204": 204, "404": 204} {
		b := newBench(t)
		ref := b.announce()
		post := sign.Post{
			Bucket: bucket, Key: ref.Params["key"], ContentType: "text/plain", MinSize: 1, MaxSize: 10, SuccessStatus: asked, Expires: time.Now().Add(time.Minute),
		}
		got := b.post(ref.URL, post.Sign(b.Keys.PostCredentials()[0], time.Now()))
		if got.Status != status || (got.Body != "") != (status == 201) || got.Header.Get("ETag") != `"5d41402abc4b2a76b9719d911017c592"` || got.Header.Get("Location") == "" {
			t.Errorf("%s: %+v", asked, got)
		}
	}
}

func TestFormForNothing(t *testing.T) {
	b := newBench(t)
	for _, key := range []string{"acme/01ARZ3NDEKTSV4RRFFQ69G5FAV", "nobody/01ARZ3NDEKTSV4RRFFQ69G5FAV", "acme", "acme/", "/", "acme/x/y", "acme/01ARZ3NDEKTSV4RRFFQ69G5FAV/x"} {
		post := sign.Post{Bucket: bucket, Key: key, ContentType: "text/plain", MinSize: 1, MaxSize: 10, SuccessStatus: "201", Expires: time.Now().Add(time.Minute)}
		want(t, b.post(uploadsPath, post.Sign(b.Keys.PostCredentials()[0], time.Now())), http.StatusForbidden, "<Code>AccessDenied</Code>")
	}
}

func TestTenantHasGone(t *testing.T) {
	b := newBench(t)
	ref := b.announce()
	b.write(onlyTheRest)
	want(t, b.post(ref.URL, ref.Params), http.StatusForbidden, "<Code>AccessDenied</Code><Message>The upload is not open")
}

func TestTooManyUploads(t *testing.T) {
	b := newBench(t)
	ref := b.announce()
	for i := range b.MaxUploads {
		leave, err := b.Enter(t.Context(), file.Tenant(fmt.Sprint("tenant", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	got := b.post(ref.URL, ref.Params)
	want(t, got, http.StatusServiceUnavailable, "<Code>SlowDown</Code>")
	if got.Header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", got.Header)
	}
}

// A file that is still being verified when time is up is a success, without its bytes as yet; one that could not be verified is none.
func TestVerdictIsLate(t *testing.T) {
	b := newBench(t)
	f := b.stored()
	if f.State != stateActive || f.Size != 5 {
		t.Errorf("file %+v", f)
	}
	got := b.do(http.MethodGet, f.DownloadURL, "", nil)
	want(t, got, http.StatusConflict, `"code":"not_ready"`)
	if got.Header.Get("Retry-After") != "1" {
		t.Errorf("headers %v", got.Header)
	}
	record, err := b.Core.Get(t.Context(), "acme", file.ByNumber(f.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Core.GiveUp(t.Context(), core.Hint{Tenant: "acme", ID: record.ID}, file.WorkVerify, "processing_failed"); err != nil {
		t.Fatal(err)
	}
	want(t, b.do(http.MethodPatch, path(f), "", nil), http.StatusInternalServerError, `"code":"internal_error"`)
	want(t, b.do(http.MethodGet, path(f), "", nil), http.StatusOK, `"state":"temp"`)
}

func TestProxyKeyEnds(t *testing.T) {
	b := newBench(t)
	f := b.stored()
	b.later(proxyLife - time.Minute)
	want(t, b.do(http.MethodGet, f.DownloadURL, "", nil), http.StatusConflict, "not_ready")
	b.later(proxyLife + time.Second)
	want(t, b.do(http.MethodGet, f.DownloadURL, "", nil), http.StatusForbidden, `"code":"expired"`)
	b.later(0)
	b.write(everyone + withoutKey) // what the user may do is nothing to a key that was removed
	want(t, b.do(http.MethodGet, f.DownloadURL, "", nil), http.StatusForbidden, `"code":"forbidden"`)
}

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, k := range file.Kinds {
		if a, ok := answers[k]; !ok || a.status < 400 || a.code == "" || a.title == "" || a.detail == "" {
			t.Errorf("%s: %+v", k, a)
		}
		if a, ok := postAnswers[k]; !ok || a.status < 400 || a.code == "" || a.text == "" {
			t.Errorf("%s: %+v", k, a)
		}
	}
}

func TestState(t *testing.T) {
	now := time.Now()
	states := map[file.State]string{
		file.Temp: "temp", file.Pending: "active", file.Ready: "active", file.Rejected: "temp", file.Failed: "temp", file.Deleting: "deleted", file.Gone: "deleted",
	}
	for _, s := range file.States {
		if got := state(&file.File{State: s}, now); got != states[s] {
			t.Errorf("%s is %q", s, got)
		}
	}
	if got := state(&file.File{State: file.Ready, ExpiresAt: now}, now); got != "deleted" {
		t.Errorf("what has expired is %q", got)
	}
}

func TestExpiredFileIsDeleted(t *testing.T) {
	b := newBench(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 1500, time.UTC)
	f := &file.File{Tenant: "acme", State: file.Ready, Updated: file.Actor{ID: "u1"}, ExpiresAt: at}
	got := b.whole(f, access.Principal{ID: "u1"}, "")
	if got.State != stateDeleted || got.DeletedAt != "2026-03-01T12:00:00.000001Z" || *got.DeletedBy != got.UpdatedBy || got.DownloadURL != "" {
		t.Errorf("%+v", got)
	}
}

func TestParseAnnouncement(t *testing.T) {
	whole := announcement{Type: "t", Filename: "f", MimeType: "m", Disposition: "d"}
	for body, want := range map[string]announcement{
		`{"type":"t","filename":"f","mimeType":"m","disposition":"d"}`:                                    whole,
		`{"file":{"type":{"Name":"t"},"fileName":"f","mimetype":"m","DISPOSITION":"d"},"params":7}`:       whole,
		`{"type":"x","filename":"x","file":{"type":"t","filename":"f","mimeType":"m","disposition":"d"}}`: whole,
		`{"file":null,"filename":"f"}`: {Filename: "f"},
		`{"file":{}}`:                  {},
		`null`:                         {},
		`{"type":{"ContentTypes":["a"],"MaxSize":1}}`: {},
	} {
		if got, err := parseAnnouncement(strings.NewReader(body)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{``, `7`, `"a"`, `[]`, `{}{}`, `{} x`, `{"type":7}`, `{"type":{"Name":7}}`, `{"file":7}`, `{"filename":{}}`, `{"mimeType":["a"]}`} {
		if got, err := parseAnnouncement(strings.NewReader(body)); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

// FuzzRefBody: a body is refused, or what was read of it is a file that can be announced, or its problems are told.
func FuzzRefBody(f *testing.F) {
	f.Add(`{"type":"attachment","filename":"the_file_name.jpeg","mimeType":"image/jpeg","disposition":"attachment"}`)
	f.Add(`{"params":{"key":""},"file":{"id":0,"type":{"ContentTypes":[],"MaxSize":0,"Name":"n"},"fileName":"a.txt","mimeType":"text/plain"},"url":""}`)
	f.Add(`{"FILENAME":"a\u0000","MimeType":"*/*","type":null}`)
	f.Add(`{"filename":"a","filename":"b","fileName":"c"}`)
	f.Fuzz(func(t *testing.T, body string) {
		a, err := parseAnnouncement(strings.NewReader(body))
		if err != nil {
			if !file.Is(err, file.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if problems := a.normalise(); len(problems) > 0 {
			for _, p := range problems {
				if p.Code == "" || p.Detail == "" || p.Meta["field"] == "" {
					t.Errorf("%+v", p)
				}
			}
			return
		}
		if _, err := content.CleanName(a.Filename); err != nil || a.MimeType == "" || a.Type == "" || a.Disposition == "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestParseList(t *testing.T) {
	usual := func(change func(*listRequest)) listRequest {
		l := listRequest{page: 1, size: 50}
		change(&l)
		return l
	}
	for query, want := range map[string]listRequest{
		"":                            usual(func(*listRequest) {}),
		"page=3&per_page=20":          usual(func(l *listRequest) { l.page, l.size = 3, 20 }),
		"page=3&pageOffset=7":         usual(func(l *listRequest) { l.page = 3 }),
		"pageOffset=7&pageSize=500":   usual(func(l *listRequest) { l.page, l.size = 8, 500 }),
		"pageOffset=-1&pageSize=-5":   usual(func(l *listRequest) { l.size = 1 }),
		"page=-7&per_page=501":        usual(func(l *listRequest) { l.size = 500 }),
		"page=99999999999999999999":   usual(func(*listRequest) {}),
		"page=9999999999":             usual(func(l *listRequest) { l.page = maxPage }),
		"per_page=x&page=1.5":         usual(func(*listRequest) {}),
		"sort_by=id&sort_dir=DESC":    usual(func(l *listRequest) { l.descending = true }),
		"sort_dir=desc":               usual(func(l *listRequest) { l.descending = true }),
		"sort_by=name&sort_dir=desc":  usual(func(*listRequest) {}),
		"orderBy=id&orderMode=upward": usual(func(*listRequest) {}),
		"ids=1,2&ids=3,x,-1,":         usual(func(l *listRequest) { l.ids, l.named = []int64{1, 2, 3}, true }),
		"ids=x":                       usual(func(l *listRequest) { l.named = true }),
		"ids=":                        usual(func(*listRequest) {}),
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseList(q); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
	many, _ := url.ParseQuery("ids=" + strings.Repeat("7,", 1000))
	if got := parseList(many); len(got.ids) != maxPageSize {
		t.Errorf("%d ids", len(got.ids))
	}
}

// What a form says of the upload it is for is told by its key alone, which the policy fixes.
func TestFormsDiffer(t *testing.T) {
	b := newBench(t)
	first, second := b.announce(), b.announce()
	mixed := maps.Clone(first.Params)
	mixed["key"] = second.Params["key"]
	want(t, b.post(first.URL, mixed), http.StatusForbidden, "<Code>AccessDenied</Code>")
	want(t, b.post(first.URL, first.Params), http.StatusCreated, first.Params["key"])
	want(t, b.post(second.URL, second.Params), http.StatusCreated, second.Params["key"])
}
