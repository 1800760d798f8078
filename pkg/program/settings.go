package program

import (
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Settings are what every program of Inlet reads: where the stores and the bus are, and how to log.
type Settings struct {
	Data       string          `env:"INLET_DATA" envDefault:"data" desc:"folder for everything that is kept on this machine"`
	Meta       string          `env:"INLET_META" desc:"records: sqlite:FILE or mongodb://…; empty is a SQLite file in INLET_DATA"`
	Blobs      string          `env:"INLET_BLOBS" desc:"bytes: disk:FOLDER or s3://BUCKET/PREFIX?endpoint=URL&region=R with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty is a folder in INLET_DATA"`
	Bus        string          `env:"INLET_BUS" desc:"events: nats://user:password@host:port, or embedded (only in inlet serve, where it is the default)"`
	Replicas   int             `env:"INLET_BUS_REPLICAS" envDefault:"1" desc:"copies of each stream in a NATS cluster: 1, 3 or 5"`
	Durability disk.Durability `env:"INLET_DURABILITY" envDefault:"power" desc:"what an acknowledged upload survives: power (a power cut), or process (no fsync: for tests and caches)"`
	AdminAddr  string          `env:"INLET_ADMIN_ADDR" envDefault:"127.0.0.1:9090" desc:"listener of /livez, /readyz, /metrics and pprof; off for none"`
	Log        telemetry.LogConfig

	AccessKey string `env:"AWS_ACCESS_KEY_ID" desc:"key of the S3 store"`
	SecretKey string `env:"AWS_SECRET_ACCESS_KEY" desc:"secret of the S3 store"`
}

// Embedded is the value of INLET_BUS for a server in this process.
const Embedded = "embedded"

// Validate implements config.Validator.
func (s *Settings) Validate() error {
	switch {
	case s.Durability != disk.Power && s.Durability != disk.Process:
		return config.Bad("INLET_DURABILITY", string(s.Durability), "power or process")
	case s.Replicas != 1 && s.Replicas != 3 && s.Replicas != 5:
		return config.Bad("INLET_BUS_REPLICAS", strconv.Itoa(s.Replicas), "1, 3 or 5")
	case s.Meta != "" && !hasScheme(s.Meta, "sqlite", "mongodb", "mongodb+srv"):
		return config.Bad("INLET_META", redact(s.Meta), "sqlite:FILE or mongodb://…")
	case s.Blobs != "" && !hasScheme(s.Blobs, "disk", "s3"):
		return config.Bad("INLET_BLOBS", redact(s.Blobs), "disk:FOLDER or s3://BUCKET/PREFIX?endpoint=URL")
	case s.Bus != "" && s.Bus != Embedded && !hasScheme(s.Bus, "nats", "tls"):
		return config.Bad("INLET_BUS", redact(s.Bus), "nats://host:port or embedded")
	case s.Log.Format != "json" && s.Log.Format != "text":
		return config.Bad("INLET_LOG_FORMAT", s.Log.Format, "json or text")
	}
	return nil
}

func (s *Settings) sqlitePath() string {
	if s.Meta == "" {
		return filepath.Join(s.Data, "meta.db")
	}
	return strings.TrimPrefix(s.Meta, "sqlite:")
}

func (s *Settings) blobFolder() string {
	if s.Blobs == "" {
		return filepath.Join(s.Data, "blobs")
	}
	return strings.TrimPrefix(s.Blobs, "disk:")
}

func hasScheme(s string, schemes ...string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	for _, want := range schemes {
		if ok && scheme == want {
			return true
		}
	}
	return false
}

// redact takes the password out of a URL before it is shown.
func redact(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return "not a URL"
}
