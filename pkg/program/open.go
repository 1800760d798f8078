package program

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/ballast"
	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/blob/fallback"
	"github.com/inlethq/inlet/pkg/blob/s3"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/mongo"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

// waitStep is how long a dependency that is not there yet is left alone between two tries.
const waitStep = 500 * time.Millisecond

// wait opens a dependency, again and again while it is Unavailable: programs start in any order.
func wait[T any](ctx context.Context, log *slog.Logger, what string, open func() (T, error)) (T, error) {
	for first := true; ; first = false {
		v, err := open()
		if err == nil || !file.Is(err, file.Unavailable) || ctx.Err() != nil {
			return v, err
		}
		if first {
			log.Info("waiting for a dependency", "what", what, "err", err)
		}
		select {
		case <-time.After(waitStep):
		case <-ctx.Done():
			return v, err
		}
	}
}

// commandPatience is how long an operator's command bears with a database that does not answer. A service has clients that wait, and is less patient.
const commandPatience = 10 * time.Second

// Mode is how stores are opened.
type Mode int

// The modes. A service makes stores that are missing; an operator's command wants to hear of that.
const (
	Serve  Mode = iota // to work on, made if missing
	Change             // to work on, as they are
	Look               // to read, beside whoever else is at work
)

// OpenMeta opens the records.
func OpenMeta(ctx context.Context, s Settings, m Mode) (meta.Repo, error) {
	if s.Mongo() {
		u, err := url.Parse(s.Meta)
		if err != nil {
			return nil, config.Bad("INLET_META", redact(s.Meta), "a mongodb:// URL")
		}
		database := strings.Trim(u.Path, "/")
		if database == "" {
			database = "inlet"
		}
		c := mongo.Config{URI: s.Meta, Database: database, Patience: s.Patience}
		if m != Serve {
			c.Patience = max(s.Patience, commandPatience)
		}
		store, err := mongo.Open(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("INLET_META: %w", err) // and no nil *mongo.Store, which is not a nil meta.Repo
		}
		return store, nil
	}
	store, err := openSQLite(ctx, s, m)
	if err != nil {
		return nil, err // and no nil *sqlite.Store either
	}
	return store, nil
}

func openSQLite(ctx context.Context, s Settings, m Mode) (*sqlite.Store, error) {
	path := s.SQLitePath()
	if m == Serve {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return nil, fmt.Errorf("INLET_DATA: %w", err)
		}
	} else if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the records: %w (INLET_DATA and INLET_META say where they are)", err)
	}
	c := sqlite.Config{Path: path, ReadOnly: m == Look, Spare: m == Serve}
	if s.Durability == disk.Process {
		c.Synchronous = sqlite.Off
	}
	store, err := sqlite.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return store, nil
}

// openRecords opens the records to serve them. Those in a file get a ballast beside it, before they are opened: on a full disk that may
// already need its room.
func openRecords(ctx context.Context, s Settings, log *slog.Logger) (meta.Repo, error) {
	if s.Mongo() {
		return OpenMeta(ctx, s, Serve)
	}
	b, err := ballast.Open(s.Ballast(log))
	if err != nil {
		return nil, fmt.Errorf("INLET_DATA: %w", err)
	}
	repo, err := openSQLite(ctx, s, Serve)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return ballast.Guard(repo, b), nil
}

// OpenBlobs opens the blob store and, where one is named, the other that it falls back to.
func OpenBlobs(ctx context.Context, s Settings, m Mode) (blob.Store, error) {
	primary, err := openStore(ctx, s, m, "INLET_BLOBS", s.BlobStore())
	if err != nil || s.Fallback == "" {
		return primary, err
	}
	secondary, err := openStore(ctx, s, m, "INLET_BLOBS_FALLBACK", s.Fallback)
	if err != nil {
		return nil, errors.Join(err, closeIf(primary))
	}
	return fallback.New(primary, secondary), nil
}

// openStore opens the blob store that a variable names.
func openStore(ctx context.Context, s Settings, m Mode, variable, name string) (blob.Store, error) {
	if folder, ok := strings.CutPrefix(name, "disk:"); ok {
		if m != Serve { // the driver would make it
			if _, err := os.Stat(folder); err != nil {
				return nil, fmt.Errorf("%s: %w", variable, err)
			}
		}
		store, err := disk.Open(disk.Config{Dir: folder, Durability: s.Durability, Reserve: s.Reserve()})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err) // and no nil *disk.Store, which is not a nil blob.Store
		}
		return store, nil
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil, config.Bad(variable, redact(name), blobForms)
	}
	endpoint, err := url.Parse(u.Query().Get("endpoint"))
	if err != nil || endpoint.Host == "" {
		return nil, config.Bad(variable, redact(name), blobForms)
	}
	store, err := s3.Open(ctx, s3.Config{
		Endpoint: endpoint.Host, Insecure: endpoint.Scheme == "http", PathStyle: true,
		Region: u.Query().Get("region"), Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"),
		AccessKey: s.AccessKey, SecretKey: s.SecretKey,
		PublicEndpoint: s.S3Public, Existing: m != Serve,
	})
	if errors.Is(err, s3.ErrCredentials) {
		return nil, fmt.Errorf("%s, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", variable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return store, nil
}

func openBus(ctx context.Context, name string, s Settings, log *slog.Logger, o Options) (bus.Bus, error) {
	c := nats.Config{Name: "inlet-" + name, Replicas: s.Replicas, Log: log, Server: o.Server, User: o.User}
	if o.Server == nil {
		if s.Bus == "" || s.Bus == Embedded {
			return nil, config.Bad("INLET_BUS", s.Bus, "nats://host:port for a service on its own")
		}
		c.URL = s.Bus
	}
	b, err := nats.Open(ctx, c)
	if err != nil {
		return nil, err // and no nil *nats.Bus either
	}
	return b, nil
}
