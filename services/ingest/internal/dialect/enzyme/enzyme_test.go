package enzyme

import (
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/channels/general/files/upload": true,
		"/channels/general":              true,
		"/files/x/download":              true,
		"/files/x/nothing":               true,
		"/files/sign-urls":               true,
		"/api/channels/general":          true,
		"/api/files/x/delete":            true,
		"/api/files/sign-urls":           true,
		"/api/nothing":                   true,
		"/api/messages/x":                true,
		"/files":                         false, // Tiledesk's
		"/files/download":                false,
		"/api/files":                     false, // Sonar's
		"/api/files/x":                   false,
		"/api/graphql":                   false,
		"/v1/files/x/download":           false,
		"/v3/files/download":             false,
		"/channelsx/y":                   false,
		"/apifiles/x/y":                  false,
		"/api":                           false,
		"/":                              false,
	} {
		if owns(path) != want {
			t.Errorf("owns(%q) is not %t", path, want)
		}
	}
}

func TestCleanName(t *testing.T) {
	for raw, want := range map[string]string{
		"report.pdf":                          "report.pdf",
		"../../etc/passwd":                    "passwd",
		`C:\Users\me\report.pdf`:              "report.pdf",
		" Übersicht.txt ":                     "Übersicht.txt",
		"Cafe\u0301.txt":                      "Caf\u00e9.txt",
		strings.Repeat("n", 300) + ".pdf":     strings.Repeat("n", 251) + ".pdf",
		strings.Repeat("\u00e9", 200) + ".md": strings.Repeat("\u00e9", 126) + ".md",
	} {
		if got, err := cleanName(raw); err != nil || got != want {
			t.Errorf("%q became %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", " ", ".", "..", "a/", `a\`, "a\x00.txt", "a\nb.txt", "a\u202etxt.exe", "a.txt.", "a.txt::$DATA", "\xff.txt"} {
		_, err := cleanName(raw)
		if !file.Is(err, file.Invalid) || file.PublicText(err, "") != "Invalid filename" {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"report.pdf", "../../etc/passwd", "a/b\\c.txt", strings.Repeat("\u0958", 100) + ".txt", "\xff\xfe", "..", "a\x00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := cleanName(raw)
		if err != nil {
			if name != "" || !file.Is(err, file.Invalid) {
				t.Fatalf("%q: %q, %v", raw, name, err)
			}
			return
		}
		again, err := content.CleanName(name)
		if err != nil || again != name || name == "" || len(name) > file.MaxNameBytes || strings.ContainsAny(name, "/\\\x00") {
			t.Fatalf("%q became %q (then %q, %v)", raw, name, again, err)
		}
	})
}

func TestReadIDs(t *testing.T) {
	const a, b = "01JQ3KMT6BMRXP0WCDG9HQSYNF", "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	quoted := func(id string, n int) string { return strings.TrimSuffix(strings.Repeat(`"`+id+`",`, n), ",") }
	for body, want := range map[string]int{
		`{"file_ids":[]}`:                                                     0,
		`{"file_ids":["` + a + `","` + b + `"]}`:                              2,
		`{"file_ids":["` + a + `","` + a + `"],"ttl":5}`:                      2,
		`{"file_ids":["` + strings.ToLower(a) + `"]}` + "\n":                  1,
		`{"file_ids":["","x","../y","file_` + a + `","` + b + `"]}`:           1,
		`{"file_ids":[` + quoted(a, maxSigned) + `]}`:                         maxSigned,
		`{"file_ids":[` + quoted(a, maxSigned/2) + `,` + quoted(b, 50) + `]}`: maxSigned,
	} {
		ids, err := readIDs(strings.NewReader(body))
		if err != nil || len(ids) != want {
			t.Errorf("%.80s: %d ids, %v", body, len(ids), err)
		}
		for _, id := range ids {
			if id != a && id != b {
				t.Errorf("%.80s: %s", body, id)
			}
		}
	}
	for body, text := range map[string]string{
		"":                                "",
		"null":                            "",
		"{}":                              "",
		"[]":                              "",
		`{"file_ids":null}`:               "",
		`{"file_ids":"` + a + `"}`:        "",
		`{"file_ids":[1]}`:                "",
		`{"file_ids":["` + a + `"]`:       "",
		`{"file_ids":[]} {"file_ids":[]}`: "",
		`{"file_ids":[` + quoted("x", 101) + `]}`: "Maximum 100 file IDs per request",
	} {
		_, err := readIDs(strings.NewReader(body))
		if !file.Is(err, file.Invalid) || file.PublicText(err, "") != text {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestTimeText(t *testing.T) {
	at := time.Date(2025, 1, 15, 10, 30, 0, 999, time.FixedZone("", 3600))
	if got := timeText(at); got != "2025-01-15T09:30:00Z" {
		t.Error(got)
	}
}

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, k := range file.Kinds {
		if a, ok := answers[k]; !ok || a.status < 400 || a.code == "" || a.text == "" {
			t.Errorf("%s: %+v", k, a)
		}
	}
}
