// Command inlet is Inlet in one program: inlet serve runs every service in one process, and the other commands are for its users and its operator.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/inlet/internal/cli"
	"github.com/inlethq/inlet/services/inlet/internal/serve"
	"github.com/inlethq/inlet/services/thumbnailer"
)

func main() {
	thumbnailer.RenderIfChild()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := root().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	e := cli.Exit{Code: cli.CodeError, Err: err}
	errors.As(err, &e)
	if e.Err != nil {
		fmt.Fprintln(os.Stderr, "inlet:", e.Err)
	}
	os.Exit(e.Code)
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "inlet",
		Short:         "Inlet takes files in, verifies them, makes thumbnails, expires them, and tells subscribers",
		Args:          cli.Usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       program.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetFlagErrorFunc(cli.UsageError)
	cli.Add(cmd)
	for _, c := range []*cobra.Command{serveCommand(), configCommand(), doctorCommand(), fsckCommand(), deadCommand()} {
		c.GroupID = cli.GroupOperator
		cmd.AddCommand(c)
	}
	return cmd
}

func serveCommand() *cobra.Command {
	var only []string
	var settings strings.Builder
	serve.Describe(&settings)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run all services in one process",
		Long: `Run all services in one process, with an embedded NATS server, SQLite and a
folder for the files. The first start makes a directory file with an API key and
prints how to use it.

Settings come from the environment:

` + settings.String(),
		Args: cli.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve.Run(cmd.Context(), only, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "services to run, separated by commas: ingest, verifier, thumbnailer, notifier, sweeper")
	return cmd
}

func configCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value and where that comes from",
		Long: `Show every setting of inlet serve, its value in this environment, and where that
comes from: the environment or the default. Variables that begin with INLET_ and
are no settings are unknown: look for a slip of the pen. Secrets, and passwords
in URLs, are not shown.

Exit codes: 0 all values may be, 1 some may not, and are named.`,
		Args: cli.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve.ShowSettings(cmd.OutOrStdout(), asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
