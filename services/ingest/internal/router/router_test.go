package router_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// dialect has one good route and one that panics.
type dialect struct{}

func (dialect) Name() string { return "test" }

func (dialect) Mount(r gin.IRouter) {
	r.GET("/ok", func(g *gin.Context) { g.String(http.StatusOK, router.RequestID(g.Request.Context())) })
	r.GET("/panic", func(*gin.Context) { panic("boom") })
}

func (dialect) NotFound(g *gin.Context) bool {
	if !strings.HasPrefix(g.Request.URL.Path, "/ours") {
		return false
	}
	g.String(http.StatusNotFound, "not here")
	return true
}

func (dialect) MethodNotAllowed(g *gin.Context) bool {
	g.String(http.StatusMethodNotAllowed, "not so")
	return true
}

func request(t *testing.T, method, target, id string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	h := router.New(router.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}, dialect{})
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, target, nil)
	if id != "" {
		r.Header.Set("X-Request-Id", id)
	}
	h.ServeHTTP(w, r)
	return w, log.String()
}

func TestRequestID(t *testing.T) {
	for id, kept := range map[string]bool{"abc-1": true, "": false, strings.Repeat("x", 129): false, "a b": false, `a"b`: false, "ä": false} {
		w, _ := request(t, http.MethodGet, "/ok", id)
		got := w.Header().Get("X-Request-Id")
		if got == "" || got != w.Body.String() || (got == id) != kept {
			t.Errorf("%q became %q, seen inside as %q", id, got, w.Body)
		}
	}
}

func TestLogHasNoQuery(t *testing.T) {
	_, log := request(t, http.MethodGet, "/ok?sig=secret", "")
	if !strings.Contains(log, `"path":"/ok"`) || !strings.Contains(log, `"status":200`) || strings.Contains(log, "secret") {
		t.Errorf("logged %s", log)
	}
}

func TestPanicCutsTheConnectionAndIsLogged(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the value that net/http compares
			t.Errorf("net/http is told %v", v)
		}
	}()
	request(t, http.MethodGet, "/panic", "")
	t.Error("the panic was swallowed: the client would take the answer for whole")
}

func TestUnknownPathAndMethod(t *testing.T) {
	if w, _ := request(t, http.MethodGet, "/ours/x", ""); w.Code != http.StatusNotFound || w.Body.String() != "not here" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w, _ := request(t, http.MethodPost, "/ok", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET" {
		t.Errorf("%d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

// pages have every path, also those that are the dialect's.
type pages struct{}

func (pages) Has(r *http.Request) bool { return r.Method == http.MethodGet }

func (pages) ServeHTTP(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a page")) }

func TestPagesTakeNoRouteOfADialect(t *testing.T) {
	h := router.New(router.Config{Log: slog.New(slog.DiscardHandler), Pages: []router.Pages{pages{}}}, dialect{})
	for _, c := range []struct {
		method, target string
		status         int
		page           bool
	}{
		{http.MethodGet, "/", http.StatusOK, true},
		{http.MethodPost, "/", http.StatusNotFound, false},
		{http.MethodGet, "/ok", http.StatusOK, false},
		{http.MethodPost, "/ok", http.StatusMethodNotAllowed, false},
		{http.MethodGet, "/ours/x", http.StatusNotFound, false},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if w.Code != c.status || (w.Body.String() == "a page") != c.page {
			t.Errorf("%s %s: %d %q", c.method, c.target, w.Code, w.Body)
		}
	}
}
