package cors_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inlethq/inlet/services/ingest/internal/cors"
)

const (
	app  = "https://app.acme.test"
	evil = "https://evil.test"
)

// answer is what a request from an origin gets.
func answer(t *testing.T, origins []string, method, origin string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, "/v1/files", nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	cors.Handler(origins, next).ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	preflight := []string{"Access-Control-Request-Method", http.MethodPatch, "Access-Control-Request-Headers", "upload-offset"}
	for name, c := range map[string]struct {
		origins []string
		method  string
		origin  string
		headers []string
		status  int
		allowed string
	}{
		"off":                    {nil, http.MethodGet, app, nil, http.StatusTeapot, ""},
		"off, preflight":         {nil, http.MethodOptions, app, preflight, http.StatusTeapot, ""},
		"known":                  {[]string{app, "http://localhost:5173"}, http.MethodGet, app, nil, http.StatusTeapot, app},
		"known, preflight":       {[]string{app}, http.MethodOptions, app, preflight, http.StatusNoContent, app},
		"known, OPTIONS of tus":  {[]string{app}, http.MethodOptions, app, nil, http.StatusTeapot, app},
		"unknown":                {[]string{app}, http.MethodGet, evil, nil, http.StatusTeapot, ""},
		"unknown, preflight":     {[]string{app}, http.MethodOptions, evil, preflight, http.StatusTeapot, ""},
		"another port":           {[]string{app}, http.MethodGet, app + ":444", nil, http.StatusTeapot, ""},
		"a longer name":          {[]string{app}, http.MethodGet, app + ".evil.test", nil, http.StatusTeapot, ""},
		"sandboxed":              {[]string{app}, http.MethodGet, "null", nil, http.StatusTeapot, ""},
		"no page":                {[]string{app}, http.MethodGet, "", nil, http.StatusTeapot, ""},
		"anybody":                {[]string{"*"}, http.MethodGet, evil, nil, http.StatusTeapot, "*"},
		"anybody, preflight":     {[]string{"*"}, http.MethodOptions, evil, preflight, http.StatusNoContent, "*"},
		"anybody, but no page":   {[]string{"*"}, http.MethodGet, "", nil, http.StatusTeapot, ""},
		"a star among the known": {[]string{app}, http.MethodGet, "*", nil, http.StatusTeapot, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := answer(t, c.origins, c.method, c.origin, c.headers...)
			h := w.Header()
			if w.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed {
				t.Errorf("%d, allowed %q", w.Code, h.Get("Access-Control-Allow-Origin"))
			}
			if h.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if named := len(c.origins) > 0 && c.origins[0] != "*"; (h.Get("Vary") == "Origin") != named {
				t.Errorf("Vary %q", h.Get("Vary"))
			}
			if preflighted := c.status == http.StatusNoContent; preflighted != (h.Get("Access-Control-Allow-Methods") != "") || preflighted && !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Upload-Offset") {
				t.Errorf("methods %q, headers %q", h.Get("Access-Control-Allow-Methods"), h.Get("Access-Control-Allow-Headers"))
			}
			if exposed := h.Get("Access-Control-Expose-Headers"); (c.allowed != "" && c.status == http.StatusTeapot) != strings.Contains(exposed, "Inlet-File-Id") {
				t.Errorf("exposed %q", exposed)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, good := range [][]string{nil, {"*"}, {app}, {app, "http://localhost:5173", "http://[::1]:80"}} {
		if err := cors.Check(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "app.acme.test", app + "/", app + "/x", "https://", "ftp://acme.test", "https://*.acme.test", "https://App.acme.test", "https://u@acme.test", app + "?x", "null", "%"} {
		if err := cors.Check([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if cors.Check([]string{"*", app}) == nil {
		t.Error("a star is taken besides others")
	}
}
