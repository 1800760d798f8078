package main

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness/api"
)

// A checker that finds nothing proves nothing: these are the histories and the sights that it must not let pass, and those that it must.

func TestJudge(t *testing.T) {
	sum := digest([]byte("sent"))
	sent := entry{content: content{size: 4, sha256: sum}, key: "c0-1", id: "file_1", upload: ok, notes: []string{"old", "new"}}
	there := seen{status: http.StatusOK, download: http.StatusOK, digest: sum,
		file: api.File{ID: "file_1", Size: 4, SHA256: sum, Description: "new", State: "ready", ThumbnailURL: "/t"}}
	gone := seen{status: http.StatusNotFound, download: http.StatusNotFound}
	pending := there
	pending.file.State, pending.download, pending.digest = "pending", http.StatusConflict, ""
	with := func(change func(*entry)) entry { e := sent; change(&e); return e }
	sight := func(change func(*seen)) seen { s := there; change(&s); return s }
	for _, tt := range []struct {
		name  string
		entry entry
		seen  seen
		final bool
		want  []breach
	}{
		{"as sent", sent, there, true, nil},
		{"the older description", sent, sight(func(s *seen) { s.file.Description = "old" }), true, nil},
		{"on its way", sent, pending, false, nil},
		{"on its way for too long", sent, pending, true, []breach{stuck}},
		{"given up", sent, sight(func(s *seen) { s.file.State, s.download = "failed", http.StatusConflict }), true, []breach{stuck}},
		{"not there", sent, gone, false, []breach{lost}},
		{"no bytes", sent, sight(func(s *seen) { s.download, s.digest = http.StatusNotFound, "" }), false, []breach{lost}},
		{"other bytes", sent, sight(func(s *seen) { s.digest = digest([]byte("else")) }), false, []breach{changed}},
		{"other record", sent, sight(func(s *seen) { s.file.Size = 5 }), false, []breach{changed}},
		{"a description that nobody gave", sent, sight(func(s *seen) { s.file.Description = "?" }), false, []breach{changed}},
		{"served before its verdict", sent, sight(func(s *seen) { s.file.State = "pending" }), false, []breach{unverified}},
		{"unknown upload", with(func(e *entry) { e.upload = unknown }), gone, true, nil},
		{"deleted", with(func(e *entry) { e.remove = ok }), gone, true, nil},
		{"deleted and readable", with(func(e *entry) { e.remove = ok }), there, false, []breach{resurrected}},
		{"deleted, its bytes alone readable", with(func(e *entry) { e.remove = ok }), sight(func(s *seen) { s.status = http.StatusNotFound }), false, []breach{resurrected}},
		{"perhaps deleted, gone", with(func(e *entry) { e.remove = unknown }), gone, true, nil},
		{"perhaps deleted, there", with(func(e *entry) { e.remove = unknown }), there, true, nil},
		{"a picture without thumbnail", with(func(e *entry) { e.kind = picture }), sight(func(s *seen) { s.file.ThumbnailURL = "" }), true, []breach{stuck}},
		{"rejected", with(func(e *entry) { e.kind = broken }), sight(func(s *seen) { s.file.State, s.download = "rejected", http.StatusNotFound }), true, nil},
		{"bad and served", with(func(e *entry) { e.kind = broken }), there, false, []breach{unverified}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []breach
			for _, v := range judge(tt.entry, tt.seen, tt.final) {
				got = append(got, v.breach)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %v, want %v", got, tt.want)
			}
		})
	}
}

func TestJudgeList(t *testing.T) {
	entries := func() []*entry {
		return []*entry{
			{key: "kept", id: "file_1", upload: ok}, {key: "deleted", id: "file_2", upload: ok, remove: ok},
			{key: "refused", upload: failed}, {key: "open", id: "file_4", upload: ok, remove: unknown},
		}
	}
	type pair struct{ id, key string }
	named := func(pairs ...pair) []api.File {
		var files []api.File
		for _, p := range pairs {
			files = append(files, api.File{ID: p.id, OriginalName: p.key + ".txt"})
		}
		return files
	}
	for _, tt := range []struct {
		name  string
		files []api.File
		want  []breach
	}{
		{"as it must be", named(pair{"file_1", "kept"}), nil},
		{"with what may be", named(pair{"file_1", "kept"}, pair{"file_4", "open"}), nil},
		{"one is missing", nil, []breach{lost}},
		{"twice", named(pair{"file_1", "kept"}, pair{"file_9", "kept"}), []breach{phantom}},
		{"nobody's", named(pair{"file_1", "kept"}, pair{"file_9", "who"}), []breach{phantom}},
		{"refused and there", named(pair{"file_1", "kept"}, pair{"file_3", "refused"}), []breach{phantom}},
		{"under another id", named(pair{"file_9", "kept"}), []breach{phantom}},
		{"deleted and there", named(pair{"file_1", "kept"}, pair{"file_2", "deleted"}), []breach{resurrected}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []breach
			for _, v := range judgeList(entries(), tt.files) {
				got = append(got, v.breach)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %v, want %v", got, tt.want)
			}
		})
	}
}

func TestOutcomeOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want outcome
	}{
		{nil, ok},
		{errors.New("connection reset"), unknown},
		{&api.Error{Status: http.StatusServiceUnavailable}, unknown},
		{&api.Error{Status: http.StatusInternalServerError}, unknown},
		{&api.Error{Status: http.StatusInsufficientStorage}, failed},
		{&api.Error{Status: http.StatusNotFound}, failed},
	} {
		if got := outcomeOf(tt.err); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestReadCheckup(t *testing.T) {
	said := `time=2026-11-22T02:00:00Z level=WARN msg="a blob that is not ours is left alone"
{"code":"orphan-blob","blob":"x","repaired":false}
{"records":3,"blobs":4,"findings":1,"repaired":0,"codes":{"orphan-blob":1}}
`
	got, err := readCheckup(strings.NewReader(said))
	if err != nil || got.Findings != 1 || got.Codes["orphan-blob"] != 1 || len(got.lines) != 1 {
		t.Errorf("read %+v: %v", got, err)
	}
	if _, err := readCheckup(strings.NewReader("panic: no more\n")); err == nil {
		t.Error("a checkup without a summary was accepted")
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"quota", "races", "-full", "-seed", "7", "-cycles", "3"})
	if err != nil || len(o.tests) != 2 || o.tests[1].name != "races" || !o.full || o.seed != 7 || o.cycles != 3 {
		t.Errorf("parsed %+v: %v", o, err)
	}
	o, err = parse([]string{"-quick"})
	if err != nil || len(o.tests) != len(tests)-1 || o.seed == 0 {
		t.Errorf("parsed %+v: %v", o, err)
	}
	for _, bad := range [][]string{{"earthquake"}, {"-quick", "-full"}, {"-quick", "kill"}, {"-cycles", "-1"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestContentIsRepeatable(t *testing.T) {
	kinds := map[kind]int{}
	for seed := range uint64(64) {
		c := newContent(seed)
		kinds[c.kind]++
		if d := digest(c.bytes()); d != c.sha256 || d != newContent(seed).sha256 {
			t.Errorf("seed %d gives other bytes each time", seed)
		}
	}
	if kinds[picture] == 0 || kinds[broken] == 0 || kinds[text] < 48 {
		t.Errorf("the mix is %v", kinds)
	}
}
