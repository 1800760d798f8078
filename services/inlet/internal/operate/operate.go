// Package operate holds the commands of an operator: fsck checks what is stored, dead shows and replays work that was given up, and doctor
// checks what Inlet runs on.
//
// They read the settings that the services read, open the same stores, and run no service. All that they know of files is pkg/core's.
// What a person should read goes to out; with JSON, each line of out is one object.
package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Command is what every command works with.
type Command struct {
	Out    io.Writer // what a person or a script reads
	ErrOut io.Writer // the log
	JSON   bool
}

// session is a command at work on the stores.
type session struct {
	Command
	settings program.Settings
	core     *core.Core
	letters  bus.DeadLetters // nil where the bus cannot be reached from outside
	close    []func() error  // in the order of opening
}

// open reads the settings and opens what they name. A store that is not there is an error, and not made.
func (c Command) open(ctx context.Context, m program.Mode) (*session, error) {
	s := &session{Command: c}
	if err := config.Load(&s.settings); err != nil {
		return nil, err
	}
	log := c.logger()
	repo, err := openMeta(ctx, s.settings, m)
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, repo.Close)
	blobs, err := program.OpenBlobs(ctx, s.settings, m)
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	if closer, ok := blobs.(io.Closer); ok {
		s.close = append(s.close, closer.Close)
	}
	var publisher bus.Publisher = noBus{}
	if hasServer(s.settings) {
		b, err := nats.Open(ctx, nats.Config{URL: s.settings.Bus, Name: "inlet-operate", Replicas: s.settings.Replicas, Log: log})
		if err != nil {
			return nil, errors.Join(err, s.end())
		}
		s.close = append(s.close, b.Close)
		publisher, s.letters = b, b
	}
	s.core = core.New(core.Config{Blobs: blobs, Meta: repo, Bus: publisher, Log: log, Name: fmt.Sprintf("operate:%d", os.Getpid())})
	s.close = append(s.close, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		s.core.Close(ctx)
		return nil
	})
	return s, nil
}

// with opens a session for fn and ends it.
func (c Command) with(ctx context.Context, m program.Mode, fn func(*session) error) error {
	s, err := c.open(ctx, m)
	if err != nil {
		return err
	}
	return errors.Join(fn(s), s.end())
}

// closeLimit is how long events that a command has caused may take to be published. The sweeper publishes the rest.
const closeLimit = 5 * time.Second

// end closes what was opened, the last first.
func (s *session) end() error {
	var failed []error
	for i := len(s.close) - 1; i >= 0; i-- {
		failed = append(failed, s.close[i]())
	}
	return errors.Join(failed...)
}

// logger leaves out what is not worth a warning: a command says itself what it does.
func (c Command) logger() *slog.Logger {
	return telemetry.NewLogger(c.ErrOut, telemetry.LogConfig{Level: slog.LevelWarn, Format: "text"}, "inlet")
}

// object writes one line of JSON.
func (c Command) object(v any) error { return json.NewEncoder(c.Out).Encode(v) }

// hasServer reports whether the bus is a server of its own. The one inside inlet serve takes no commands from other processes.
func hasServer(s program.Settings) bool { return s.Bus != "" && s.Bus != program.Embedded }

// noBus stands for the bus inside inlet serve. The records keep the events that they owe until it publishes them.
type noBus struct{}

func (noBus) Publish(context.Context, bus.Message) error {
	return &file.Error{Kind: file.Unavailable, Op: "operate.publish"}
}
