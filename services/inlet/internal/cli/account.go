package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/services/inlet/internal/cli/profile"
)

func loginCommand() *cobra.Command {
	var name string
	var keyStdin bool
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Store a server and a key for it",
		Long: "Store the address of a server and an API key for it, once the server has\n" +
			"accepted the key. It is asked for on the terminal, or read from the standard\n" +
			"input with --key-stdin; it never stands in the command. The file is yours\n" +
			"alone: inlet/profiles.json in $XDG_CONFIG_HOME (~/.config). The server becomes\n" +
			"the one that the other commands speak to.",
		Example: "  inlet login http://127.0.0.1:8080\n  pass inlet | inlet login https://files.example.com --key-stdin --profile work",
	}
	local(cmd, groupAccount, cobra.ExactArgs(1), func(ctx context.Context, s *session, args []string) error {
		return s.login(ctx, args[0], name, keyStdin)
	})
	cmd.Flags().StringVar(&name, "profile", "", "what to call it; the host of the URL when it is not given")
	cmd.Flags().BoolVar(&keyStdin, "key-stdin", false, "read the key from the standard input")
	complete(cmd, "profile", profileNames)
	return cmd
}

func (s *session) login(ctx context.Context, address, name string, keyStdin bool) error {
	address = strings.TrimRight(address, "/")
	if _, err := client.New(address); err != nil {
		return Exit{Code: CodeUsage, Err: err}
	}
	if inTheClear(address) {
		s.warn("the key goes to %s unencrypted; https keeps it secret", clean(address))
	}
	key, err := s.readKey(keyStdin)
	if err != nil {
		return err
	}
	p := profile.Profile{URL: address, Key: key}
	if s.client, err = newClient(p); err != nil {
		return err
	}
	me, err := s.client.Me(ctx)
	if err != nil {
		return err
	}
	p.Tenant = me.Tenant
	if name == "" {
		name = hostOf(address)
	}
	stored, err := profile.Load()
	if err != nil {
		return err
	}
	stored.All[name], stored.Current = p, name
	if err := stored.Save(); err != nil {
		return err
	}
	if s.json {
		return s.object(shown{Name: name, URL: address, Tenant: me.Tenant, Current: true})
	}
	s.warn("logged in to %s as %s, tenant %s (profile %s)", address, clean(nameOf(me)), clean(me.Tenant), clean(name))
	return nil
}

func nameOf(me client.Me) string {
	if me.Name != "" {
		return me.Name
	}
	return me.ID
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// readKey asks for a key without showing it, or reads it from the standard input.
func (s *session) readKey(stdin bool) (string, error) {
	var key string
	f, ok := s.in.(*os.File)
	switch {
	case stdin:
		line, err := bufio.NewReader(io.LimitReader(s.in, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		key = line
	case !ok || !isTerminal(f):
		return "", usagef("there is no terminal to ask for the key on; --key-stdin reads it from the standard input")
	default:
		fmt.Fprint(s.errOut, "API key: ")
		line, err := term.ReadPassword(int(f.Fd())) //nolint:gosec // a file descriptor fits
		fmt.Fprintln(s.errOut)
		if err != nil {
			return "", err
		}
		key = string(line)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", usagef("the key is empty")
	}
	return key, nil
}

func logoutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout [PROFILE]",
		Short: "Forget a server and the key for it",
		Long: "Forget a server and the key for it: the current one when none is named. The key\n" +
			"itself stays good; the server's operator can take it back.",
		ValidArgsFunction: profileNames,
	}
	return local(cmd, groupAccount, cobra.MaximumNArgs(1), func(_ context.Context, s *session, args []string) error {
		stored, err := profile.Load()
		if err != nil {
			return err
		}
		name, err := named(stored, args)
		if err != nil {
			return err
		}
		stored.Remove(name)
		if err := stored.Save(); err != nil {
			return err
		}
		if s.json {
			return s.object(map[string]any{"name": name, "removed": true})
		}
		s.warn("forgot %s", clean(name))
		return nil
	})
}

// named is the profile that the arguments name, or the current one.
func named(stored *profile.Profiles, args []string) (string, error) {
	name := stored.Current
	if len(args) > 0 {
		name = args[0]
	}
	if _, ok := stored.All[name]; !ok {
		return "", usagef("there is no profile %q; inlet profiles lists them", name)
	}
	return name, nil
}

// shown is a profile without its key.
type shown struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Tenant  string `json:"tenant,omitempty"`
	Current bool   `json:"current"`
}

func profilesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List the servers that are stored, or choose one",
		Long: "List the servers that inlet login has stored. The current one is that which\n" +
			"commands speak to, unless --profile, INLET_URL or INLET_PROFILE names another.",
	}
	local(cmd, groupAccount, cobra.NoArgs, func(_ context.Context, s *session, _ []string) error {
		stored, err := profile.Load()
		if err != nil {
			return err
		}
		t := s.table(true, "CURRENT\tNAME\tURL\tTENANT")
		for _, name := range stored.Names() {
			if err := t.profile(shown{name, stored.All[name].URL, stored.All[name].Tenant, name == stored.Current}); err != nil {
				return err
			}
		}
		return t.flush()
	})
	cmd.AddCommand(useCommand())
	return cmd
}

func (t *table) profile(p shown) error {
	if t.s.json {
		return t.s.object(p)
	}
	mark := ""
	if p.Current {
		mark = "*"
	}
	return t.row(mark, p.Name, p.URL, p.Tenant)
}

func useCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "use PROFILE", Short: "Make a server the current one", ValidArgsFunction: profileNames}
	return local(cmd, "", cobra.ExactArgs(1), func(_ context.Context, _ *session, args []string) error {
		stored, err := profile.Load()
		if err != nil {
			return err
		}
		if stored.Current, err = named(stored, args); err != nil {
			return err
		}
		return stored.Save()
	})
}
