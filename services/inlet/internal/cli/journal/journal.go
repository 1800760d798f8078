// Package journal remembers what of a folder was uploaded, so that the same command given again goes on where it was.
//
// A journal is a file of JSON lines that are only ever appended: whatever ends the program, the lines before are good. One process at a time has it.
package journal

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrBusy is a journal that another process has open.
var ErrBusy = errors.New("another inlet is at work on the same folder")

// Entry is what is known of one file, as it was when it was looked at: another size or time is another file.
type Entry struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	URL     string    `json:"url,omitempty"`  // where its upload goes on
	File    string    `json:"file,omitempty"` // the id that it got
}

// Same reports whether e is about the file that f is about.
func (e Entry) Same(f Entry) bool {
	return e.Path == f.Path && e.Size == f.Size && e.ModTime.Equal(f.ModTime)
}

// Journal is an open one. Its methods may be called from many goroutines.
type Journal struct {
	path string
	lock *os.File

	mu      sync.Mutex
	out     *os.File
	entries map[string]Entry // by path
	lines   int
}

// Folder is where the journals of this user are: $XDG_STATE_HOME/inlet, or ~/.local/state/inlet.
func Folder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "inlet"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "inlet"), nil
}

// Open opens the journal in dir that is for this scope: server, tenant, folder and whatever else makes an upload another one.
func Open(dir string, scope ...string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(strings.Join(scope, "\x00")))
	j := &Journal{path: filepath.Join(dir, "put-"+hex.EncodeToString(sum[:12])+".jsonl"), entries: map[string]Entry{}}
	var err error
	if j.lock, err = hold(j.path + ".lock"); err != nil {
		return nil, err
	}
	if err := j.read(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// hold locks a file that is there for that. Who waited for none of it may have got one that was removed just then: it is looked at again.
func hold(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the user's own folder
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor fits
			_ = f.Close()
			return nil, fmt.Errorf("%w (%w)", ErrBusy, err)
		}
		held, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(held, there) {
			return f, nil
		}
		_ = f.Close()
	}
}

// spareLines is how many lines a journal may have beyond twice what it needs, before it is written anew.
const spareLines = 1000

func (j *Journal) read() error {
	in, err := os.OpenFile(j.path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var e Entry
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Path != "" { // the last line of a killed process may be torn
			j.entries[e.Path] = e
		}
		j.lines++
	}
	if err := errors.Join(lines.Err(), in.Close()); err != nil {
		return err
	}
	if j.lines > 2*len(j.entries)+spareLines {
		if err := j.compact(); err != nil {
			return err
		}
	}
	if j.out, err = os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	_, err = j.out.WriteString("\n") // ends a torn line
	return err
}

// compact leaves the last line about each file.
func (j *Journal) compact() error {
	tmp, err := os.CreateTemp(filepath.Dir(j.path), ".put-")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(tmp)
	e := json.NewEncoder(w)
	for _, entry := range j.entries {
		if err = e.Encode(entry); err != nil {
			break
		}
	}
	if err = errors.Join(err, w.Flush(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	j.lines = len(j.entries)
	return nil
}

// Find returns what is known of the file that e names, as it is now.
func (j *Journal) Find(e Entry) (Entry, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	known, ok := j.entries[e.Path]
	return known, ok && known.Same(e)
}

// Note remembers e, in place of what was known of its path.
func (j *Journal) Note(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.out.Write(append(line, '\n')); err != nil {
		return err
	}
	j.entries[e.Path] = e
	return nil
}

// Close lets another process have the journal.
func (j *Journal) Close() error {
	var err error
	if j.out != nil {
		err = j.out.Close()
	}
	return errors.Join(err, j.lock.Close())
}

// Remove forgets the journal, and closes it.
func (j *Journal) Remove() error {
	return errors.Join(os.Remove(j.path), os.Remove(j.path+".lock"), j.Close())
}
