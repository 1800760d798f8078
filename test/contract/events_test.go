package contract

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/peers"
)

func events(t *testing.T) *Events {
	t.Helper()
	e, err := LoadEvents(EventsDocument())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// samples are the events that were published once.
func samples(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(peers.Root(), "pkg", "event", "testdata", "*.json"))
	if err != nil || len(files) < len(event.Facts) {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	all := make([][]byte, len(files))
	for i, path := range files {
		if all[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestSamplesAreAsDocumented(t *testing.T) {
	e := events(t)
	for _, sample := range samples(t) {
		if err := e.Check(sample); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryFactIsDocumented(t *testing.T) {
	var want []string
	for _, f := range event.Facts {
		want = append(want, event.Prefix+string(f))
	}
	got := events(t).Types()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the document has %v, the facts are %v", got, want)
	}
}

func TestEventsThatAreNotDescribed(t *testing.T) {
	e := events(t)
	sample := samples(t)[0]
	for name, edit := range map[string][2]string{
		"one more member":   {`"rev":3`, `"rev":3,"token":"x"`},
		"another version":   {`"specversion":"1.0"`, `"specversion":"2.0"`},
		"no subject":        {`"subject":`, `"about":`},
		"no time":           {`"time":"2026-01-15T10:30:00Z"`, `"time":"today"`},
		"an unknown fact":   {`"type":"inlet.v1.file.`, `"type":"inlet.v1.folder.`},
		"a number as text":  {`"size":524288`, `"size":"524288"`},
		"what is not JSON":  {`{"specversion"`, `{specversion`},
		"one more in files": {`"number":418`, `"number":418,"email":"a@b.test"`},
	} {
		bad := bytes.Replace(sample, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, sample) {
			t.Errorf("%s: the sample does not have %s", name, edit[0])
		}
		if e.Check(bad) == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
