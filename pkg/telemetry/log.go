package telemetry

import (
	"io"
	"log/slog"
)

// LogConfig says how to log.
type LogConfig struct {
	Level  slog.Level `env:"INLET_LOG_LEVEL" envDefault:"info" desc:"least level that is logged: debug, info, warn or error"`
	Format string     `env:"INLET_LOG_FORMAT" envDefault:"json" desc:"json or text; inlet serve takes text"`
}

// NewLogger makes the logger of a program. service is added to every line, and so is what the line's context knows: see Scope.
func NewLogger(w io.Writer, c LogConfig, service string) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "text" {
		return slog.New(scoped{slog.NewTextHandler(w, options)}).With("service", service)
	}
	return slog.New(scoped{slog.NewJSONHandler(w, options)}).With("service", service)
}
