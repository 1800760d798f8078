package program

import (
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/ballast"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/telemetry"
)

// Settings are what every program of Inlet reads: where the stores and the bus are, and how to log.
type Settings struct {
	Data       string          `env:"INLET_DATA" envDefault:"data" desc:"folder for everything that is kept on this machine"`
	Meta       string          `env:"INLET_META" desc:"records: sqlite:FILE or mongodb://…; empty is a SQLite file in INLET_DATA"`
	Patience   time.Duration   `env:"INLET_META_PATIENCE" envDefault:"1250ms" desc:"how long a MongoDB server may leave everything unanswered before requests are answered 503; one that is slow needs more"`
	Blobs      string          `env:"INLET_BLOBS" desc:"bytes: disk:FOLDER or s3://BUCKET/PREFIX?endpoint=URL&region=R with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty is a folder in INLET_DATA"`
	Fallback   string          `env:"INLET_BLOBS_FALLBACK" desc:"where to look for, and delete, bytes that INLET_BLOBS does not have, in the same forms and with the same AWS keys; nothing is written to it; empty is nowhere"`
	S3Public   string          `env:"INLET_S3_PUBLIC_ENDPOINT" desc:"URL at which clients reach the S3 server of INLET_BLOBS, to send uploads to it; empty is its endpoint"`
	Bus        string          `env:"INLET_BUS" desc:"events: nats://user:password@host:port, or embedded (only in inlet serve, where it is the default)"`
	Replicas   int             `env:"INLET_BUS_REPLICAS" envDefault:"1" desc:"copies of each stream in a NATS cluster: 1, 3 or 5"`
	Durability disk.Durability `env:"INLET_DURABILITY" envDefault:"power" desc:"what an acknowledged upload survives: power (a power cut), or process (no fsync: for tests and caches)"`
	MinFree    string          `env:"INLET_MIN_FREE" desc:"room that uploads leave free on the disk of the blobs: bytes, a share as in 5%, or 0 for none; empty is 5%, and at most 1 GiB"`
	AdminAddr  string          `env:"INLET_ADMIN_ADDR" envDefault:"127.0.0.1:9090" desc:"listener of /livez, /readyz, /metrics and pprof; off for none"`
	Log        telemetry.LogConfig
	Traces     telemetry.TraceConfig

	AccessKey string `env:"AWS_ACCESS_KEY_ID" desc:"key of the S3 stores"`
	SecretKey string `env:"AWS_SECRET_ACCESS_KEY" secret:"true" desc:"secret of the S3 stores"`
}

// minPatience is more than a question to a server nearby takes.
const minPatience = 100 * time.Millisecond

// blobForms is what names a blob store.
const blobForms = "disk:FOLDER or s3://BUCKET/PREFIX?endpoint=https://HOST"

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
	case s.Patience != 0 && s.Patience < minPatience: // 0 takes the default
		return config.Bad("INLET_META_PATIENCE", s.Patience.String(), "100ms or more")
	case s.Blobs != "" && !hasScheme(s.Blobs, "disk", "s3"):
		return config.Bad("INLET_BLOBS", redact(s.Blobs), blobForms)
	case s.Fallback != "" && !hasScheme(s.Fallback, "disk", "s3"):
		return config.Bad("INLET_BLOBS_FALLBACK", redact(s.Fallback), blobForms)
	case s.Fallback != "" && s.Fallback == s.BlobStore():
		return config.Bad("INLET_BLOBS_FALLBACK", redact(s.Fallback), "another store than INLET_BLOBS")
	case s.S3Public != "" && !isEndpoint(s.S3Public):
		return config.Bad("INLET_S3_PUBLIC_ENDPOINT", redact(s.S3Public), "https://HOST")
	case s.Bus != "" && s.Bus != Embedded && !hasScheme(s.Bus, "nats", "tls"):
		return config.Bad("INLET_BUS", redact(s.Bus), "nats://host:port or embedded")
	case !isReserve(s.MinFree):
		return config.Bad("INLET_MIN_FREE", s.MinFree, diskspace.Forms)
	case s.Log.Format != "json" && s.Log.Format != "text":
		return config.Bad("INLET_LOG_FORMAT", s.Log.Format, "json or text")
	}
	return s.Traces.Validate()
}

// Reserve is what uploads leave free on a disk; the default's where MinFree is not valid.
func (s *Settings) Reserve() diskspace.Reserve {
	r, err := diskspace.ParseReserve(s.MinFree)
	if err != nil {
		return diskspace.Default
	}
	return r
}

func isReserve(s string) bool {
	_, err := diskspace.ParseReserve(s)
	return err == nil
}

// BlobDisk is a path on the disk of the blobs; empty when they are on none.
func (s *Settings) BlobDisk() string {
	folder, _ := strings.CutPrefix(s.BlobStore(), "disk:")
	if folder == s.BlobStore() {
		return ""
	}
	return folder
}

// Mongo reports whether the records are in a database server.
func (s *Settings) Mongo() bool { return strings.HasPrefix(s.Meta, "mongodb") }

// SQLitePath is where the records are when they are in a file.
func (s *Settings) SQLitePath() string {
	if s.Meta == "" {
		return filepath.Join(s.Data, "meta.db")
	}
	return strings.TrimPrefix(s.Meta, "sqlite:")
}

// Ballast is that of records in a file.
func (s *Settings) Ballast(log *slog.Logger) ballast.Config {
	return ballast.Config{Dir: filepath.Dir(s.SQLitePath()), Log: log}
}

// BlobStore names the primary blob store, as INLET_BLOBS does.
func (s *Settings) BlobStore() string {
	if s.Blobs == "" {
		return "disk:" + filepath.Join(s.Data, "blobs")
	}
	return s.Blobs
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

// isEndpoint reports whether s is the URL of a server, or of a path on it, and nothing more.
func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// redact takes the password out of a URL before it is shown.
func redact(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return "not a URL"
}
