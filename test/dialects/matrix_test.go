package dialects

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// matrix says who may do what through one vendor's API: for each route the status that each caller gets. The statuses are written by hand, by the
// vendor's documents, or by the general rule where those are silent: a member reads and writes, the uploader and an admin delete, what
// belongs to another tenant is not there.
type matrix struct {
	// table has the callers in its first line, and then in each line a route and a status for every caller. "-" is not asked.
	table string
	// uploader are the roles of the caller of that name, who has brought each file, and is no more than a member.
	uploader map[string]string
	// upload brings a fresh file.
	upload func(t *testing.T, e *env, authorization string) Response
	routes map[string]route
}

// route asks one thing of a file, or beside it, and returns the status of the answer.
type route func(t *testing.T, e *env, authorization string, f stored) int

// stored is a file under each of its names.
type stored struct {
	ID     string // ULID
	Number string
	Path   string
}

// find looks up the other names of a file.
func (e *env) find(t *testing.T, key, id string) stored {
	t.Helper()
	f, err := e.As(keyText(key)).Get(t.Context(), id)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return stored{ID: f.Bare(), Number: strconv.FormatInt(f.Number, 10), Path: f.Path}
}

// caller is the Authorization of one of a matrix's callers.
func (m *matrix) caller(t *testing.T, e *env, name string) string {
	t.Helper()
	switch name {
	case "nobody":
		return ""
	case "expired":
		return e.Token(claims{Sub: "root", Life: -time.Minute})
	case "alien":
		return e.Token(claims{Sub: "alien", Tenant: globex})
	case "guest":
		return e.Token(claims{Sub: unique(), Kind: "guest", Roles: map[string]string{"project/" + project1: "guest", "workspace/w1": "guest", "tag/" + teamTag: "guest"}})
	case "uploader":
		return e.Token(claims{Sub: "uploader", Roles: m.uploader})
	case "bot1", "bot2", "bot3":
		return e.Bot(name)
	case "outsider", "staff", "manager", "root", "second", "insider":
		return e.Token(claims{Sub: name})
	}
	if slices.Contains(rungs, name) {
		return e.Token(claims{Sub: name})
	}
	if _, isKey := apiKeys[name]; !isKey {
		t.Fatalf("nobody is called %s", name)
	}
	return e.Key(name)
}

// run asks each route for each caller, of a file of its own.
func (m *matrix) run(t *testing.T, e *env) {
	lines := strings.Split(strings.TrimSpace(m.table), "\n")
	callers := strings.Fields(lines[0])
	unused := maps.Clone(m.routes)
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		name, statuses := cells[0], cells[1:]
		ask, known := m.routes[name]
		if !known || len(statuses) != len(callers) {
			t.Fatalf("the line %q has no route or not a status for each of %d callers", line, len(callers))
		}
		delete(unused, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, caller := range callers {
				if statuses[i] != "-" {
					m.ask(t, e, caller, statuses[i], ask)
				}
			}
		})
	}
	for name := range unused {
		t.Errorf("no line tells of %s", name)
	}
}

func (m *matrix) ask(t *testing.T, e *env, caller, want string, ask route) {
	t.Helper()
	resp := m.upload(t, e, m.caller(t, e, "uploader"))
	if resp.Status >= 300 {
		t.Fatalf("the upload is %d: %s", resp.Status, resp.excerpt())
	}
	f := e.find(t, "rw", resp.FileID(t))
	if got := strconv.Itoa(ask(t, e, m.caller(t, e, caller), f)); got != want {
		t.Errorf("%s gets %s, want %s", caller, got, want)
	}
	if want[0] == '2' {
		return
	}
	// Who is refused has changed nothing.
	if still, err := e.As(keyText("rw")).Get(t.Context(), f.ID); err != nil || still.State != "ready" || still.Description != "" {
		t.Errorf("%s was refused, and the file is %s, described %q: %v", caller, still.State, still.Description, err)
	}
}

// plain is a route that is only a method and a path, with {id}, {number} and {path} for the file's names.
func plain(method, path string) route {
	return func(t *testing.T, e *env, authorization string, f stored) int {
		t.Helper()
		return e.Do(t, method, f.in(path), auth(authorization), nil).Status
	}
}

// in puts a file's names into a path.
func (f stored) in(path string) string {
	return strings.NewReplacer("{id}", f.ID, "{number}", f.Number, "{path}", f.Path).Replace(path)
}
