package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/inlet/internal/cli/profile"
)

// The environment of the commands.
const (
	envURL     = "INLET_URL"
	envKey     = "INLET_API_KEY"
	envProfile = "INLET_PROFILE"
)

// session is one command at work: where it reads and writes, and the server that it speaks to.
type session struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	json   bool

	client  *client.Client // nil for a command that needs no server
	profile profile.Profile

	mu sync.Mutex // of out and errOut
}

func newSession(cmd *cobra.Command) *session {
	return &session{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr()}
}

// connect makes the client of the server that is meant.
func (s *session) connect(name string) error {
	p, err := choose(name, os.Getenv)
	if err != nil {
		return err
	}
	s.profile = p
	s.client, err = newClient(p)
	return err
}

func newClient(p profile.Profile) (*client.Client, error) {
	return client.New(p.URL, client.WithAPIKey(p.Key), client.WithUserAgent("inlet-cli/"+program.Version))
}

var errNoServer = errors.New("which server? Store one with\n\n  inlet login http://127.0.0.1:8080\n\n" +
	"(inlet serve prints the address and a key when it first starts), or set " + envURL + " and " + envKey)

// choose finds the server: --profile, or else the environment, or else the current profile. A key of a profile goes to no other server than its own.
func choose(name string, getenv func(string) string) (profile.Profile, error) {
	address, key := getenv(envURL), getenv(envKey)
	if name == "" && address != "" {
		if key == "" {
			return profile.Profile{}, usagef("%s is set and %s is not", envURL, envKey)
		}
		return profile.Profile{URL: address, Key: key}, nil
	}
	stored, err := profile.Load()
	if err != nil {
		return profile.Profile{}, err
	}
	if name == "" {
		name = getenv(envProfile)
	} else {
		key = "" // it was said which one
	}
	p, ok := stored.Get(name)
	switch {
	case !ok && name != "":
		return p, usagef("there is no profile %q; inlet profiles lists them", name)
	case !ok:
		return p, Exit{Code: CodeUsage, Err: errNoServer}
	}
	if key != "" {
		p.Key, p.Tenant = key, ""
	}
	return p, nil
}

// profileNames completes the name of a profile.
func profileNames(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	stored, err := profile.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return stored.Names(), cobra.ShellCompDirectiveNoFileComp
}

// isTerminal reports whether somebody sits at the other end.
func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor fits
}

// warn writes a line for people, beside the output.
func (s *session) warn(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.errOut, "inlet: "+format+"\n", args...)
}

// object prints one thing in JSON.
func (s *session) object(v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// fields prints a line of fields for programs.
func (s *session) fields(values ...string) error {
	for i, v := range values {
		values[i] = clean(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := fmt.Fprintln(s.out, strings.Join(values, "\t"))
	return err
}

// confirm asks, when somebody is there to answer.
func (s *session) confirm(question string) (bool, error) {
	if !isTerminal(s.in) || !isTerminal(s.errOut) {
		return true, nil
	}
	fmt.Fprintf(s.errOut, "%s [y/N] ", question)
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// inTheClear reports whether a key for this address could be read on its way.
func inTheClear(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
