package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// Addrs are where one process of `inlet serve` listens.
type Addrs struct {
	Public, Admin, NATS string // host:port
}

// FreeAddrs picks three free ports.
func FreeAddrs() (Addrs, error) {
	var a Addrs
	var failed []error
	for _, to := range []*string{&a.Public, &a.Admin, &a.NATS} {
		addr, err := FreeAddr()
		*to = addr
		failed = append(failed, err)
	}
	return a, errors.Join(failed...)
}

// URL is the public listener's.
func (a Addrs) URL() string { return "http://" + a.Public }

// EventsURL is where subscribers connect.
func (a Addrs) EventsURL() string { return "nats://" + a.NATS }

// Serve describes `inlet serve` with its data in a folder. settings add to the environment, and win.
func Serve(path, data string, a Addrs, settings map[string]string, log io.Writer) Spec {
	env := map[string]string{
		"INLET_DATA": data, "INLET_ADDR": a.Public, "INLET_ADMIN_ADDR": a.Admin, "INLET_NATS_ADDR": a.NATS,
	}
	for k, v := range settings {
		env[k] = v
	}
	return Spec{Name: "inlet", Path: path, Args: []string{"serve"}, Env: env, Admin: a.Admin, Log: log}
}

var keyLine = regexp.MustCompile(`(?m)^\s*key:\s*(\S+)\s*$`)

// FirstKey reads the API key of the directory file that the first start has made in a data folder.
func FirstKey(data string) (string, error) {
	path := filepath.Join(data, "directory.yaml")
	text, err := os.ReadFile(path) //nolint:gosec // a folder of the caller's
	if err != nil {
		return "", err
	}
	m := keyLine.FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s names no API key", path)
	}
	return string(m[1]), nil
}
