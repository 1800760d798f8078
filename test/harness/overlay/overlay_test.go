package overlay

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package main

import "fmt"

func main() { fmt.Print(greeting, " ", name, "\n") }

const greeting = "hello"
const name = "tree"
`

const file = "services/greet/cmd/greet/main.go"

// tree makes a repository with one program.
func tree(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{"go.mod": "module greet.test\n\ngo 1.26\n", file: source} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestBuild(t *testing.T) {
	tests := []struct {
		name    string
		changes []Change
		want    string
	}{
		{"as it is", nil, "hello tree"},
		{"one change", []Change{{file, `"tree"`, `"overlay"`}}, "hello overlay"},
		{"two changes of one file", []Change{{file, `"tree"`, `"overlay"`}, {file, `"hello"`, `"good day"`}}, "good day overlay"},
		{"a change of what a change has made", []Change{{file, `"tree"`, `"one"`}, {file, `"one"`, `"two"`}}, "hello two"},
		{"a new file", []Change{
			{file, "const name = \"tree\"\n", ""},
			{"services/greet/cmd/greet/name.go", "", "package main\n\nconst name = \"stranger\"\n"},
		}, "hello stranger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t)
			out := filepath.Join(t.TempDir(), "greet")
			if err := Build(t.Context(), root, out, "greet", tt.changes); err != nil {
				t.Fatal(err)
			}
			said, err := exec.Command(out).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(said)); got != tt.want {
				t.Errorf("the program says %q, want %q", got, tt.want)
			}
			if text, err := os.ReadFile(filepath.Join(root, file)); err != nil || string(text) != source {
				t.Errorf("the tree was touched: %v\n%s", err, text)
			}
			if _, err := os.Stat(filepath.Join(root, "services/greet/cmd/greet/name.go")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the tree has a new file: %v", err)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change Change
		stale  bool
		says   string
	}{
		{"text that is not there", Change{file, `"forest"`, `"overlay"`}, true, "0 times"},
		{"text that is there twice", Change{file, "const", "var"}, true, "2 times"},
		{"no such file", Change{"services/greet/none.go", "a", "b"}, true, "there is no services/greet/none.go"},
		{"a new file that is there", Change{file, "", "package main\n"}, true, "there already"},
		{"a path out of the tree", Change{"../main.go", "", "package main\n"}, false, "no path within"},
		{"an absolute path", Change{"/main.go", "", "package main\n"}, false, "no path within"},
		{"source that does not compile", Change{file, `"tree"`, "1 +"}, false, "main.go:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "greet")
			err := Build(t.Context(), tree(t), out, "greet", []Change{tt.change})
			if err == nil || errors.Is(err, ErrStale) != tt.stale || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Build = %v, want %q, stale %v", err, tt.says, tt.stale)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a program was built: %v", err)
			}
		})
	}
}

func TestBuildCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Build(ctx, tree(t), filepath.Join(t.TempDir(), "greet"), "greet", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Build = %v, want context.Canceled", err)
	}
}
