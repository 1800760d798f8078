// Package profile keeps the servers that a user has logged in to, with their keys, in one file that only that user may read.
package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Profile is one server and how to speak to it.
type Profile struct {
	URL    string `json:"url"`
	Key    string `json:"key"`
	Tenant string `json:"tenant,omitempty"`
}

// Profiles are those of one user.
type Profiles struct {
	Current string             `json:"current,omitempty"`
	All     map[string]Profile `json:"profiles"`

	path string
}

// Load reads the profiles: $XDG_CONFIG_HOME/inlet/profiles.json, or where this system keeps such files. There may be none.
func Load() (*Profiles, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	return LoadFrom(filepath.Join(dir, "inlet", "profiles.json"))
}

// LoadFrom reads the profiles of one file, which need not be there.
func LoadFrom(path string) (*Profiles, error) {
	p := &Profiles{All: map[string]Profile{}, path: path}
	text, err := os.ReadFile(path) //nolint:gosec // the user's own
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p.All == nil {
		p.All = map[string]Profile{}
	}
	return p, nil
}

// Names lists the profiles.
func (p *Profiles) Names() []string { return slices.Sorted(maps.Keys(p.All)) }

// Get returns a profile, the current one when name is empty.
func (p *Profiles) Get(name string) (Profile, bool) {
	if name == "" {
		name = p.Current
	}
	got, ok := p.All[name]
	return got, ok
}

// Remove forgets a profile. Which one is current is then the user's to say, unless one is left.
func (p *Profiles) Remove(name string) {
	delete(p.All, name)
	if p.Current != name {
		return
	}
	p.Current = ""
	if left := p.Names(); len(left) == 1 {
		p.Current = left[0]
	}
}

// Save writes the profiles, so that at every moment either the old or the new ones are there.
func (p *Profiles) Save() error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(p.path), ".profiles-") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
