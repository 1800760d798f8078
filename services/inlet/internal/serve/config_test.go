package serve

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/config"
)

var update = flag.Bool("update", false, "write docs/config.md anew")

// docs/config.md is made from the structs that read the settings, and may not differ from them.
func TestConfigPageIsCurrent(t *testing.T) {
	s := new(settings)
	var b strings.Builder
	b.WriteString("# Configuration\n\nEverything is set in the environment. A bad value stops the start and is named, with what it may be.\n" +
		"This page is made from the code: `go test ./services/inlet/internal/serve -run ConfigPage -update`.\n")
	for _, part := range []struct {
		title    string
		settings any
	}{
		{"Every program", &s.program},
		{"`inlet serve` alone", &s.bus},
		{"ingest", &s.ingest},
		{"verifier", &s.verifier},
		{"thumbnailer", &s.thumbnailer},
		{"notifier", &s.notifier},
		{"sweeper", &s.sweeper},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| variable | default | what it sets |\n| --- | --- | --- |\n", part.title)
		for _, f := range config.Fields(part.settings) {
			if f.Description == "" {
				t.Errorf("%s has no description", f.Variable)
			}
			value := ""
			if f.Default != "" {
				value = "`" + f.Default + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Variable, value, strings.ReplaceAll(f.Description, "|", "\\|"))
		}
	}
	page := filepath.Join("..", "..", "..", "..", "docs", "config.md")
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/config.md is not what the code says; run this test with -update")
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose(table(new(settings)), []string{"ingest", "verifier"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "verifier" || chosen[1].name != "ingest" {
		t.Errorf("%v, %v: the table's order must stay", chosen, err)
	}
	if _, err := choose(table(new(settings)), []string{"mail"}); err == nil || !strings.Contains(err.Error(), "mail") {
		t.Errorf("an unknown service gave %v", err)
	}
	if all, _ := choose(table(new(settings)), nil); len(all) != 5 {
		t.Errorf("without --only %d services run", len(all))
	}
}
