package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
)

// The exit codes of the user's commands. docs/cli.md has them.
const (
	CodeError       = 1
	CodeUsage       = 2   // the command was not given as it must be
	CodeNotFound    = 3   // no such file
	CodeDenied      = 4   // no key, a wrong one, or one without the right
	CodeRejected    = 5   // the file may not be stored, or has not passed
	CodeUnavailable = 6   // the server cannot be reached, is busy, or did not answer in time
	CodeInterrupted = 130 // 128 + SIGINT, as shells have it
)

// Exit is an error that ends the program with a code of its own. Err is nil when all was said.
type Exit struct {
	Code int
	Err  error
}

func (e Exit) Error() string { return fmt.Sprintf("exit %d: %v", e.Code, e.Err) }

func (e Exit) Unwrap() error { return e.Err }

// Usage makes what a check of arguments finds a fault of usage, and says how the command is given, or which one may have been meant.
func Usage(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		err := args(cmd, given)
		if err == nil {
			return nil
		}
		if !cmd.HasSubCommands() || len(given) == 0 {
			return UsageError(cmd, fmt.Errorf("%w: %s", err, cmd.UseLine()))
		}
		if near := cmd.SuggestionsFor(given[0]); len(near) > 0 {
			err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
		return UsageError(cmd, err)
	}
}

// UsageError is a command that was not given as it must be.
func UsageError(cmd *cobra.Command, err error) error {
	return Exit{Code: CodeUsage, Err: fmt.Errorf("%w\nSee %s --help", err, cmd.CommandPath())}
}

// usagef is a fault of usage that a command finds itself.
func usagef(format string, args ...any) error {
	return Exit{Code: CodeUsage, Err: fmt.Errorf(format, args...)}
}

// exitOf is how a command ends that returned err.
func exitOf(ctx context.Context, s *session, err error) error {
	var e Exit
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case ctx.Err() != nil:
		return Exit{Code: CodeInterrupted, Err: errors.New("interrupted")}
	}
	return Exit{Code: codeOf(err), Err: errors.New(explain(s, err))}
}

// codeOf is the exit code of one failure.
func codeOf(err error) int {
	var e Exit
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return CodeInterrupted
	case errors.Is(err, client.ErrNotFound):
		return CodeNotFound
	case errors.Is(err, client.ErrUnauthorized), errors.Is(err, client.ErrForbidden):
		return CodeDenied
	case errors.Is(err, client.ErrRejected):
		return CodeRejected
	case client.Temporary(err), errors.Is(err, client.ErrNotReady), errors.Is(err, context.DeadlineExceeded):
		return CodeUnavailable
	}
	return CodeError
}

// explain says for people what went wrong.
func explain(s *session, err error) string {
	var e *client.Error
	var exit Exit
	switch {
	case errors.As(err, &exit) && exit.Err != nil:
		return exit.Err.Error()
	case errors.Is(err, client.ErrUnauthorized):
		return "the server does not accept the key; inlet login stores another"
	case errors.As(err, &e):
		text := clean(e.Message)
		if e.Code != "" {
			text += " (" + clean(e.Code) + ")"
		}
		if e.Status >= 500 && e.RequestID != "" {
			text += ", request " + clean(e.RequestID)
		}
		return text
	case client.Temporary(err) && s.client != nil:
		return s.client.URL() + " does not answer: " + own(err)
	}
	return own(err)
}

// own is the text of an error without the name of the program, which stands before it already.
func own(err error) string { return strings.TrimPrefix(err.Error(), "inlet: ") }
