// Package cli is what a user of an Inlet does from the command line: send, get, list, sign and remove files, and follow what happens to them.
//
// It speaks to a server by its public API alone, through pkg/client. What an operator does with the stores behind a server is in package operate.
// Output is a table where somebody looks at it and lines of fields, split by tabs, in a pipe; with --json it is one JSON object a line.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The groups of commands, as help shows them.
const (
	groupFiles    = "files"
	groupEvents   = "events"
	groupAccount  = "account"
	GroupOperator = "operator"
)

// overview is the help of the program, and examples what to begin with.
const (
	overview = "Inlet takes files in, verifies them, makes thumbnails, expires them, and tells\n" +
		"subscribers. This program is the server and its command line.\n\n" +
		"Exit codes of the commands for files, events, servers and keys:\n" +
		"  0 all done              3 no such file             6 server does not answer\n" +
		"  1 an error              4 no key, or no right    130 interrupted\n" +
		"  2 wrong usage           5 file is refused"
	examples = "  inlet serve                          # a server: it prints its URL and a key\n" +
		"  inlet login http://127.0.0.1:8080    # asks for the key, and stores it\n" +
		"  inlet put ~/pictures                 # prints the id of each file\n" +
		"  inlet ls"
)

// Add adds the user's commands to the program, the groups of all commands, and the program's help.
func Add(root *cobra.Command) {
	root.Long, root.Example = overview, examples
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |"))
	root.SuggestionsMinimumDistance = 2 // letters that may be wrong
	root.AddGroup(
		&cobra.Group{ID: groupFiles, Title: "Files:"}, &cobra.Group{ID: groupEvents, Title: "Events:"},
		&cobra.Group{ID: groupAccount, Title: "Servers and keys:"}, &cobra.Group{ID: GroupOperator, Title: "For who runs a server:"},
	)
	root.AddCommand(
		putCommand(), getCommand(), listCommand(), infoCommand(), removeCommand(), signCommand(), watchCommand(),
		eventsCommand(), loginCommand(), logoutCommand(), profilesCommand(),
	)
}

// run is what a command does. It returns an error of package client, an Exit, or any other error.
type run func(ctx context.Context, s *session, args []string) error

// local makes a command that needs no server.
func local(cmd *cobra.Command, group string, args cobra.PositionalArgs, do run) *cobra.Command {
	cmd.GroupID = group
	cmd.Args = Usage(args)
	asJSON := false
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s := newSession(cmd)
		s.json = asJSON
		// The first signal ends the command in an orderly way, the second at once.
		defer context.AfterFunc(cmd.Context(), func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })()
		return exitOf(cmd.Context(), s, do(cmd.Context(), s, args))
	}
	return cmd
}

// remote makes a command that speaks to a server, which --profile and the environment choose.
func remote(cmd *cobra.Command, group string, args cobra.PositionalArgs, do run) *cobra.Command {
	var name string
	cmd = local(cmd, group, args, func(ctx context.Context, s *session, args []string) error {
		if err := s.connect(name); err != nil {
			return err
		}
		return do(ctx, s, args)
	})
	cmd.Flags().StringVar(&name, "profile", "", "the server to speak to: one of inlet profiles")
	complete(cmd, "profile", profileNames)
	return cmd
}

// complete says how the value of a flag is completed by a shell.
func complete(cmd *cobra.Command, flag string, with cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // the flag is not there: a mistake in this package
	}
}

// oneOf completes one of some words.
func oneOf(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// ids is the help of arguments that are files.
const ids = "\n\nA file is named by its id: file_<ULID>, the bare ULID, or its number."

// each does something with one file after another. One that fails does not keep the rest from being done.
func each(ctx context.Context, s *session, args []string, do func(id string) error) error {
	var f failures
	for _, id := range args {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := do(id); err != nil {
			f.add(s, id, err)
		}
	}
	return f.exit()
}

// failures counts what failed of many, and says why as it happens.
type failures struct {
	count int
	code  int // of all that failed; CodeError when they failed for different reasons
}

func (f *failures) add(s *session, what string, err error) {
	s.warn("%s: %s", clean(what), explain(s, err))
	code := codeOf(err)
	if f.count++; f.count > 1 && code != f.code {
		code = CodeError
	}
	f.code = code
}

func (f *failures) exit() error {
	if f.count == 0 {
		return nil
	}
	return Exit{Code: f.code}
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// fullFact is a fact as the API has it, of file.stored or stored.
func fullFact(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return "file." + s
}
