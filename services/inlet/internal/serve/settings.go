package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/inlethq/inlet/pkg/config"
)

// setting is a line of ShowSettings.
type setting struct {
	Variable    string `json:"variable"`
	Value       string `json:"value"`
	Origin      string `json:"origin"` // environment, default, or unknown for a variable that nothing reads
	Default     string `json:"default"`
	Description string `json:"description,omitempty"`
}

// ofClients are variables that the commands for users read.
var ofClients = []string{"INLET_URL", "INLET_API_KEY", "INLET_PROFILE"}

// ShowSettings writes every setting of every service with its value and where that is from, and the variables that look like settings and are none. It returns
// what Load says of the values. Secrets are not shown.
func ShowSettings(w io.Writer, asJSON bool) error {
	s := new(settings)
	all := s.structs()
	var lines []setting
	seen := map[string]bool{}
	for _, v := range config.Values(all...) {
		if seen[v.Variable] { // two services read it
			continue
		}
		seen[v.Variable] = true
		l := setting{v.Variable, v.Value, "default", v.Default, v.Description}
		if v.Set {
			l.Origin = "environment"
		}
		lines = append(lines, l)
	}
	for _, name := range config.Strangers("INLET_", all...) {
		if slices.Contains(ofClients, name) {
			continue
		}
		lines = append(lines, setting{Variable: name, Origin: "unknown"})
	}
	write := writeTable
	if asJSON {
		write = writeLines
	}
	return errors.Join(write(w, lines), config.Load(all...))
}

func writeLines(w io.Writer, lines []setting) error {
	e := json.NewEncoder(w)
	for _, l := range lines {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(w io.Writer, lines []setting) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VARIABLE\tORIGIN\tVALUE\tDEFAULT")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.Variable, l.Origin, orDash(l.Value), orDash(l.Default))
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
