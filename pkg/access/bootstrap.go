package access

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"strings"

	"github.com/inlethq/inlet/pkg/durable"
	"github.com/inlethq/inlet/pkg/file"
)

// Created is what Bootstrap has made. Password is nowhere else to be found; APIKey is in the file too.
type Created struct {
	Tenant   file.Tenant
	User     string
	Email    string
	Password string
	APIKey   string
	Project  string // of Tiledesk
	Channel  string // of Enzyme
}

const firstDirectory = `# Who may do what. Inlet reads this file again when it changes.
#
# It holds the API key in clear, so that you can look it up here: keep the file to its owner (mode 0600).
# The administrator's password was printed once, when this file was made; below is only its hash. To set another
# one, put it in place of the hash.
tenants:
  - id: %[1]s
    plan: unlimited
    # Samples, so that each vendor's API can be tried. Put your own ids in their place.
    projects: ["%[6]s"] # Tiledesk
    workspaces: [{id: main, channels: [{id: %[7]s, visibility: public}]}] # Enzyme
users:
  - id: %[2]s
    tenant: %[1]s
    email: %[3]s
    password: "%[4]s"
    roles: {tenant/%[1]s: owner, system: owner} # system: may see and mend the installation, past its tenant
api_keys:
  - name: first
    tenant: %[1]s
    key: %[5]s
    user: %[2]s
    scopes: [files:read, files:write, webhooks:write, system:operate]
`

// Bootstrap makes the first directory file, in a folder that exists: one tenant, its owner, and an API key. The file has mode 0600
// and is complete and on stable storage, or absent. An existing file is a Conflict and stays as it is; two processes that
// bootstrap the same path at the same moment must be kept apart by the caller.
func Bootstrap(path string) (Created, error) {
	const op = "access.bootstrap"
	c := Created{
		Tenant:   "main",
		User:     "admin",
		Email:    "admin@inlet.local",
		Password: randomText(20),
		APIKey:   "tagd_live_" + randomText(40),
		Project:  "5ebd890292befe0019054973", // as in the vendor's examples
		Channel:  "general",
	}
	switch _, err := os.Lstat(path); {
	case err == nil:
		return Created{}, file.Errorf(file.Conflict, op, "there is a directory file already")
	case !errors.Is(err, fs.ErrNotExist):
		return Created{}, file.Wrap(file.Internal, op, err)
	}
	text := fmt.Sprintf(firstDirectory, c.Tenant, c.User, c.Email, HashPassword(c.Password), c.APIKey, c.Project, c.Channel)
	if err := durable.WriteFile(path, []byte(text)); err != nil {
		return Created{}, file.Wrap(file.Internal, op, err)
	}
	return c, nil
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomText returns n random characters, of just under six bits each.
func randomText(n int) string {
	var s strings.Builder
	for range n {
		i, _ := rand.Int(rand.Reader, big.NewInt(int64(len(base62)))) // crypto/rand never fails
		s.WriteByte(base62[i.Int64()])
	}
	return s.String()
}
