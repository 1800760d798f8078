package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/services/inlet/internal/cli"
	"github.com/inlethq/inlet/services/inlet/internal/operate"
)

const whichStores = `

The stores are those that the settings of inlet serve name: INLET_DATA,
INLET_META, INLET_BLOBS, INLET_BUS.`

// command is what the operator's commands share.
func command(cmd *cobra.Command, asJSON bool) operate.Command {
	return operate.Command{Out: cmd.OutOrStdout(), ErrOut: cmd.ErrOrStderr(), JSON: asJSON}
}

func jsonFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print one JSON object a line")
}

// verdict turns what a command reports into how the program ends: 1 for bad news, which was printed, and unable for an error.
func verdict(good bool, err error, unable int) error {
	switch {
	case err != nil:
		return cli.Exit{Code: unable, Err: err}
	case !good:
		return cli.Exit{Code: cli.CodeError}
	}
	return nil
}

// unableToCheck is the exit code of an fsck that could not be run.
const unableToCheck = 2

func fsckCommand() *cobra.Command {
	var f operate.Fsck
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check that records and bytes agree, and repair them",
		Long: `Check that every record has its bytes, that all bytes have a record, that
nothing is stuck or overdue, and that accounts add up. Prints a line for each
finding (code, tenant, file, blob, particulars) and a summary. Without --repair
it only reads, and may run beside a server.

--repair does what the sweeper does, at once and for everything. Beyond that, a
file whose bytes are gone or damaged becomes failed, with the reason lost or
damaged: put the bytes back and run inlet dead replay. No record is removed.
With SQLite, stop inlet serve first.

What waits for a worker (stuck) or for the bus (stale-outbox) is not repaired:
start the services. What cut-off writes have left (unfinished) is told of when
it is older than INLET_SWEEP_UNFINISHED.

Exit codes: 0 nothing found (or all repaired), 1 findings, 2 the check could not
be run.` + whichStores,
		Example: "  inlet fsck --deep\n  INLET_DATA=/var/lib/inlet inlet fsck --repair",
		Args: func(cmd *cobra.Command, args []string) error {
			return verdict(true, cobra.NoArgs(cmd, args), unableToCheck)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Grace <= 0 {
				return verdict(false, errors.New("--grace must be longer than 0s"), unableToCheck)
			}
			f.Command = command(cmd, asJSON)
			clean, err := f.Run(cmd.Context())
			return verdict(clean, err, unableToCheck)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return verdict(false, err, unableToCheck) })
	cmd.Flags().BoolVar(&f.Repair, "repair", false, "repair what can be repaired")
	cmd.Flags().BoolVar(&f.Deep, "deep", false, "read every byte and compare its SHA-256")
	cmd.Flags().DurationVar(&f.Grace, "grace", core.DefaultGrace, "age below which bytes without a record, and promises without bytes, are left alone")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Show and replay files whose processing was given up",
		Long: `A file that could not be verified or fetched has failed, and a picture may have
no thumbnail. Their records say so, and the workers leave letters on the bus
that say more (stream INLET_DEAD, 30 days). The bus inside inlet serve shows its
letters to nobody: there the records are all there is.` + whichStores,
		Args: cli.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(deadListCommand(), deadShowCommand(), deadReplayCommand())
	return cmd
}

func deadListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List what was given up",
		Long: `List every file whose processing was given up: which, what for, why and since
when. Letters about files that lack nothing any more stand at the end; replay
removes them. Reads only, and may run beside a server.` + whichStores,
		Args: cli.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return operate.Dead{Command: command(cmd, asJSON)}.List(cmd.Context())
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func deadShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show the timeline of a file, and the letters about it",
		Long: `Show all that is known of a file: its timeline, and the letters about it. Reads
only, and may run beside a server.` + whichStores,
		Args: cli.Usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return operate.Dead{Command: command(cmd, asJSON)}.Show(cmd.Context(), args[0])
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func deadReplayCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "replay ID | --all",
		Short: "Begin the work again that was given up",
		Long: `Begin the work on a file again, with all its attempts, and remove the letters
about it. For a file that is gone or lacks nothing only the letters are removed.
A file that failed as lost or damaged must have its bytes back, which are read
to the end before. With SQLite, stop inlet serve first; its workers take the
files up when it starts again.

Exit codes: 0 all done, 1 for a file that cannot be replayed, or an error.` + whichStores,
		Args: cli.Usage(func(_ *cobra.Command, args []string) error {
			if all != (len(args) == 0) || len(args) > 1 {
				return errors.New("give the id of one file, or --all")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if !all {
				id = args[0]
			}
			good, err := operate.Dead{Command: command(cmd, asJSON)}.Replay(cmd.Context(), id)
			return verdict(good, err, 1)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "replay everything that inlet dead ls shows")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what Inlet runs on, and say what to do",
		Long: `Check the settings and all that they name: the data folder, the database, the
blob store, the bus, the directory file, the keys, libvips and the virus
scanner. Each line is ok, warn, fail or skip, with what to do. It may run beside
a server: what it writes are probes, which it removes.

Exit codes: 0 nothing fails, 1 something does.`,
		Args: cli.Usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			healthy, err := operate.Doctor{Command: command(cmd, asJSON)}.Run(cmd.Context())
			return verdict(healthy, err, 1)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
