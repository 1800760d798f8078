package profile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProfilesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "profiles.json")
	p, err := LoadFrom(path)
	if err != nil || len(p.All) != 0 {
		t.Fatal(p, err)
	}
	if _, ok := p.Get(""); ok {
		t.Error("there is a current one of none")
	}
	p.All["a"], p.All["b"], p.Current = Profile{URL: "http://a", Key: "ka"}, Profile{URL: "http://b", Key: "kb", Tenant: "t"}, "b"
	if err := p.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	p, err = LoadFrom(path)
	if err != nil || !slices.Equal(p.Names(), []string{"a", "b"}) {
		t.Fatal(p, err)
	}
	if got, ok := p.Get(""); !ok || got != (Profile{URL: "http://b", Key: "kb", Tenant: "t"}) {
		t.Errorf("the current one is %v", got)
	}
	p.Remove("b")
	if p.Current != "a" {
		t.Errorf("the current one is %q", p.Current)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestProfilesThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profiles.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadFrom(path); err == nil {
		t.Error("no error")
	}
}
