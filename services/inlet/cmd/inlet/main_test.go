package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpFitsTheTerminal: no line of any command's help is longer than the 80 columns of a terminal.
func TestHelpFitsTheTerminal(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for line := range strings.SplitSeq(c.Long+"\n"+c.UsageString(), "\n") {
			if n := utf8.RuneCountInString(line); n > 80 {
				t.Errorf("%s --help: %d columns: %s", c.CommandPath(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(root())
}
