package dialects

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/samples"
)

// enzymeURL is one signed URL as the API shows it.
type enzymeURL struct {
	FileID    string `json:"file_id"`
	URL       string `json:"url"`
	ExpiresAt string `json:"expires_at"`
}

// enzymeSign signs a file's URL.
func enzymeSign(t testing.TB, e *env, h http.Header, id string) enzymeURL {
	t.Helper()
	var u enzymeURL
	e.JSON(t, "/files/"+id+"/sign-url", h, "").Want(t, http.StatusOK).Decode(t, &u)
	return u
}

// query is the URL's, to be changed.
func (u enzymeURL) query(t testing.TB) url.Values {
	t.Helper()
	parsed, err := url.Parse(u.URL)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Query()
}

func enzymeSignOne(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	id := enzymeFile(t, e, h, "general")
	for _, base := range []string{"", "/api"} {
		before := time.Now()
		r := e.JSON(t, base+"/files/"+id+"/sign-url", h, "").Want(t, http.StatusOK)
		var u enzymeURL
		r.Decode(t, &u)
		q := u.query(t)
		want := fmt.Sprintf("%s/api/files/%s/download?expires=%s&sig=%s&tenant=acme&uid=member", e.Base(), id, q.Get("expires"), q.Get("sig"))
		if u.URL != want {
			t.Errorf("url is %s, want %s", u.URL, want)
		}
		r.WantBody(t, fmt.Sprintf(`{"file_id":%q,"url":"%s","expires_at":%q}`+"\n", id, want, u.ExpiresAt))
		at, err := time.Parse("2006-01-02T15:04:05Z", u.ExpiresAt)
		if life := at.Sub(before.Truncate(time.Second)); err != nil || life < time.Hour || life > time.Hour+time.Minute {
			t.Errorf("expires_at is %s: a life of %s, %v", u.ExpiresAt, life, err)
		}
		e.Get(t, u.URL, nil).Want(t, http.StatusOK)
	}
}

// enzymeSharing: whoever has the URL has the file, and nothing else; and it is good in the native API as well, whose own are good here.
func enzymeSharing(t *testing.T, e *env) {
	h := enzymeUser(e, "insider")
	id := enzymeSend(t, e, h, "ops", samples.PNG(320, 240, 1)).Want(t, http.StatusOK).FileID(t)
	query := enzymeSign(t, e, h, id).query(t).Encode()
	other := enzymeFile(t, e, h, "ops")
	one := "/v1/files/file_" + id
	for path, status := range map[string]int{
		"/files/" + id + "/download":             200,
		one + "/download":                        200,
		"/v1/files/" + id + "/download":          200,
		one + "/thumbnail":                       200,
		one:                                      401,
		one + "/timeline":                        401,
		"/v1/files":                              401,
		"/files/" + other + "/download":          403,
		"/v1/files/" + other + "/download":       403,
		"/v1/files/file_" + other + "/thumbnail": 403,
	} {
		e.Get(t, path+"?"+query, nil).Want(t, status)
	}
	e.Do(t, http.MethodDelete, one+"?"+query, nil, nil).Want(t, http.StatusUnauthorized)
	for _, path := range []string{"/download?", "/download?width=100&format=jpeg&", "/thumbnail?", "/thumbnail?width=50&"} {
		if r := e.Get(t, one+path+query, nil).Want(t, http.StatusOK); r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s has Cache-Control %q", path, r.Header.Get("Cache-Control"))
		}
		e.Do(t, http.MethodHead, one+path+query, nil, nil).Want(t, http.StatusOK)
	}

	var signed struct {
		Data struct {
			ID, URL   string
			ExpiresAt string `json:"expires_at"`
		}
	}
	e.JSON(t, one+"/sign", auth(e.Key("rw")), `{"expires_in":604800}`).Want(t, http.StatusOK).Decode(t, &signed)
	if signed.Data.ID != "file_"+id || !strings.HasPrefix(signed.Data.URL, e.Base()+one+"/download?expires=") {
		t.Errorf("signed %+v", signed.Data)
	}
	if at, err := time.Parse(time.RFC3339, signed.Data.ExpiresAt); err != nil || time.Until(at) < 7*24*time.Hour-time.Minute {
		t.Errorf("expires_at is %s", signed.Data.ExpiresAt)
	}
	e.Get(t, signed.Data.URL, nil).Want(t, http.StatusOK)
	_, query, _ = strings.Cut(signed.Data.URL, "?")
	e.Get(t, "/files/"+id+"/download?"+query, nil).Want(t, http.StatusOK)
	for body, status := range map[string]int{"": 200, "{}": 200, `{"expires_in":0}`: 400, `{"expires_in":604801}`: 400, `{"expires_in":"1"}`: 400, `{"uid":"root"}`: 400} {
		e.JSON(t, one+"/sign", h, body).Want(t, status)
	}
	e.JSON(t, one+"/sign", auth(""), "").Want(t, http.StatusUnauthorized)
	e.JSON(t, one+"/sign", auth(e.Key("write")), "").Want(t, http.StatusForbidden)
	e.JSON(t, one+"/sign", auth(e.Key("globex")), "").Want(t, http.StatusNotFound)
}

// enzymeDenied are the answers to who may not do a thing with a file, by the thing.
func enzymeDenied(t *testing.T, e *env, action string, forbidden map[string]http.Header) {
	t.Helper()
	insider := enzymeUser(e, "insider")
	id := enzymeFile(t, e, insider, "ops")
	path := "/files/" + id + "/" + action
	for _, h := range []http.Header{auth(""), auth("Bearer nonsense")} {
		e.JSON(t, path, h, "").Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
	}
	for name, h := range forbidden {
		t.Run(name, func(t *testing.T) {
			e.JSON(t, path, h, "").Want(t, http.StatusForbidden).WantBody(t, enzymeError("PERMISSION_DENIED", "Permission denied"))
		})
	}
	missing := enzymeError("NOT_FOUND", "File not found")
	e.JSON(t, path, auth(e.Key("globex")), "").Want(t, http.StatusNotFound).WantBody(t, missing)
	for _, unknown := range []string{enzymeUnknown, "x", "file_" + id} {
		e.JSON(t, "/files/"+unknown+"/"+action, insider, "").Want(t, http.StatusNotFound).WantBody(t, missing)
	}
	if r := e.Get(t, path, insider).Want(t, http.StatusMethodNotAllowed); r.Header.Get("Allow") != http.MethodPost {
		t.Errorf("Allow is %q", r.Header.Get("Allow"))
	}
	e.Get(t, "/files/"+id+"/download", insider).Want(t, http.StatusOK)
}

func enzymeSignErrors(t *testing.T, e *env) {
	enzymeDenied(t, e, "sign-url", map[string]http.Header{
		"not in the channel":      enzymeUser(e, "owner"),
		"of the tenant alone":     enzymeUser(e, "outsider"),
		"a key that may not read": auth(e.Key("write")),
	})
}

func enzymeBatches(t *testing.T, e *env) {
	member, insider := enzymeUser(e, "member"), enzymeUser(e, "insider")
	a, b, secret := enzymeFile(t, e, member, "general"), enzymeFile(t, e, member, "general"), enzymeFile(t, e, insider, "ops")
	deleted := enzymeFile(t, e, member, "general")
	e.JSON(t, "/files/"+deleted+"/delete", member, "").Want(t, http.StatusOK)
	foreign := enzymeSend(t, e, auth(e.Key("globex")), "g-general", samples.Text(100, 1)).Want(t, http.StatusOK).FileID(t)
	for name, x := range map[string]struct {
		h         http.Header
		ids, want []string
	}{
		"in the order asked for":   {member, []string{b, a}, []string{b, a}},
		"only what may be read":    {member, []string{secret, a, foreign, enzymeUnknown, b, deleted}, []string{a, b}},
		"all of them":              {insider, []string{a, secret, b}, []string{a, secret, b}},
		"twice":                    {member, []string{a, b, a}, []string{a, b, a}},
		"malformed":                {member, []string{"", "x", "file_" + a, a, "'; drop"}, []string{a}},
		"none that may be":         {member, []string{secret}, nil},
		"none":                     {member, []string{}, nil},
		"a key that may not read":  {auth(e.Key("write")), []string{a}, nil},
		"another tenant's with it": {auth(e.Key("globex")), []string{a, foreign}, []string{foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, base := range []string{"", "/api"} {
				r := enzymeBatch(t, e, base, x.h, x.ids).Want(t, http.StatusOK)
				var body struct {
					URLs []enzymeURL `json:"urls"`
				}
				r.Decode(t, &body)
				if x.want == nil {
					r.WantBody(t, `{"urls":[]}`+"\n")
				}
				var got []string
				for _, u := range body.URLs {
					got = append(got, u.FileID)
					if r := e.Get(t, u.URL, nil).Want(t, http.StatusOK); r.FileID(t) != u.FileID {
						t.Errorf("the URL of %s is for %s", u.FileID, r.FileID(t))
					}
				}
				if !slices.Equal(got, x.want) {
					t.Errorf("signed %v, want %v", got, x.want)
				}
			}
		})
	}
}

// enzymeBatch asks for the signed URLs of many files.
func enzymeBatch(t testing.TB, e *env, base string, h http.Header, ids []string) Response {
	t.Helper()
	body, err := json.Marshal(map[string][]string{"file_ids": ids})
	if err != nil {
		t.Fatal(err)
	}
	return e.JSON(t, base+"/files/sign-urls", h, string(body))
}

func enzymeBatchErrors(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	e.JSON(t, "/files/sign-urls", auth(""), `{"file_ids":[]}`).Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
	e.JSON(t, "/files/sign-urls", auth(""), `{`).Want(t, http.StatusUnauthorized)
	for _, body := range []string{"", "{", "[]", "null", "{}", `{"file_ids":null}`, `{"file_ids":"x"}`, `{"file_ids":[1]}`, `{"file_ids":[{}]}`, `{"file_ids":[]}x`,
		`{"file_ids":["` + strings.Repeat("x", 70_000) + `"]}`} {
		e.JSON(t, "/files/sign-urls", h, body).Want(t, http.StatusBadRequest).WantBody(t, enzymeInvalid)
	}
	enzymeBatch(t, e, "", h, slices.Repeat([]string{enzymeUnknown}, 101)).Want(t, http.StatusBadRequest).
		WantBody(t, enzymeError("VALIDATION_ERROR", "Maximum 100 file IDs per request"))
	e.Get(t, "/files/sign-urls", h).Want(t, http.StatusMethodNotAllowed)
}

func enzymeSignHundred(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	var ids []string
	for range 4 {
		ids = append(ids, enzymeFile(t, e, h, "general"))
	}
	for len(ids) < 100 { // unknown ones between the known
		ids = append(ids, enzymeUnknown, ids[len(ids)%4])
	}
	ids = ids[:100]
	var body struct {
		URLs []enzymeURL `json:"urls"`
	}
	enzymeBatch(t, e, "", h, ids).Want(t, http.StatusOK).Decode(t, &body)
	want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == enzymeUnknown })
	if len(body.URLs) != len(want) {
		t.Fatalf("%d URLs, want %d", len(body.URLs), len(want))
	}
	for i, u := range body.URLs {
		if u.FileID != want[i] || !strings.Contains(u.URL, "/files/"+want[i]+"/download?") || u.ExpiresAt != body.URLs[0].ExpiresAt {
			t.Errorf("the %dth is %+v, want %s", i, u, want[i])
		}
	}
}

func enzymeDelete(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	for _, base := range []string{"", "/api"} {
		id := enzymeFile(t, e, h, "general")
		signed := enzymeSign(t, e, h, id)
		path := base + "/files/" + id + "/delete"
		e.Do(t, http.MethodDelete, path, h, nil).Want(t, http.StatusMethodNotAllowed)
		e.JSON(t, path, h, "").Want(t, http.StatusOK).WantBody(t, `{"success":true}`)
		missing := enzymeError("NOT_FOUND", "File not found")
		e.JSON(t, path, h, "").Want(t, http.StatusNotFound).WantBody(t, missing)
		e.Get(t, base+"/files/"+id+"/download", h).Want(t, http.StatusNotFound).WantBody(t, missing)
		e.Get(t, signed.URL, nil).Want(t, http.StatusNotFound).WantBody(t, missing)
		e.JSON(t, base+"/files/"+id+"/sign-url", h, "").Want(t, http.StatusNotFound)
		e.Get(t, "/v1/files/"+id, auth(e.Key("rw"))).Want(t, http.StatusNotFound)
	}
}

func enzymeDeleteRule(t *testing.T, e *env) {
	channelOwner := e.Token(claims{Sub: unique(), Roles: map[string]string{"channel/general": "owner"}})
	for name, x := range map[string]struct {
		credential, channel string // of who deletes, and where insider's file is
		status              int
	}{
		"the uploader":                     {e.Token(claims{Sub: "insider"}), "ops", 200},
		"the workspace's owner":            {e.Token(claims{Sub: "owner"}), "general", 200},
		"the workspace's admin":            {e.Token(claims{Sub: "admin"}), "general", 200},
		"the workspace's admin, private":   {e.Token(claims{Sub: "admin"}), "ops", 200}, // who cannot read it
		"the tenant's admin":               {e.Token(claims{Sub: "manager"}), "ops", 200},
		"a key":                            {e.Key("rw"), "ops", 200},
		"a key that may only write":        {e.Key("write"), "ops", 200},
		"a supervisor":                     {e.Token(claims{Sub: "supervisor"}), "general", 403},
		"another member":                   {e.Token(claims{Sub: "member"}), "general", 403},
		"a member of the tenant":           {e.Token(claims{Sub: "staff"}), "general", 403},
		"the owner of another workspace":   {e.Token(claims{Sub: "second"}), "general", 403},
		"the owner of the channel alone":   {channelOwner, "general", 403},
		"a key that may only read":         {e.Key("read"), "general", 403},
		"the owner of another tenant":      {e.Token(claims{Tenant: globex, Sub: "alien"}), "general", 404},
		"a key of another tenant":          {e.Key("globex"), "general", 404},
		"the uploader's id, other tenant":  {e.Token(claims{Tenant: globex, Sub: "insider"}), "general", 404},
		"the uploader, whose token is old": {e.Token(claims{Sub: "insider", Life: -time.Minute}), "general", 401},
	} {
		t.Run(name, func(t *testing.T) {
			id := enzymeFile(t, e, enzymeUser(e, "insider"), x.channel)
			e.JSON(t, "/files/"+id+"/delete", auth(x.credential), "").Want(t, x.status)
			left := http.StatusOK
			if x.status == http.StatusOK {
				left = http.StatusNotFound
			}
			e.Get(t, "/files/"+id+"/download", enzymeUser(e, "insider")).Want(t, left)
		})
	}
}

func enzymeDeleteErrors(t *testing.T, e *env) {
	enzymeDenied(t, e, "delete", map[string]http.Header{
		"another member":           enzymeUser(e, "staff"),
		"of the tenant alone":      enzymeUser(e, "outsider"),
		"a key that may only read": auth(e.Key("read")),
	})
}
