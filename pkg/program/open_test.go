package program

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/telemetry"
)

func TestSettingsNameWhatIsWrong(t *testing.T) {
	good := Settings{Durability: disk.Power, Replicas: 1, Data: "data", Log: telemetry.LogConfig{Format: "json"}}
	for name, c := range map[string]struct {
		change func(*Settings)
		want   string // in the error; empty when there is none
	}{
		"defaults":              {func(*Settings) {}, ""},
		"blobs":                 {func(s *Settings) { s.Blobs = "ftp://host" }, "INLET_BLOBS is"},
		"fallback on a disk":    {func(s *Settings) { s.Fallback = "disk:/old" }, ""},
		"fallback on S3":        {func(s *Settings) { s.Fallback = "s3://old?endpoint=http://host" }, ""},
		"fallback elsewhere":    {func(s *Settings) { s.Fallback = "/old" }, "INLET_BLOBS_FALLBACK is"},
		"fallback to itself":    {func(s *Settings) { s.Blobs, s.Fallback = "disk:/a", "disk:/a" }, "INLET_BLOBS_FALLBACK is"},
		"fallback to default":   {func(s *Settings) { s.Fallback = "disk:data/blobs" }, "INLET_BLOBS_FALLBACK is"},
		"reserve":               {func(s *Settings) { s.MinFree = "2.5%" }, ""},
		"reserve in words":      {func(s *Settings) { s.MinFree = "little" }, "INLET_MIN_FREE is"},
		"public endpoint":       {func(s *Settings) { s.S3Public = "https://files.example:9000/s3" }, ""},
		"public host":           {func(s *Settings) { s.S3Public = "files.example" }, "INLET_S3_PUBLIC_ENDPOINT is"},
		"public endpoint query": {func(s *Settings) { s.S3Public = "https://files.example/?a=b" }, "INLET_S3_PUBLIC_ENDPOINT is"},
		"public endpoint user":  {func(s *Settings) { s.S3Public = "https://u:hush@files.example" }, "INLET_S3_PUBLIC_ENDPOINT is"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			c.change(&s)
			err := s.Validate()
			if (err == nil) != (c.want == "") {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush")) {
				t.Errorf("%v, want %q and no password", err, c.want)
			}
		})
	}
}

func TestOpenBlobsFallsBack(t *testing.T) {
	dir := t.TempDir()
	s := Settings{Data: dir, Fallback: "disk:" + filepath.Join(dir, "old")}
	before, err := openStore(t.Context(), s, Serve, "INLET_BLOBS", s.Fallback)
	if err != nil {
		t.Fatal(err)
	}
	put(t, before, "a/old")
	store, err := OpenBlobs(t.Context(), s, Serve)
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, "a/new")
	for _, key := range []string{"a/old", "a/new"} {
		if i, err := store.Stat(t.Context(), key); err != nil || i.Size != 5 {
			t.Errorf("%s: %+v, %v", key, i, err)
		}
	}
	if _, err := before.Stat(t.Context(), "a/new"); !file.Is(err, file.NotFound) {
		t.Errorf("written to the fallback: %v", err)
	}
	if err := errors.Join(closeIf(store), closeIf(before)); err != nil {
		t.Error(err)
	}
	if _, err := store.Stat(t.Context(), "a/new"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the primary is open: %v", err)
	}
}

// A start that fails says which variable it was, and closes what it has opened.
func TestOpenNamesTheStoreThatFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, s := range map[string]Settings{
		"INLET_BLOBS":                         {Blobs: "disk:" + name},
		"INLET_BLOBS is":                      {Blobs: "s3://bucket"},
		"INLET_BLOBS_FALLBACK":                {Fallback: "disk:" + name},
		"INLET_BLOBS_FALLBACK is":             {Fallback: "s3://bucket?endpoint=host"},
		"INLET_BLOBS_FALLBACK: s3.open":       {Fallback: "s3://bucket/../x?endpoint=http://127.0.0.1:1"},
		"INLET_BLOBS: s3.open: invalid":       {Blobs: "s3://bucket?endpoint=http://127.0.0.1:1", S3Public: "host"},
		"INLET_BUS is \"\", but must be nats": {},
	} {
		t.Run(variable, func(t *testing.T) {
			s.Data, s.Durability = t.TempDir(), disk.Process
			p, err := Open(t.Context(), "test", s, telemetry.NewLogger(t.Output(), telemetry.LogConfig{Format: "text"}, "test"), Options{})
			if p != nil || err == nil || !strings.HasPrefix(err.Error(), variable) {
				t.Errorf("%v, want %s", err, variable)
			}
		})
	}
}

func put(t *testing.T, s blob.Store, key string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader("bytes"), blob.PutOptions{Size: -1}); err != nil {
		t.Fatal(err)
	}
}
