package operate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/notifier"
	"github.com/inlethq/inlet/services/thumbnailer"
	"github.com/inlethq/inlet/services/verifier"
)

// manyWaiting is a backlog that workers which keep up do not have.
const manyWaiting = 1000

// checkBus looks whether the bus takes messages, and how far behind the workers are.
func checkBus(ctx context.Context, p *patient) diagnosis {
	if p.single() {
		return skip("it is inside inlet serve")
	}
	b, err := nats.Open(ctx, nats.Config{URL: p.program.Bus, Name: "inlet-doctor", Replicas: p.program.Replicas, Log: p.log})
	if err != nil {
		return fail("mend INLET_BUS", err)
	}
	defer func() { _ = b.Close() }() // nothing was sent
	if err := b.Ping(ctx); err != nil {
		return fail("start NATS with JetStream, or mend INLET_BUS and the rights of its user", err)
	}
	backlogs, err := b.Inspect(ctx, verifier.Name, thumbnailer.Name, notifier.Name)
	if file.Is(err, file.Unavailable) {
		return warn("to see how far behind the workers are, let the user of INLET_BUS ask for $JS.API.CONSUMER.INFO.INLET.*", "the streams are there; the consumers cannot be asked for")
	}
	if err != nil {
		return fail("look at the log of NATS", err)
	}
	var words []string
	advice := ""
	for _, c := range backlogs {
		switch {
		case c.Missing:
			advice = "start a " + c.Name
			words = append(words, c.Name+": has never run")
			continue
		case c.Waiting > manyWaiting:
			advice = "start more of " + c.Name + ", or find out why it is slow"
		}
		words = append(words, fmt.Sprintf("%s: %d waiting, %d in work", c.Name, c.Waiting, c.Held))
	}
	if advice != "" {
		return warn(advice, "%s", strings.Join(words, "; "))
	}
	return ok("%s", strings.Join(words, "; "))
}

// maxAnswer bounds what is read of /readyz.
const maxAnswer = 4096

// checkServer asks the process that runs with the same settings whether it is ready.
func checkServer(ctx context.Context, p *patient) diagnosis {
	host, port, err := net.SplitHostPort(p.program.AdminAddr)
	if p.program.AdminAddr == "off" {
		return skip("INLET_ADMIN_ADDR is off: nobody can be asked")
	}
	if err != nil {
		return fail("INLET_ADMIN_ADDR must be host:port or off", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	address := net.JoinHostPort(host, port)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fail("INLET_ADMIN_ADDR must be host:port or off", err)
	}
	client := &http.Client{Transport: &http.Transport{}} // no proxy stands between a machine and itself
	resp, err := client.Do(req)
	if err != nil {
		return skip("nobody listens at %s", address)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	text := strings.TrimSpace(string(answer))
	if err != nil || resp.StatusCode != http.StatusOK {
		return fail("see which of its dependencies is out", fmt.Errorf("%s answers %s: %s", address, resp.Status, text))
	}
	return ok("the one at %s is ready: %s", address, text)
}

// othersMask are the permissions of everybody but the owner.
const othersMask fs.FileMode = 0o077

// checkDirectory reads the directory file.
func checkDirectory(_ context.Context, p *patient) diagnosis {
	path := p.ingest.Directory
	if path == "" {
		path = filepath.Join(p.program.Data, "directory.yaml")
	}
	_, err := access.OpenDirectory(path)
	switch {
	case file.Is(err, file.NotFound) && p.ingest.Directory == "" && p.single():
		return skip("%s is not there yet: the first start makes it", path)
	case file.Is(err, file.NotFound):
		return fail("set INLET_DIRECTORY to a directory file; deploy/directory.example.yaml shows every field", err)
	case err != nil:
		return fail("mend the file; a server that runs goes on with the one before", err)
	}
	if fi, err := os.Stat(path); err == nil && fi.Mode().Perm()&othersMask != 0 {
		return warn("chmod 600 "+path, "%s may be read by others, and holds keys", path)
	}
	return ok("%s", path)
}

// checkKeys reads the keys of signed URLs.
func checkKeys(_ context.Context, p *patient) diagnosis {
	const advice = "set INLET_SIGNING_KEYS to k1:$(openssl rand -base64 32), the same for every ingest"
	keys, where := p.ingest.Keys, "INLET_SIGNING_KEYS"
	if keys == "" && p.single() {
		where = filepath.Join(p.program.Data, "signing.keys")
		text, err := os.ReadFile(where) //nolint:gosec // in the operator's folder
		if errors.Is(err, fs.ErrNotExist) {
			return skip("%s is not there yet: the first start makes it", where)
		}
		if err != nil {
			return fail("let this user read it", err)
		}
		keys = strings.TrimSpace(string(text))
	}
	if keys == "" {
		return fail(advice, errors.New("INLET_SIGNING_KEYS is not set"))
	}
	if _, err := sign.ParseRing(keys); err != nil {
		return fail(advice, fmt.Errorf("%s: %w", where, err))
	}
	return ok("%d in %s", 1+strings.Count(keys, ","), where)
}

// minDistinct different bytes are in any 32 random ones, written in whatever way.
const minDistinct = 8

// checkTokens looks how tokens are trusted. That a secret is long enough was checked with the settings.
func checkTokens(_ context.Context, p *patient) diagnosis {
	if secret := p.ingest.JWTSecret; secret != "" {
		distinct := map[rune]bool{}
		for _, r := range secret {
			distinct[r] = true
		}
		if len(distinct) < minDistinct {
			return fail("set INLET_JWT_SECRET to $(openssl rand -base64 48), here and where tokens are made", errors.New("INLET_JWT_SECRET can be guessed"))
		}
	}
	if u, err := url.Parse(p.ingest.JWKSURL); p.ingest.JWKSURL != "" && (err != nil || u.Scheme != "https") {
		return warn("use https, or whoever is on the way can make tokens", "INLET_JWKS_URL is not https")
	}
	if p.ingest.JWTSecret == "" && p.ingest.JWKSURL == "" {
		return ok("none are accepted: INLET_JWT_SECRET and INLET_JWKS_URL are not set")
	}
	return ok("they are checked by a secret of %d bytes, and keys of %q", len(p.ingest.JWTSecret), p.ingest.JWKSURL)
}

// checkPictures starts a renderer as the thumbnailer does, which tries what must work and what must be blocked.
func checkPictures(ctx context.Context, p *patient) diagnosis {
	if err := thumbnailer.Check(ctx, p.log); err != nil {
		return fail("install libvips 8.13 or newer, as Debian 12 has it", err)
	}
	return ok("libvips reads and writes pictures in a process of its own; loaders for untrusted input are blocked")
}

// checkScanner asks clamd for a sign of life (clamd(8), PING).
func checkScanner(ctx context.Context, p *patient) diagnosis {
	if p.verifier.Clamd == "" {
		return skip("INLET_CLAMD is not set: nothing is scanned")
	}
	const advice = "start clamd, or mend INLET_CLAMD: tcp://host:port or unix:/path; until then no file becomes ready"
	if _, err := verifier.New(p.verifier, nil, nil, p.log); err != nil {
		return fail(advice, err)
	}
	u, err := url.Parse(p.verifier.Clamd)
	if err != nil {
		return fail(advice, err)
	}
	network, address := "tcp", u.Host
	if u.Scheme == "unix" {
		network, address = "unix", u.Path
	}
	if err := ping(ctx, network, address); err != nil {
		return fail(advice, err)
	}
	return ok("clamd answers at %s", p.verifier.Clamd)
}

func ping(ctx context.Context, network, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is left to send
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := io.WriteString(conn, "zPING\x00"); err != nil {
		return err
	}
	reply, err := bufio.NewReader(io.LimitReader(conn, maxAnswer)).ReadString(0)
	if err != nil {
		return err
	}
	if reply != "PONG\x00" {
		return fmt.Errorf("clamd answers %q to a PING", reply)
	}
	return nil
}
