package dialects

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

// door is one vendor's API as far as every file passes it, whichever API it came through.
type door struct {
	vendor string // also what events call it in via
	// upload brings a file of the tenant. where is a place that the tenant has.
	upload func(t *testing.T, e *env, h http.Header, where place, s samples.Sample) Response
	// read returns the file's bytes.
	read func(t *testing.T, e *env, authorization string, f stored) Response
	// remove deletes the file; nil where the vendor's API has no way to.
	remove func(t *testing.T, e *env, authorization string, f stored) Response
	// uses are what else the vendor's API does with a file. Each returns nil if that worked.
	uses map[string]func(t *testing.T, e *env, authorization string, f stored) error
}

// place is where a tenant's files go, in the APIs that want to know.
type place struct{ project, channel string }

// places of the tenants that send files through all doors.
var (
	acmePlace   = place{project1, "general"}
	globexPlace = place{project3, "g-general"}
	smallPlace  = place{project4, "s-general"}
)

var doors = []door{tiledeskDoor, enzymeDoor, deskDoor, nativeDoor, sonarDoor}

// testDoors sends a file through each door, uses it through all of them, and deletes it through each that can.
func testDoors(t *testing.T, e *env) {
	for _, in := range doors {
		t.Run("in by "+in.vendor, func(t *testing.T) {
			t.Parallel()
			root := e.Token(claims{Sub: "root"})
			sample := samples.Text(3000, 7)
			f := bring(t, e, in, "rw", auth(root), acmePlace, sample)
			wantVia(t, e, f, in.vendor)
			for _, d := range doors {
				if got := d.read(t, e, root, f); got.Status != http.StatusOK || !bytes.Equal(got.Body, sample.Data) {
					t.Errorf("%s reads %d: %s", d.vendor, got.Status, got.excerpt())
				}
				for name, use := range sorted(d.uses) {
					if err := use(t, e, root, f); err != nil {
						t.Errorf("%s, %s: %v", d.vendor, name, err)
					}
				}
			}
			for _, out := range doors {
				if out.remove != nil {
					testRemoved(t, e, in, out)
				}
			}
		})
	}
	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		testOneQuota(t, e)
	})
}

// bring uploads a file and returns its names. key is one of its tenant that may read.
func bring(t *testing.T, e *env, d door, key string, h http.Header, where place, s samples.Sample) stored {
	t.Helper()
	resp := d.upload(t, e, h, where, s)
	if resp.Status >= 300 {
		t.Fatalf("%s: %s is %d: %s", d.vendor, resp.request, resp.Status, resp.excerpt())
	}
	return e.find(t, key, resp.FileID(t))
}

// wantVia checks what the events tell of the door that a file came through.
func wantVia(t *testing.T, e *env, f stored, vendor string) {
	t.Helper()
	events, err := e.Events.Wait(harness.Context(t), f.ID, event.Stored, event.Verified)
	if err != nil {
		t.Error(err)
	}
	for _, ev := range events {
		if ev.Data.File.Via != vendor {
			t.Errorf("%s says that the file came via %q, want %q", ev.Type, ev.Data.File.Via, vendor)
		}
	}
}

// testRemoved deletes a file through one door and looks for it through all.
func testRemoved(t *testing.T, e *env, in, out door) {
	t.Helper()
	root := e.Token(claims{Sub: "root"})
	f := bring(t, e, in, "rw", auth(root), acmePlace, samples.Text(300, 8))
	if resp := out.remove(t, e, root, f); resp.Status != http.StatusOK {
		t.Errorf("%s deletes with %d: %s", out.vendor, resp.Status, resp.excerpt())
	}
	for _, d := range doors {
		if got := d.read(t, e, root, f); got.Status != http.StatusNotFound {
			t.Errorf("deleted through %s, and %s reads %d", out.vendor, d.vendor, got.Status)
		}
		for name, use := range sorted(d.uses) {
			if use(t, e, root, f) == nil {
				t.Errorf("deleted through %s, and %s still works through %s", out.vendor, name, d.vendor)
			}
		}
	}
	if _, err := e.Events.Wait(harness.Context(t), f.ID, event.Deleted); err != nil {
		t.Error(err)
	}
}

// testOneQuota fills a tenant through several doors. A file counts once, however many doors it is seen through.
func testOneQuota(t *testing.T, e *env) {
	const size = smallStorage * 3 / 8 // two fit, with a quarter to spare
	key := e.Key("small")
	notes := func(n int) samples.Sample { return samples.Text(n, 9) }
	first := bring(t, e, nativeDoor, "small", auth(key), smallPlace, notes(size))
	for _, d := range doors {
		d.read(t, e, key, first).Want(t, http.StatusOK)
	}
	bring(t, e, tiledeskDoor, "small", auth(key), smallPlace, notes(size))
	refused := nativeDoor.upload(t, e, auth(key), smallPlace, notes(size)).Want(t, http.StatusInsufficientStorage)
	if !bytes.Contains(refused.Body, []byte("storage_limit_exceeded")) {
		t.Errorf("over quota: %s", refused.excerpt())
	}
	if resp := sonarDoor.upload(t, e, auth(key), smallPlace, notes(size)); !bytes.Contains(resp.Body, []byte(`"stored":false`)) {
		t.Errorf("over quota, sonar says %d: %s", resp.Status, resp.excerpt())
	}
	bring(t, e, enzymeDoor, "small", auth(key), smallPlace, notes(smallStorage-2*size))
	if resp := nativeDoor.upload(t, e, auth(key), smallPlace, notes(1)); resp.Status != http.StatusInsufficientStorage {
		t.Errorf("one byte over quota is %d: %s", resp.Status, resp.excerpt())
	}
	tiledeskDoor.remove(t, e, key, first).Want(t, http.StatusOK)
	bring(t, e, sonarDoor, "small", auth(key), smallPlace, notes(size))
}

var tiledeskDoor = door{
	vendor: "tiledesk",
	upload: func(t *testing.T, e *env, h http.Header, where place, s samples.Sample) Response {
		t.Helper()
		return e.Send(t, "/v3/"+where.project+"/files/assets", h, newForm().File("file", s))
	},
	read: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Get(t, "/v3/files?path="+url.QueryEscape(f.Path), auth(authorization))
	},
	remove: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Do(t, http.MethodDelete, "/v3/files?path="+url.QueryEscape(f.Path), auth(authorization), nil)
	},
	uses: map[string]func(*testing.T, *env, string, stored) error{
		"download": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.Get(t, "/v3/files/download?path="+url.QueryEscape(f.Path), auth(authorization))
			return resp.wrongUnless(http.StatusOK, strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment"))
		},
	},
}

var enzymeDoor = door{
	vendor: "enzyme",
	upload: func(t *testing.T, e *env, h http.Header, where place, s samples.Sample) Response {
		t.Helper()
		return e.Send(t, "/api/channels/"+where.channel+"/files/upload", h, newForm().File("file", s))
	},
	read: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Get(t, "/api/files/"+f.ID+"/download", auth(authorization))
	},
	remove: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Do(t, http.MethodPost, "/api/files/"+f.ID+"/delete", auth(authorization), nil)
	},
	uses: map[string]func(*testing.T, *env, string, stored) error{
		"sign": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.Do(t, http.MethodPost, "/files/"+f.ID+"/sign-url", auth(authorization), nil)
			return resp.followSigned(t, e, func(body []byte) string {
				var signed struct{ URL string }
				_ = json.Unmarshal(body, &signed)
				return signed.URL
			})
		},
		"sign many": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.JSON(t, "/files/sign-urls", auth(authorization), `{"file_ids": ["`+f.ID+`"]}`)
			return resp.wrongUnless(http.StatusOK, bytes.Contains(resp.Body, []byte(`"file_id":"`+f.ID+`"`)))
		},
	},
}

// deskDoor shows what was deleted as such: its record stays, and its bytes do not.
var deskDoor = door{
	vendor: "desk",
	upload: deskUpload,
	read: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Get(t, "/desk/api/v2/files/"+f.Number+"/download", auth(authorization))
	},
	uses: map[string]func(*testing.T, *env, string, stored) error{
		"record": func(t *testing.T, e *env, authorization string, f stored) error {
			var body struct {
				File struct {
					State       string `json:"state"`
					DownloadURL string `json:"downloadURL"`
				} `json:"file"`
			}
			resp := e.Get(t, "/desk/api/v2/files/"+f.Number+".json", auth(authorization))
			if err := json.Unmarshal(resp.Body, &body); err != nil || body.File.State != "active" {
				return errors.Join(err, resp.wrongUnless(http.StatusOK, false))
			}
			return e.Get(t, body.File.DownloadURL, nil).wrongUnless(http.StatusOK, true) // its proxyKey is the permission
		},
		"list": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.Get(t, "/desk/api/v2/files.json?per_page=500&sort_by=id&sort_dir=desc", auth(authorization))
			return resp.wrongUnless(http.StatusOK, bytes.Contains(resp.Body, []byte(`"id":`+f.Number+`,`)))
		},
	},
}

// deskUpload takes the three steps, and returns the last answer, or the first that is none of a success.
func deskUpload(t *testing.T, e *env, h http.Header, _ place, s samples.Sample) Response {
	t.Helper()
	ask, err := json.Marshal(map[string]string{"type": "attachment", "disposition": "attachment", "filename": s.Name, "mimeType": s.Type})
	if err != nil {
		t.Fatal(err)
	}
	resp := e.JSON(t, "/desk/api/v2/files/ref.json", h, string(ask))
	if resp.Status >= 300 {
		return resp
	}
	var ref struct {
		URL    string            `json:"url"`
		Params map[string]string `json:"params"`
		File   struct {
			ID json.Number `json:"id"`
		} `json:"file"`
	}
	resp.Decode(t, &ref)
	f := newForm()
	for name, value := range sorted(ref.Params) {
		f.Field(name, value)
	}
	if resp = e.Send(t, ref.URL, auth(""), f.File("file", s)); resp.Status >= 300 {
		return resp
	}
	return e.Do(t, http.MethodPatch, "/desk/api/v2/files/"+ref.File.ID.String()+".json", h, nil)
}

var nativeDoor = door{
	vendor: "native",
	upload: func(t *testing.T, e *env, h http.Header, _ place, s samples.Sample) Response {
		t.Helper()
		return e.Send(t, "/v1/files", h, newForm().File("file", s))
	},
	read: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Get(t, "/v1/files/file_"+f.ID+"/download", auth(authorization))
	},
	remove: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Do(t, http.MethodDelete, "/v1/files/file_"+f.ID, auth(authorization), nil)
	},
	uses: map[string]func(*testing.T, *env, string, stored) error{
		"record": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.Get(t, "/v1/files/"+f.Number, auth(authorization))
			return resp.wrongUnless(http.StatusOK, bytes.Contains(resp.Body, []byte(`"id":"file_`+f.ID+`"`)))
		},
		"sign": func(t *testing.T, e *env, authorization string, f stored) error {
			resp := e.Do(t, http.MethodPost, "/v1/files/"+f.ID+"/sign", auth(authorization), nil)
			return resp.followSigned(t, e, func(body []byte) string {
				var signed struct{ Data struct{ URL string } }
				_ = json.Unmarshal(body, &signed)
				return signed.Data.URL
			})
		},
		"list": func(t *testing.T, e *env, authorization string, f stored) error {
			path := "/v1/files?order=desc&limit=100"
			for range 20 {
				var page struct {
					Data       []struct{ ID string }
					Pagination struct {
						Next string `json:"next_cursor"`
					}
				}
				resp := e.Get(t, path, auth(authorization))
				if err := json.Unmarshal(resp.Body, &page); err != nil {
					return errors.Join(err, resp.wrongUnless(http.StatusOK, false))
				}
				if slices.ContainsFunc(page.Data, func(d struct{ ID string }) bool { return d.ID == "file_"+f.ID }) {
					return nil
				}
				if page.Pagination.Next == "" {
					break
				}
				path = "/v1/files?order=desc&limit=100&cursor=" + page.Pagination.Next
			}
			return errors.New("not listed")
		},
	},
}

var sonarDoor = door{
	vendor: "sonar",
	upload: func(t *testing.T, e *env, h http.Header, _ place, s samples.Sample) Response {
		t.Helper()
		return e.Send(t, "/api/files", h, newForm().File("files[]", s))
	},
	read: func(t *testing.T, e *env, authorization string, f stored) Response {
		t.Helper()
		return e.Get(t, "/api/files/"+f.Number, auth(authorization))
	},
	uses: map[string]func(*testing.T, *env, string, stored) error{
		"link": func(t *testing.T, e *env, authorization string, f stored) error {
			account := f.Number // an entity of the file's own
			resp := e.graphQL(t, authorization, `mutation { linkFileToEntity(input: {files: {file_id: `+f.Number+`} fileable_type: Account fileable_id: `+account+`}) { id } }`)
			if err := resp.wrongUnless(http.StatusOK, !bytes.Contains(resp.Body, []byte(`"errors"`))); err != nil {
				return err
			}
			resp = e.graphQL(t, authorization, `{ files(fileable_type: Account fileable_id: `+account+`) { entities { id filename } } }`)
			return resp.wrongUnless(http.StatusOK, bytes.Contains(resp.Body, []byte(`"id":"`+f.Number+`"`)))
		},
	},
}

// followSigned reads a file by the URL that an answer has, without a credential.
func (r Response) followSigned(t *testing.T, e *env, urlOf func(body []byte) string) error {
	t.Helper()
	signed := urlOf(r.Body)
	if signed == "" {
		return r.wrongUnless(http.StatusOK, false)
	}
	return e.Get(t, signed, nil).wrongUnless(http.StatusOK, true)
}

// graphQL sends a GraphQL document.
func (e *env) graphQL(t *testing.T, authorization, query string) Response {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	return e.JSON(t, "/api/graphql", auth(authorization), string(body))
}

// wrongUnless is an error unless the answer has the status and what it should say is said.
func (r Response) wrongUnless(status int, said bool) error {
	if r.Status == status && said {
		return nil
	}
	return fmt.Errorf("%s is %d: %s", r.request, r.Status, r.excerpt())
}
