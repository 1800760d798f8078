package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/inlethq/inlet/pkg/file"
)

// The types below are the directory file as it is written. Numbers and sizes are read as text, so that a bad one is reported with
// its path and never rounded.
type (
	directoryFile struct {
		Tenants []tenantEntry `yaml:"tenants"`
		Users   []userEntry   `yaml:"users"`
		APIKeys []keyEntry    `yaml:"api_keys"`
	}
	tenantEntry struct {
		ID         string           `yaml:"id"`
		Plan       string           `yaml:"plan"`
		Limits     limitsEntry      `yaml:"limits"`
		Projects   []string         `yaml:"projects"`
		Bots       []botEntry       `yaml:"bots"`
		Workspaces []workspaceEntry `yaml:"workspaces"`
	}
	limitsEntry struct {
		MaxFileSize string    `yaml:"max_file_size"`
		MaxStorage  string    `yaml:"max_storage"`
		Rate        rateEntry `yaml:"rate"`
	}
	rateEntry struct {
		PerMinute string `yaml:"per_minute"`
		PerHour   string `yaml:"per_hour"`
		PerDay    string `yaml:"per_day"`
	}
	botEntry struct {
		ID      string `yaml:"id"`
		Project string `yaml:"project"`
	}
	workspaceEntry struct {
		ID       string         `yaml:"id"`
		Channels []channelEntry `yaml:"channels"`
	}
	channelEntry struct {
		ID         string `yaml:"id"`
		Visibility string `yaml:"visibility"`
	}
	userEntry struct {
		ID       string            `yaml:"id"`
		Number   string            `yaml:"number"`
		Tenant   string            `yaml:"tenant"`
		Email    string            `yaml:"email"`
		Password string            `yaml:"password"`
		Roles    map[string]string `yaml:"roles"`
	}
	keyEntry struct {
		Name   string   `yaml:"name"`
		Tenant string   `yaml:"tenant"`
		Key    string   `yaml:"key"`
		User   string   `yaml:"user"`
		Scopes []string `yaml:"scopes"`
	}
)

// parse reads a directory file. Its error is Invalid and tells every problem.
func parse(text []byte) (*snapshot, error) {
	doc, err := decode(text)
	if err != nil {
		return nil, file.Wrap(file.Invalid, "access.directory", err)
	}
	b := newBuilder()
	b.build(doc)
	if len(b.problems) > 0 {
		return nil, file.Wrap(file.Invalid, "access.directory", errors.Join(b.problems...))
	}
	return b.snapshot, nil
}

// decode reads the YAML: one document, and no key that is not known. Its errors quote no line, since lines hold secrets.
func decode(text []byte) (*directoryFile, error) {
	if len(text) > maxDirectoryFile {
		return nil, fmt.Errorf("larger than %d bytes", maxDirectoryFile)
	}
	var doc directoryFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxProblems(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return &doc, nil
}

// inTypes is the part of a YAML error that is about Go, and the value, which may be a secret.
var inTypes = regexp.MustCompile("( `.*`)?( in type .*| into .*)$")

// syntaxProblems makes one error of each that the YAML library has found, with its line.
func syntaxProblems(err error) error {
	var several *yaml.TypeError
	if !errors.As(err, &several) {
		return err
	}
	problems := make([]error, len(several.Errors))
	for i, p := range several.Errors {
		problems[i] = errors.New(inTypes.ReplaceAllString(p, ""))
	}
	return errors.Join(problems...)
}
