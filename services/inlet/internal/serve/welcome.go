package serve

import (
	"fmt"
	"io"
	"net"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/program"
)

// welcome tells whoever started us where everything is and, on the first start, how to use it. The secrets are shown that once.
func (s *settings) welcome(out io.Writer, created *access.Created, embeddedBus bool) {
	fmt.Fprintf(out, "\nInlet %s is ready.\n\n", program.Version)
	if s.addr != nil {
		fmt.Fprintf(out, "  address    %s\n", s.url())
	}
	if embeddedBus && s.bus.Addr != "" && s.bus.Addr != "off" {
		fmt.Fprintf(out, "  events     nats://%s (read only; subject inlet.v1.>)\n", s.bus.Addr)
	}
	fmt.Fprintf(out, "  data       %s\n", s.program.Data)
	if s.ingest.Directory != "" {
		fmt.Fprintf(out, "  directory  %s (tenants, users, API keys)\n", s.ingest.Directory)
	}
	if created == nil || s.addr == nil {
		fmt.Fprintln(out)
		return
	}
	fmt.Fprintf(out, "  API key    %s\n  user       %s, password %s (shown this once)\n", created.APIKey, created.Email, created.Password)
	fmt.Fprintf(out, `
Open %[2]s in a browser and sign in with the key, or try it here:

  id=$(echo hello | curl -s -H 'X-API-Key: %[1]s' -F 'file=@-;filename=hello.txt' %[2]s/v1/files | grep -o 'file_[0-9A-Z]*' | head -1)
  curl -H 'X-API-Key: %[1]s' %[2]s/v1/files/$id
  curl -H 'X-API-Key: %[1]s' %[2]s/v1/files/$id/download

The README tries the other vendors' APIs; the directory has a Tiledesk project, %[3]s, and an Enzyme channel, %[4]s, for that.

`, created.APIKey, s.url(), created.Project, created.Channel)
}

// url is where a client on this machine reaches the public listener.
func (s *settings) url() string {
	host, port, err := net.SplitHostPort(s.addr.String())
	if err != nil {
		return "http://" + s.addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
