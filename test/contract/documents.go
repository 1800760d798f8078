// Package contract holds the server to its documents (services/ingest/docs): a client whose requests go through a Transport fails on every exchange
// that the OpenAPI document of its API does not describe.
//
// It judges form alone: that a status was the right one is for the test that made the request. Bytes of files are not looked at.
package contract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/inlethq/inlet/test/peers"
)

// Names are the APIs that have a document.
var Names = []string{"native", "tiledesk", "enzyme", "desk", "sonar"}

// Folder is where the documents are.
func Folder() string { return filepath.Join(peers.Root(), "services", "ingest", "docs", "openapi") }

// Documents are those of all APIs, and the routes that they describe. They may be used by many goroutines.
type Documents struct {
	all    map[string]*openapi3.T // by name
	routes []route
}

// route is one path of a document below one of its servers.
type route struct {
	segments []string // a parameter is {name}
	doc      *openapi3.T
	path     string
	item     *openapi3.PathItem
}

// Load reads the documents of a folder.
func Load(folder string) (*Documents, error) {
	d := &Documents{all: map[string]*openapi3.T{}}
	for _, name := range Names {
		text, err := os.ReadFile(filepath.Join(folder, name+".yaml")) //nolint:gosec // a document of the repository, or of a test
		if err == nil {
			err = d.read(name, text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return d, nil
}

// read adds a document.
func (d *Documents) read(name string, text []byte) error {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err == nil {
		d.add(name, doc)
	}
	return err
}

// Validate returns nil when the documents are valid OpenAPI, and no schema refuses its own example.
func (d *Documents) Validate(ctx context.Context) error {
	for name, doc := range d.all {
		if err := doc.Validate(ctx, openapi3.EnableExamplesValidation()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (d *Documents) add(name string, doc *openapi3.T) {
	d.all[name] = doc
	for path, item := range doc.Paths.Map() {
		servers := doc.Servers
		if len(item.Servers) > 0 {
			servers = item.Servers
		}
		for _, s := range servers {
			d.routes = append(d.routes, route{strings.Split(strings.TrimSuffix(s.URL, "/")+path, "/"), doc, path, item})
		}
	}
}

// match returns the values of the parameters in a path that is the route's; ok is false for another path.
func (r route) match(path []string) (params map[string]string, ok bool) {
	if len(path) != len(r.segments) {
		return nil, false
	}
	params = map[string]string{}
	for i, want := range r.segments {
		name, isParam := parameter(want)
		switch {
		case isParam && path[i] != "":
			params[name] = path[i]
		case path[i] != want:
			return nil, false
		}
	}
	return params, true
}

func parameter(segment string) (name string, ok bool) {
	if !strings.HasPrefix(segment, "{") {
		return "", false
	}
	return strings.Trim(segment, "{}"), true
}

// errUnknown is of a path that no document has.
var errUnknown = errors.New("no document has the path")

// find returns what describes a request. Of several routes the one with the fewest parameters does. Operation is nil for a method that the path has not.
func (d *Documents) find(r *http.Request) (*routers.Route, map[string]string, error) {
	path := strings.Split(r.URL.EscapedPath(), "/")
	var (
		best   *route
		values map[string]string
	)
	for i := range d.routes {
		params, ok := d.routes[i].match(path)
		if ok && (best == nil || len(params) < len(values)) {
			best, values = &d.routes[i], params
		}
	}
	if best == nil {
		return nil, nil, errUnknown
	}
	return &routers.Route{
		Spec: best.doc, Path: best.path, PathItem: best.item, Method: r.Method, Operation: best.item.GetOperation(r.Method),
	}, values, nil
}
