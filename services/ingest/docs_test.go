package ingest

import (
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.yaml.in/yaml/v3"

	"github.com/inlethq/inlet/services/ingest/docs"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/tiledesk"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
)

// Every route is in the document of its API, and a document has no other.
func TestDocumentsHaveEveryRoute(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	d := doortest.New(t, doortest.Directory(t, "tenants: [{id: acme, plan: unlimited}]"), doortest.Options{Config: door.Config{MaxUploads: 1}})
	var names []string
	cfg := &Config{Tiledesk: tiledesk.Config{ChatLife: 1}}
	for _, dialect := range dialects {
		names = append(names, dialect.name)
		engine := gin.New()
		dialect.open(d, cfg, Needs{Core: d.Core, Log: slog.New(slog.DiscardHandler)}).Mount(engine)
		mounted := map[string]bool{}
		for _, r := range engine.Routes() {
			mounted[r.Method+" "+template(r.Path)] = true
		}
		documented := documentedRoutes(t, dialect.name)
		for route := range mounted {
			if !documented[route] {
				t.Errorf("%s: %s is in no document", dialect.name, route)
			}
		}
		for route := range documented {
			if !mounted[route] && !isBareTiledesk(route) {
				t.Errorf("%s: %s is documented and not there", dialect.name, route)
			}
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(docs.Names))) {
		t.Errorf("the APIs are %v, the documents %v", names, docs.Names)
	}
}

var ginParameter = regexp.MustCompile(`:[a-z]+`)

// template writes the path of a route with {} for every parameter, whatever its name.
func template(path string) string { return ginParameter.ReplaceAllString(path, "{}") }

var namedParameter = regexp.MustCompile(`\{[a-z]+\}`)

// isBareTiledesk reports whether a route is one that Tiledesk serves without a route, by the form of its project's id.
func isBareTiledesk(route string) bool { return strings.Contains(route, " /{}/files") }

// documentedRoutes are the methods and paths of a document, below each of its servers.
func documentedRoutes(t *testing.T, name string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", "openapi", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type server struct{ URL string }
	var doc struct {
		Servers []server
		Paths   map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	routes := map[string]bool{}
	for path, item := range doc.Paths {
		servers := doc.Servers
		if own, ok := item["servers"]; ok {
			servers = nil
			if err := own.Decode(&servers); err != nil {
				t.Fatal(err)
			}
		}
		for member := range maps.Keys(item) {
			method := strings.ToUpper(member)
			if !slices.Contains(methods, method) {
				continue
			}
			for _, s := range servers {
				routes[method+" "+namedParameter.ReplaceAllString(strings.TrimSuffix(s.URL, "/")+path, "{}")] = true
			}
		}
	}
	return routes
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
