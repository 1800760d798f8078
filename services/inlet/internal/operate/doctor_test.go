package operate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/sign"
)

// settled makes a data folder as a first start leaves it, and returns the patient that lives there.
func settled(t *testing.T) *patient {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("INLET_DATA", dir)
	t.Setenv("INLET_ADMIN_ADDR", "off")
	p := new(patient)
	if found := p.load(); found.Status != statusOK {
		t.Fatal(found)
	}
	repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir + "/meta.db"})
	if err == nil {
		err = repo.Close()
	}
	store, openErr := disk.Open(disk.Config{Dir: dir + "/blobs"})
	if openErr == nil {
		openErr = store.Close()
	}
	if err := errors.Join(err, openErr,
		os.WriteFile(dir+"/directory.yaml", []byte("tenants:\n  - {id: acme, plan: unlimited}\n"), 0o600),
		os.WriteFile(dir+"/signing.keys", []byte(sign.NewKey()+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return p
}

// listing names everything in a folder but for SQLite's own files, which come and go as it is read.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if !strings.HasPrefix(filepath.Base(path), "meta.db-") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// TestDoctorFindsAllWell: and it leaves nothing behind.
func TestDoctorFindsAllWell(t *testing.T) {
	p := settled(t)
	before := listing(t, p.program.Data)
	var out bytes.Buffer
	healthy, err := Doctor{Command{Out: &out, ErrOut: t.Output(), JSON: true}}.Run(t.Context())
	if err != nil || !healthy {
		t.Errorf("%v, %v:\n%s", healthy, err, &out)
	}
	want := map[string]status{"bus": statusSkip, "server": statusSkip, "virus scanner": statusSkip}
	for _, found := range read[diagnosis](t, &out) {
		s, special := want[found.Check]
		if !special {
			s = statusOK
		}
		if found.Status != s && found.Check != "free space" { // that is this machine's
			t.Errorf("%+v, want %s", found, s)
		}
	}
	if after := listing(t, p.program.Data); after != before {
		t.Errorf("the folder was changed from\n%s\nto\n%s", before, after)
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	write := func(name, text string) func(*testing.T, *patient) {
		return func(t *testing.T, p *patient) {
			if err := os.WriteFile(filepath.Join(p.program.Data, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	answer := func(status int, body string) func(*testing.T, *patient) {
		return func(t *testing.T, p *patient) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			t.Cleanup(s.Close)
			p.program.AdminAddr = s.Listener.Addr().String()
		}
	}
	for _, c := range []struct {
		name  string
		check func(context.Context, *patient) diagnosis
		harm  func(*testing.T, *patient)
		want  status
		says  string
	}{
		{"no data folder to write to", checkData, func(_ *testing.T, p *patient) { p.program.Data += "/meta.db" }, statusFail, "not a directory"},
		{"no database", checkRecords, write("meta.db", "this is not a database, and longer than its header would be, which has 100 bytes, as everybody knows."), statusFail, "meta.db"},
		{"uploads that do not survive", checkRecords, func(_ *testing.T, p *patient) { p.program.Durability = disk.Process }, statusWarn, "power cut"},
		{"MongoDB is out", checkRecords, func(t *testing.T, p *patient) {
			p.program.Meta = "mongodb://" + closed(t) + "/?serverSelectionTimeoutMS=200"
		}, statusFail, "INLET_META"},
		{"a file where the blobs should be", checkBlobs, func(_ *testing.T, p *patient) { p.program.Blobs = "disk:" + p.program.Data + "/meta.db" }, statusFail, "INLET_BLOBS"},
		{"S3 is out", checkBlobs, func(t *testing.T, p *patient) { p.program.Blobs = "s3://bucket?endpoint=http://" + closed(t) }, statusFail, "INLET_BLOBS"},
		{"NATS is out", checkBus, func(t *testing.T, p *patient) { p.program.Bus = "nats://" + closed(t) }, statusFail, "bus"},
		{"the server is not ready", checkServer, answer(http.StatusServiceUnavailable, `{"bus":"out"}`), statusFail, `{"bus":"out"}`},
		{"the server is ready", checkServer, answer(http.StatusOK, `{"bus":"ok"}`), statusOK, `{"bus":"ok"}`},
		{"no server", checkServer, func(t *testing.T, p *patient) { p.program.AdminAddr = closed(t) }, statusSkip, "nobody"},
		{"a mistake in the directory", checkDirectory, write("directory.yaml", "tenants:\n  - {id: acme, plan: golden}\n"), statusFail, "tenants[0].plan"},
		{"a directory that others may read", checkDirectory, func(t *testing.T, p *patient) {
			if err := os.Chmod(p.program.Data+"/directory.yaml", 0o644); err != nil { //nolint:gosec // what is to be found
				t.Fatal(err)
			}
		}, statusWarn, "others"},
		{"no directory where one is named", checkDirectory, func(_ *testing.T, p *patient) { p.ingest.Directory = p.program.Data + "/none.yaml" }, statusFail, "none.yaml"},
		{"a key that can be guessed", checkKeys, write("signing.keys", "k1:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"), statusFail, "signing.keys"},
		{"no keys in a cluster", checkKeys, func(_ *testing.T, p *patient) { p.program.Bus = "nats://127.0.0.1" }, statusFail, "INLET_SIGNING_KEYS"},
		{"a secret that can be guessed", checkTokens, func(_ *testing.T, p *patient) { p.ingest.JWTSecret = strings.Repeat("abc", 20) }, statusFail, "guessed"},
		{"keys by http", checkTokens, func(_ *testing.T, p *patient) { p.ingest.JWKSURL = "http://example.com/keys" }, statusWarn, "https"},
		{"clamd is out", checkScanner, func(t *testing.T, p *patient) { p.verifier.Clamd = "tcp://" + closed(t) }, statusFail, "refused"},
		{"clamd has no address", checkScanner, func(_ *testing.T, p *patient) { p.verifier.Clamd = "clamd" }, statusFail, "clamd"},
		{"clamd answers", checkScanner, func(t *testing.T, p *patient) { p.verifier.Clamd = "tcp://" + scanner(t, "PONG\x00") }, statusOK, "answers"},
		{"clamd talks nonsense", checkScanner, func(t *testing.T, p *patient) { p.verifier.Clamd = "tcp://" + scanner(t, "HTTP/1.1 400\x00") }, statusFail, "HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := settled(t)
			c.harm(t, p)
			got := c.check(t.Context(), p)
			if got.Status != c.want || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%+v, want %s and %q", got, c.want, c.says)
			}
			if bad := got.Status == statusFail || got.Status == statusWarn; bad != (got.Advice != "") {
				t.Errorf("advice %q for %s", got.Advice, got.Status)
			}
		})
	}
}

// closed is an address at which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// scanner answers every connection in one way, once it was asked.
func scanner(t *testing.T, reply string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			question := make([]byte, len("zPING\x00"))
			if _, err := io.ReadFull(conn, question); err == nil && string(question) == "zPING\x00" {
				_, _ = io.WriteString(conn, reply)
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// faultyStore lies in one way.
type faultyStore struct {
	blob.Store
	replaces, forgets, keeps bool
}

func (s faultyStore) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	info, err := s.Store.Put(ctx, key, r, o)
	if s.replaces && file.Is(err, file.Conflict) {
		err = nil
	}
	return info, err
}

func (s faultyStore) Stat(ctx context.Context, key string) (blob.Info, error) {
	info, err := s.Store.Stat(ctx, key)
	if s.forgets {
		info.Size = 0
	}
	return info, err
}

func (s faultyStore) Delete(ctx context.Context, key string) error {
	if s.keeps {
		return nil
	}
	return s.Store.Delete(ctx, key)
}

func TestProbeBlobs(t *testing.T) {
	for _, c := range []struct {
		store faultyStore
		says  string
	}{
		{faultyStore{}, ""},
		{faultyStore{replaces: true}, "twice under one key"},
		{faultyStore{forgets: true}, "size 0 of 5"},
		{faultyStore{keeps: true}, "still there"},
	} {
		store, err := disk.Open(disk.Config{Dir: t.TempDir(), Durability: disk.Process})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		c.store.Store = store
		err = probeBlobs(t.Context(), c.store)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}

func TestJudgeSpace(t *testing.T) {
	for _, c := range []struct {
		bytes, files int64 // free, of 1000
		want         status
	}{
		{500, 500, statusOK},
		{200, 500, statusOK},
		{199, 500, statusWarn},
		{500, 199, statusWarn},
		{100, 500, statusFail},
		{500, 100, statusFail},
		{0, 0, statusFail},
		{500, math.MaxInt64, statusOK},
	} {
		reserve, err := diskspace.ParseReserve("10%")
		if err != nil {
			t.Fatal(err)
		}
		space := diskspace.Space{Bytes: 1000, FreeBytes: c.bytes, Files: 1000, FreeFiles: c.files}
		if c.files == math.MaxInt64 {
			space.Files = c.files
		}
		if found := judgeSpace("data", space, reserve); found.Status != c.want {
			t.Errorf("%d bytes and %d inodes of 1000: %+v, want %s", c.bytes, c.files, found, c.want)
		}
	}
}
