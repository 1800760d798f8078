package native

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
)

const hookDirectory = `
tenants: [{id: acme}, {id: other}]
users:
  - {id: admin, tenant: acme, roles: {tenant/acme: admin}}
api_keys:
  - {name: hooks, tenant: acme, key: tagd_live_hooks000000000, scopes: [webhooks:write]}
  - {name: files, tenant: acme, key: tagd_live_files000000000, user: admin, scopes: [files:read, files:write]}
  - {name: other, tenant: other, key: tagd_live_other000000000, scopes: [webhooks:write]}
`

const (
	hookKey        = "tagd_live_hooks000000000"
	hooklessKey    = "tagd_live_files000000000"
	foreignHookKey = "tagd_live_other000000000"
)

// hookServer serves the routes of webhooks.
func hookServer(t *testing.T) http.Handler {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	d := doortest.New(t, doortest.Directory(t, hookDirectory), doortest.Options{Config: door.Config{Wait: time.Second}})
	allow := []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16")}
	dialect := &Dialect{Door: d, hooks: egress.New(allow, core.WebhookPorts), log: d.Log}
	r := gin.New()
	dialect.mountWebhooks(r.Group("/v1", dialect.authenticate))
	return r
}

// hookAnswer is what the routes answer with.
type hookAnswer struct {
	status int
	Data   json.RawMessage
	Error  struct{ Code string }
	raw    string
}

func (a hookAnswer) webhook(t *testing.T) webhookBody {
	t.Helper()
	var b webhookBody
	if err := json.Unmarshal(a.Data, &b); err != nil {
		t.Fatalf("%s: %v", a.raw, err)
	}
	return b
}

func ask(t *testing.T, h http.Handler, key, method, path, body string) hookAnswer {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("X-Api-Key", key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	a := hookAnswer{status: w.Code, raw: w.Body.String()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%s %s: %s", method, path, a.raw)
		}
	}
	return a
}

// TestWebhookLife walks through the life of a webhook. Its secret is shown by the answers that make one, and by no other.
func TestWebhookLife(t *testing.T) {
	h := hookServer(t)
	a := ask(t, h, hookKey, "POST", "/v1/webhooks", `{"url":"https://example.com/h?a=1&b=2","events":["file.verified","file.stored","file.stored"],"tag":"t","description":" d "}`)
	w := a.webhook(t)
	if a.status != 201 || !strings.HasPrefix(w.ID, "wh_") || !strings.HasPrefix(w.Secret, "whsec_") || !w.Active || len(w.Secrets) != 1 ||
		!slices.Equal(w.Events, []string{"file.stored", "file.verified"}) || w.Tag != "t" || w.Description != "d" || w.URL != "https://example.com/h?a=1&b=2" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	path := "/v1/webhooks/" + w.ID
	for name, a := range map[string]hookAnswer{
		"list":  ask(t, h, hookKey, "GET", "/v1/webhooks", ""),
		"get":   ask(t, h, hookKey, "GET", path, ""),
		"patch": ask(t, h, hookKey, "PATCH", path, `{"active":false,"events":["*"]}`),
	} {
		if a.status != 200 || !strings.Contains(a.raw, w.ID) || strings.Contains(a.raw, "whsec_") || strings.Contains(a.raw, "s1.") {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	if got := ask(t, h, hookKey, "GET", path, "").webhook(t); got.Active || !slices.Equal(got.Events, []string{"*"}) || got.Tag != "t" {
		t.Errorf("after the change: %+v", got)
	}
	rotated := ask(t, h, hookKey, "POST", path+"/rotate", `{"overlap":"1h"}`).webhook(t)
	if rotated.Secret == "" || rotated.Secret == w.Secret || len(rotated.Secrets) != 2 || rotated.Secrets[1].ExpiresAt == "" || rotated.Secrets[0].ExpiresAt != "" {
		t.Errorf("rotated: %+v", rotated)
	}
	if again := ask(t, h, hookKey, "POST", path+"/rotate", "").webhook(t); len(again.Secrets) != 3 {
		t.Errorf("rotated without a body: %+v", again)
	}

	a = ask(t, h, hookKey, "POST", path+"/test", "")
	var d deliveryBody
	if err := json.Unmarshal(a.Data, &d); err != nil || a.status != 202 || d.EventType != "webhook.test" || d.State != "pending" || d.NextAt == "" {
		t.Fatalf("%d %s, %v", a.status, a.raw, err)
	}
	ask(t, h, hookKey, "POST", path+"/test", "")
	first := ask(t, h, hookKey, "GET", path+"/deliveries?limit=1", "")
	if first.status != 200 || strings.Contains(first.raw, d.ID) || !strings.Contains(first.raw, `"has_more":true`) {
		t.Errorf("the first page: %d %s", first.status, first.raw)
	}
	_, rest, _ := strings.Cut(first.raw, `"next_cursor":"`)
	cursor, _, _ := strings.Cut(rest, `"`)
	if a := ask(t, h, hookKey, "GET", path+"/deliveries?limit=1&state=pending&cursor="+cursor, ""); !strings.Contains(a.raw, d.ID) || strings.Contains(a.raw, "next_cursor") {
		t.Errorf("the second page: %d %s", a.status, a.raw)
	}
	if a := ask(t, h, hookKey, "GET", path+"/deliveries?state=failed", ""); string(a.Data) != "[]" {
		t.Errorf("failed ones: %s", a.raw)
	}
	if a := ask(t, h, hookKey, "POST", path+"/deliveries/"+d.ID+"/redrive", ""); a.status != 202 {
		t.Errorf("redrive: %d %s", a.status, a.raw)
	}

	for _, request := range []struct{ method, path string }{
		{"GET", path}, {"PATCH", path}, {"DELETE", path}, {"POST", path + "/test"}, {"POST", path + "/rotate"}, {"GET", path + "/deliveries"},
		{"POST", path + "/deliveries/" + d.ID + "/redrive"},
	} {
		if a := ask(t, h, foreignHookKey, request.method, request.path, ""); a.status != 404 {
			t.Errorf("another tenant's %s %s: %d %s", request.method, request.path, a.status, a.raw)
		}
		if a := ask(t, h, hooklessKey, request.method, request.path, ""); a.status != 403 {
			t.Errorf("without the right, %s %s: %d %s", request.method, request.path, a.status, a.raw)
		}
	}
	if a := ask(t, h, hookKey, "DELETE", path, ""); a.status != 204 || a.raw != "" {
		t.Errorf("delete: %d %s", a.status, a.raw)
	}
	if a := ask(t, h, hookKey, "GET", path, ""); a.status != 404 || a.Error.Code != "not_found" {
		t.Errorf("after delete: %d %s", a.status, a.raw)
	}
}

func TestWebhookRefusals(t *testing.T) {
	h := hookServer(t)
	good := ask(t, h, hookKey, "POST", "/v1/webhooks", `{"url":"http://example.com","events":["*"]}`).webhook(t)
	for name, body := range map[string]string{ //nolint:gosec // a secret that is refused
		"no body":          ``,
		"no events":        `{"url":"http://example.com"}`,
		"no url":           `{"events":["*"]}`,
		"an empty list":    `{"url":"http://example.com","events":[]}`,
		"an unknown fact":  `{"url":"http://example.com","events":["file.eaten"]}`,
		"all and one":      `{"url":"http://example.com","events":["*","file.stored"]}`,
		"the test":         `{"url":"http://example.com","events":["webhook.test"]}`,
		"another scheme":   `{"url":"ftp://example.com","events":["*"]}`,
		"no scheme":        `{"url":"example.com","events":["*"]}`,
		"a password":       `{"url":"http://u:p@example.com","events":["*"]}`,
		"a fragment":       `{"url":"http://example.com/#a","events":["*"]}`,
		"a line break":     `{"url":"http://example.com/\r\nX: y","events":["*"]}`,
		"a long url":       `{"url":"http://example.com/` + strings.Repeat("a", 2048) + `","events":["*"]}`,
		"a tag":            `{"url":"http://example.com","events":["*"],"tag":"a/b"}`,
		"a secret":         `{"url":"http://example.com","events":["*"],"secret":"hush"}`,
		"a long text":      `{"url":"http://example.com","events":["*"],"description":"` + strings.Repeat("a", 256) + `"}`,
		"loopback":         `{"url":"http://127.0.0.1/","events":["*"]}`,
		"loopback's IPv6":  `{"url":"https://[::1]:8443/","events":["*"]}`,
		"a mapped address": `{"url":"http://[::ffff:192.168.1.1]/","events":["*"]}`,
		"metadata":         `{"url":"http://169.254.169.254/latest","events":["*"]}`,
		"a closed port":    `{"url":"http://1.1.1.1:22/","events":["*"]}`,
		"no port at all":   `{"url":"http://1.1.1.1:99999/","events":["*"]}`,
		"two values":       `{"url":"http://example.com","events":["*"]}{}`,
		"a list":           `[]`,
		"more than it may": `{"url":"` + strings.Repeat("a", maxWebhookBytes) + `"}`,
	} {
		if a := ask(t, h, hookKey, "POST", "/v1/webhooks", body); a.status != 400 || a.Error.Code != "invalid_request" || strings.Contains(a.raw, "hush") {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	if a := ask(t, h, hookKey, "PATCH", "/v1/webhooks/"+good.ID, `{"url":"http://127.0.0.1/"}`); a.status != 400 {
		t.Errorf("changed to loopback: %d %s", a.status, a.raw)
	}
	for _, url := range []string{"http://10.8.1.2:9000/", "http://1.1.1.1:8080/", "https://[2606:4700:4700::1111]/"} {
		if a := ask(t, h, hookKey, "PATCH", "/v1/webhooks/"+good.ID, `{"url":"`+url+`"}`); a.status != 200 {
			t.Errorf("%s: %d %s", url, a.status, a.raw)
		}
	}
	for _, query := range []string{"state=eaten", "limit=0", "limit=101", "limit=x"} {
		if a := ask(t, h, hookKey, "GET", "/v1/webhooks/"+good.ID+"/deliveries?"+query, ""); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	for _, body := range []string{`{"overlap":"a day"}`, `{"overlap":"-1s"}`, `{"overlap":"169h"}`, `{"overlap":1}`} {
		if a := ask(t, h, hookKey, "POST", "/v1/webhooks/"+good.ID+"/rotate", body); a.status != 400 {
			t.Errorf("%s: %d %s", body, a.status, a.raw)
		}
	}
	if a := ask(t, h, "tagd_live_nobody0000000000", "GET", "/v1/webhooks", ""); a.status != 401 {
		t.Errorf("an unknown key: %d", a.status)
	}
	for range 49 {
		ask(t, h, hookKey, "POST", "/v1/webhooks", `{"url":"http://example.com","events":["*"]}`)
	}
	if a := ask(t, h, hookKey, "POST", "/v1/webhooks", `{"url":"http://example.com","events":["*"]}`); a.status != 400 || a.Error.Code != "too_many_webhooks" {
		t.Errorf("the 51st: %d %s", a.status, a.raw)
	}
	if a := ask(t, h, foreignHookKey, "GET", "/v1/webhooks", ""); string(a.Data) != "[]" {
		t.Errorf("another tenant's: %s", a.raw)
	}
}
