package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/blob/fallback"
	"github.com/inlethq/inlet/pkg/blob/s3"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/mongo"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/program"
)

// A service makes stores that are missing and waits for those that are out (pkg/program). An operator wants to hear of both: here neither is done.

// intent is what a command is about to do to the stores.
type intent int

const (
	look   intent = iota // beside whoever else is at work
	change               // SQLite must be ours alone then
)

// isMongo reports whether the records are in a database server.
func isMongo(s program.Settings) bool { return strings.HasPrefix(s.Meta, "mongodb") }

// sqlitePath is where the records are when they are in a file.
func sqlitePath(s program.Settings) string {
	if s.Meta == "" {
		return filepath.Join(s.Data, "meta.db")
	}
	return strings.TrimPrefix(s.Meta, "sqlite:")
}

func openMeta(ctx context.Context, s program.Settings, i intent) (meta.Repo, error) {
	if isMongo(s) {
		u, err := url.Parse(s.Meta)
		if err != nil {
			return nil, config.Bad("INLET_META", "not a URL", "a mongodb:// URL")
		}
		database := strings.Trim(u.Path, "/")
		if database == "" {
			database = "inlet"
		}
		store, err := mongo.Open(ctx, mongo.Config{URI: s.Meta, Database: database})
		if err != nil {
			return nil, fmt.Errorf("INLET_META: %w", err)
		}
		return store, nil
	}
	path := sqlitePath(s)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the records: %w (INLET_DATA and INLET_META say where they are)", err)
	}
	store, err := sqlite.Open(ctx, sqlite.Config{Path: path, ReadOnly: i == look})
	if file.Is(err, file.Unavailable) && i == change {
		return nil, fmt.Errorf("%w; what changes records needs inlet serve to be stopped", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return store, nil
}

// blobsName names the primary blob store, as INLET_BLOBS does.
func blobsName(s program.Settings) string {
	if s.Blobs == "" {
		return "disk:" + filepath.Join(s.Data, "blobs")
	}
	return s.Blobs
}

func openBlobs(ctx context.Context, s program.Settings) (blob.Store, error) {
	primary, err := openStore(ctx, s, "INLET_BLOBS", blobsName(s))
	if err != nil || s.Fallback == "" {
		return primary, err
	}
	secondary, err := openStore(ctx, s, "INLET_BLOBS_FALLBACK", s.Fallback)
	if err != nil {
		if closer, ok := primary.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
		return nil, err
	}
	return fallback.New(primary, secondary), nil
}

func openStore(ctx context.Context, s program.Settings, variable, name string) (blob.Store, error) {
	if folder, ok := strings.CutPrefix(name, "disk:"); ok {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) { // the driver would make it
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		store, err := disk.Open(disk.Config{Dir: folder, Durability: s.Durability})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		return store, nil
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil, config.Bad(variable, "not a URL", "s3://BUCKET/PREFIX?endpoint=https://HOST")
	}
	endpoint, err := url.Parse(u.Query().Get("endpoint"))
	if err != nil || endpoint.Host == "" {
		return nil, config.Bad(variable, u.Redacted(), "s3://BUCKET/PREFIX?endpoint=https://HOST")
	}
	store, err := s3.Open(ctx, s3.Config{
		Endpoint: endpoint.Host, Insecure: endpoint.Scheme == "http", PathStyle: true,
		Region: u.Query().Get("region"), Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"),
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, PublicEndpoint: s.S3Public,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return store, nil
}
