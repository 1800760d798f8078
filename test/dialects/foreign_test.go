package dialects

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// foreignRoutes are all routes that name a file or a place, by vendor, with what they answer to somebody of another tenant, whatever he may do in
// his own: that there is no such thing. {ref} stands for each form of id that the vendor's routes take.
var foreignRoutes = map[string]struct {
	refs   []string
	routes []foreignRoute
}{
	"tiledesk": {
		refs: []string{"{path}", "{escaped path}"},
		routes: []foreignRoute{
			{http.MethodGet, "/v3/files?path={ref}", "", 404},
			{http.MethodHead, "/v3/files?path={ref}", "", 404},
			{http.MethodGet, "/v3/files?path={ref}&as_attachment=true", "", 404},
			{http.MethodGet, "/v3/files/download?path={ref}", "", 404},
			{http.MethodDelete, "/v3/files?path={ref}", "", 404},
			{http.MethodGet, "/files?path={ref}", "", 404},
			{http.MethodGet, "/v3/" + project1 + "/files?path={ref}", "", 404}, // the caller's own project
			{http.MethodGet, "/v3/" + project1 + "/files/download?path={ref}", "", 404},
			{http.MethodDelete, "/v3/" + project1 + "/files?path={ref}", "", 404},
			{http.MethodGet, "/v3/" + project3 + "/files?path={ref}", "", 403}, // the file's: as one that does not exist
			{http.MethodGet, "/v3/" + project3 + "/files/download?path={ref}", "", 403},
			{http.MethodDelete, "/v3/" + project3 + "/files?path={ref}", "", 403},
			{http.MethodGet, "/v3/" + strings.Repeat("0", 24) + "/files?path={ref}", "", 403}, // and one that does not exist
		},
	},
	"enzyme": {
		refs: []string{"{id}"},
		routes: []foreignRoute{
			{http.MethodGet, "/files/{ref}/download", "", 404},
			{http.MethodHead, "/files/{ref}/download", "", 404},
			{http.MethodPost, "/files/{ref}/sign-url", "", 404},
			{http.MethodPost, "/files/{ref}/delete", "", 404},
			{http.MethodGet, "/api/files/{ref}/download", "", 404},
			{http.MethodPost, "/api/files/{ref}/sign-url", "", 404},
			{http.MethodPost, "/api/files/{ref}/delete", "", 404},
			{http.MethodPost, "/channels/g-general/files/upload", "", 404},
			{http.MethodPost, "/channels/no-such-channel/files/upload", "", 404},
		},
	},
	"desk": {
		refs: []string{"{number}", "{id}"},
		routes: []foreignRoute{
			{http.MethodGet, "/desk/api/v2/files/{ref}.json", "", 404},
			{http.MethodGet, "/v2/files/{ref}.json", "", 404},
			{http.MethodPatch, "/desk/api/v2/files/{ref}.json", "", 404},
			{http.MethodPut, "/v2/files/{ref}.json", "{}", 404},
			{http.MethodGet, "/desk/api/v2/files/{ref}/download", "", 404},
			{http.MethodHead, "/v2/files/{ref}/download", "", 404},
		},
	},
	"native": {
		refs: []string{"file_{id}", "{id}", "{lower id}", "{number}"},
		routes: []foreignRoute{
			{http.MethodGet, "/v1/files/{ref}", "", 404},
			{http.MethodPatch, "/v1/files/{ref}", `{"name": "x"}`, 404},
			{http.MethodPatch, "/v1/files/{ref}", `no JSON`, 404},
			{http.MethodDelete, "/v1/files/{ref}", "", 404},
			{http.MethodGet, "/v1/files/{ref}/download", "", 404},
			{http.MethodHead, "/v1/files/{ref}/download", "", 404},
			{http.MethodGet, "/v1/files/{ref}/thumbnail", "", 404},
			{http.MethodHead, "/v1/files/{ref}/thumbnail", "", 404},
			{http.MethodGet, "/v1/files/{ref}/timeline", "", 404},
			{http.MethodPost, "/v1/files/{ref}/sign", "", 404},
		},
	},
	"sonar": {
		refs: []string{"{number}", "{id}", "file_{id}"},
		routes: []foreignRoute{
			{http.MethodGet, "/api/files/{ref}", "", 404},
			{http.MethodHead, "/api/files/{ref}", "", 404},
		},
	},
}

type foreignRoute struct {
	method, path, body string
	want               int
}

// testForeign crosses every route with files of the tenant globex that came through every door, for callers of acme who may do all that there is.
func testForeign(t *testing.T, e *env) {
	for _, in := range doors {
		t.Run("of "+in.vendor, func(t *testing.T) {
			t.Parallel()
			f := bring(t, e, in, "globex", auth(e.Key("globex")), globexPlace, samples.PNG(64, 48, 3))
			for _, caller := range []string{e.Key("rw"), e.Token(claims{Sub: "root"})} {
				for vendor, x := range sorted(foreignRoutes) {
					for _, ref := range x.refs {
						for _, r := range x.routes {
							r.ask(t, e, vendor, caller, f.form(ref))
						}
					}
				}
				wantForeignAnswers(t, e, caller, f)
			}
			if still, err := e.As(keyText("globex")).Get(t.Context(), f.ID); err != nil || still.State != "ready" || still.Name == "x" || len(still.Description) > 0 {
				t.Errorf("the file is %s, named %q: %v", still.State, still.Name, err)
			}
		})
	}
	t.Run("lists", func(t *testing.T) {
		t.Parallel()
		testForeignLists(t, e)
	})
	t.Run("idempotency", func(t *testing.T) {
		t.Parallel()
		testForeignIdempotency(t, e)
	})
}

// ask sends one request and compares the answer with the same request for what nobody has.
func (r foreignRoute) ask(t *testing.T, e *env, vendor, caller, ref string) {
	t.Helper()
	h := auth(caller)
	body := []byte(r.body)
	switch {
	case strings.HasSuffix(r.path, "/upload"):
		f := newForm().File("file", samples.Text(100, 1))
		h.Set("Content-Type", f.Type())
		body = f.Bytes()
	case r.body != "":
		h.Set("Content-Type", "application/json")
	}
	resp := e.Do(t, r.method, strings.ReplaceAll(r.path, "{ref}", ref), h, body)
	if resp.Status != r.want {
		t.Errorf("%s: %s is %d, want %d: %s", vendor, resp.request, resp.Status, r.want, resp.excerpt())
	}
	if id := resp.Header.Get("Inlet-File-Id"); id != "" {
		t.Errorf("%s: %s tells the id %s", vendor, resp.request, id)
	}
}

// form is a file's name as a ref of a route has it.
func (f stored) form(ref string) string {
	return strings.NewReplacer("{escaped path}", url.QueryEscape(f.Path), "{lower id}", strings.ToLower(f.ID)).Replace(f.in(ref))
}

// wantForeignAnswers asks where the status is 200 for everybody and the body tells.
func wantForeignAnswers(t *testing.T, e *env, caller string, f stored) {
	t.Helper()
	many := e.JSON(t, "/files/sign-urls", auth(caller), `{"file_ids": ["`+f.ID+`"]}`).Want(t, http.StatusOK)
	if !bytes.Contains(many.Body, []byte(`"urls":[]`)) {
		t.Errorf("a foreign file is signed: %s", many.excerpt())
	}
	for _, document := range []string{
		`mutation { linkFileToEntity(input: {files: {file_id: {number}} fileable_type: Account fileable_id: 1}) { id } }`,
		`mutation { linkFileToEntity(input: {files: [{file_id: "{number}"}] fileable_type: Ticket fileable_id: 2}) { id } }`,
		`{ file(id: {number}) { id filename } }`,
	} {
		if got := sonarAsk(document)(t, e, caller, f); got != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", f.in(document), got)
		}
	}
}

// testForeignLists shows that lists and counts of one tenant are the same whatever another has.
func testForeignLists(t *testing.T, e *env) {
	tag, entity := unique(), "4711"
	theirs := e.Key("globex")
	nativeUpload(t, e, theirs, "/v1/tags/"+tag+"/files").Want(t, http.StatusCreated)
	linked := bring(t, e, sonarDoor, "globex", auth(theirs), globexPlace, samples.PNG(64, 48, 4))
	if got := sonarAsk(`mutation { linkFileToEntity(input: {files: {file_id: {number}} fileable_type: Vendor fileable_id: `+entity+`}) { id } }`)(t, e, theirs, linked); got != http.StatusOK {
		t.Fatalf("the link is %d", got)
	}
	for _, caller := range []string{e.Key("rw"), e.Token(claims{Sub: "root"})} {
		for _, query := range []string{"", "?offset=1", "?state=pending,ready,rejected,failed"} {
			resp := e.Get(t, "/v1/tags/"+tag+"/files"+query, auth(caller)).Want(t, http.StatusOK)
			if !bytes.Contains(resp.Body, []byte(`"data":[],"pagination":{"total":0,`)) {
				t.Errorf("the tag %s of another tenant shows %s", query, resp.excerpt())
			}
		}
		e.graphQL(t, caller, `{ files(fileable_type: Vendor fileable_id: `+entity+`) { entities { id } } }`).
			Want(t, http.StatusOK).WantBody(t, `{"data":{"files":{"entities":[]}}}`)
	}
}

// testForeignIdempotency shows that a key of one tenant means nothing to another.
func testForeignIdempotency(t *testing.T, e *env) {
	for _, d := range doors {
		if d.vendor == "desk" { // a promise is no upload
			continue
		}
		key, sample := unique(), samples.Text(400, 11)
		ids := map[string]bool{}
		for _, who := range []struct {
			key string
			at  place
		}{{"globex", globexPlace}, {"rw", acmePlace}} {
			f := bring(t, e, d, who.key, auth(e.Key(who.key), "Idempotency-Key", key), who.at, sample)
			ids[f.ID] = true
		}
		if len(ids) != 2 {
			t.Errorf("%s: an Idempotency-Key reaches into another tenant", d.vendor)
		}
	}
}
