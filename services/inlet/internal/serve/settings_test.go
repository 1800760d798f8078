package serve

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestShowSettings(t *testing.T) {
	t.Setenv("INLET_WAIT", "3s")
	t.Setenv("INLET_WIAT", "3s")
	t.Setenv("INLET_JWT_SECRET", "abcdefghijklmnopqrstuvwxyz0123456789abcd")
	var table, lines strings.Builder
	if err := ShowSettings(&table, false); err != nil {
		t.Error(err)
	}
	if err := ShowSettings(&lines, true); err != nil {
		t.Error(err)
	}
	if strings.Contains(table.String()+lines.String(), "abcdefgh") {
		t.Errorf("a secret is shown:\n%s", table.String())
	}
	got := map[string]setting{}
	for d := json.NewDecoder(strings.NewReader(lines.String())); d.More(); {
		var s setting
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		got[s.Variable] = s
	}
	for variable, want := range map[string][2]string{
		"INLET_WAIT": {"environment", "3s"}, "INLET_WIAT": {"unknown", ""}, "INLET_ADDR": {"default", ":8080"}, "INLET_JWT_SECRET": {"environment", "(hidden)"},
	} {
		if s := got[variable]; s.Origin != want[0] || s.Value != want[1] {
			t.Errorf("%s: %+v, want %v", variable, s, want)
		}
		if !strings.Contains(table.String(), variable) {
			t.Errorf("%s is not in\n%s", variable, table.String())
		}
	}

	t.Setenv("INLET_WAIT", "soon")
	if err := ShowSettings(&table, false); err == nil || !strings.Contains(err.Error(), "INLET_WAIT") {
		t.Errorf("a bad value gave %v", err)
	}
}
