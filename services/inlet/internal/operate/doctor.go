package operate

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/ingest"
	"github.com/inlethq/inlet/services/sweeper"
	"github.com/inlethq/inlet/services/thumbnailer"
	"github.com/inlethq/inlet/services/verifier"
)

// Doctor is the command that checks what Inlet runs on: the settings, and all that they name.
//
// It runs beside a server without disturbing it: what it writes are probes, which it removes again.
type Doctor struct {
	Command
}

// status is the outcome of one check.
type status string

// The outcomes. Only fail makes the command fail.
const (
	statusOK   status = "ok"
	statusWarn status = "warn"
	statusFail status = "fail"
	statusSkip status = "skip" // there is nothing to check
)

// diagnosis is what one check has found.
type diagnosis struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Detail string `json:"detail,omitempty"`
	Advice string `json:"advice,omitempty"` // what to do, for warn and fail
}

func ok(format string, args ...any) diagnosis {
	return diagnosis{Status: statusOK, Detail: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) diagnosis {
	return diagnosis{Status: statusSkip, Detail: fmt.Sprintf(format, args...)}
}

func warn(advice, format string, args ...any) diagnosis {
	return diagnosis{Status: statusWarn, Detail: fmt.Sprintf(format, args...), Advice: advice}
}

// fail is for an error, whose text says what is wrong.
func fail(advice string, err error) diagnosis {
	return diagnosis{Status: statusFail, Detail: err.Error(), Advice: advice}
}

// patient is what is examined: the settings of everything that may run.
type patient struct {
	program     program.Settings
	ingest      ingest.Config
	verifier    verifier.Config
	thumbnailer thumbnailer.Config
	sweeper     sweeper.Config
	log         *slog.Logger
}

// checks are made in this order, those first on which others depend.
var checks = []struct {
	name  string
	check func(context.Context, *patient) diagnosis
}{
	{"data folder", checkData},
	{"free space", checkSpace},
	{"records", checkRecords},
	{"clock", checkClock},
	{"blobs", checkBlobs},
	{"bus", checkBus},
	{"server", checkServer},
	{"directory", checkDirectory},
	{"signing keys", checkKeys},
	{"tokens", checkTokens},
	{"pictures", checkPictures},
	{"virus scanner", checkScanner},
}

// checkLimit bounds one check.
const checkLimit = 15 * time.Second

// Run makes every check and reports whether none has failed.
func (d Doctor) Run(ctx context.Context) (healthy bool, err error) {
	p := &patient{log: slog.New(slog.DiscardHandler)} // a check says what it finds
	all := []diagnosis{p.load()}
	if all[0].Status == statusOK {
		for _, c := range checks {
			checking, cancel := context.WithTimeout(ctx, checkLimit)
			found := c.check(checking, p)
			cancel()
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			found.Check = c.name
			all = append(all, found)
		}
	}
	healthy = true
	for _, found := range all {
		healthy = healthy && found.Status != statusFail
	}
	return healthy, d.print(all)
}

// load reads the settings, as every program does at its start.
func (p *patient) load() diagnosis {
	found := ok("every setting can be read")
	if err := config.Load(&p.program, &p.ingest, &p.verifier, &p.thumbnailer, &p.sweeper); err != nil {
		found = fail("set these variables as inlet serve --help says, or unset them", err)
	}
	found.Check = "settings"
	return found
}

// single reports whether everything is to run in one process.
func (p *patient) single() bool { return !hasServer(p.program) }

// fresh reports whether inlet serve has never run on the data folder.
func (p *patient) fresh() bool {
	_, err := os.Stat(p.program.Data)
	return p.single() && os.IsNotExist(err)
}

func (d Doctor) print(all []diagnosis) error {
	if d.JSON {
		for _, found := range all {
			if err := d.object(found); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(d.Out, 0, 0, 2, ' ', 0)
	for _, found := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", found.Status, found.Check, found.Detail)
		if found.Advice != "" {
			fmt.Fprintf(t, "\t\t→ %s\n", found.Advice)
		}
	}
	return t.Flush()
}
