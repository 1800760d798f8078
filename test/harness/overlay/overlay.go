// Package overlay builds a program of Inlet from a source that differs a little from the tree's, without touching the tree.
//
// It is for tests that need a program which ships in no release: one with a fault sown into it on purpose, to show that a test finds it, or one with
// a seam that a test can get hold of, such as the host's clock. It is no patch tool: a change names the text that it replaces, and when the
// tree no longer has that text the build fails rather than make a program that is not what the test believes.
package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrStale says that a change does not fit the tree any more: its text is not there, or not once.
var ErrStale = errors.New("the change is stale")

// Change replaces one piece of text in one file. Changes of one file apply in their order, each to what the one before has left.
type Change struct {
	File string // path from the top of the repository, with slashes
	Old  string // must stand in the file exactly once; empty for a file that is new, and must not be there
	New  string // takes its place
}

// Build builds a program, the one of services/<program>/cmd/<program>, as a release is built but with the changes, and writes it to out.
// The tree stays as it is, and several builds may run at the same time. A change that does not fit is an error that wraps ErrStale;
// nothing is built then.
func Build(ctx context.Context, repoRoot, out, program string, changes []Change) (err error) {
	root, err := filepath.Abs(repoRoot)
	if err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil { // the compiler runs in root
		return err
	}
	sources, err := apply(root, changes)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "inlet-overlay-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	list, err := write(dir, sources)
	if err != nil {
		return err
	}
	pkg := "./services/" + program + "/cmd/" + program
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", list, "-o", out, pkg) //nolint:gosec // to build a named program is what this is for
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s with %d changes: %w\n%s", program, len(changes), errors.Join(ctx.Err(), err), said)
	}
	return nil
}

// Fits returns nil when the changes can be made to the tree, and an error that wraps ErrStale when one does not fit any more. It compiles nothing.
func Fits(repoRoot string, changes []Change) error {
	root, err := filepath.Abs(repoRoot)
	if err != nil {
		return err
	}
	_, err = apply(root, changes)
	return err
}

// apply returns the changed sources by their absolute paths.
func apply(root string, changes []Change) (map[string]string, error) {
	sources := map[string]string{}
	for _, c := range changes {
		if !filepath.IsLocal(filepath.FromSlash(c.File)) {
			return nil, fmt.Errorf("%q is no path within the repository", c.File)
		}
		path := filepath.Join(root, filepath.FromSlash(c.File))
		text, known := sources[path]
		if !known {
			read, err := os.ReadFile(path) //nolint:gosec // a source of the tree
			if c.Old == "" && errors.Is(err, os.ErrNotExist) {
				sources[path] = c.New
				continue
			}
			if errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("%w: there is no %s", ErrStale, c.File)
			}
			if err != nil {
				return nil, err
			}
			text = string(read)
		}
		if c.Old == "" {
			return nil, fmt.Errorf("%w: %s is there already", ErrStale, c.File)
		}
		if n := strings.Count(text, c.Old); n != 1 {
			return nil, fmt.Errorf("%w: %s holds this text %d times, not once:\n%s", ErrStale, c.File, n, c.Old)
		}
		sources[path] = strings.Replace(text, c.Old, c.New, 1)
	}
	return sources, nil
}

// write keeps the sources in dir and returns the path of the list that `go build -overlay` reads (see `go help build`).
func write(dir string, sources map[string]string) (list string, err error) {
	replace := map[string]string{}
	for path, text := range sources {
		to := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = to
	}
	text, err := json.Marshal(struct{ Replace map[string]string }{replace})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, text, 0o600)
}
