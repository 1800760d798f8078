package tiledesk

import (
	"fmt"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
)

// Config holds the vendor's own settings, under the vendor's names and with its defaults.
type Config struct {
	MaxFile  int64    `env:"MAX_UPLOAD_FILE_SIZE" envDefault:"1024000" desc:"bytes of one file that is uploaded through Tiledesk's routes; 0 leaves it to the plans"`
	ChatLife int64    `env:"CHAT_FILE_EXPIRATION_TIME" envDefault:"2592000" desc:"seconds that a chat file of Tiledesk lives"`
	Chat     []string `env:"CHAT_FILES_ALLOW_LIST" envDefault:".jpg,.jpeg,.png,.gif,.pdf,.txt" desc:"extensions of Tiledesk's chat files, separated by commas; */* allows all"`
	Assets   []string `env:"ASSETS_FILES_ALLOW_LIST" envDefault:".jpg,.jpeg,.png,.gif,.pdf,.txt,.csv,.doc,.docx" desc:"extensions of Tiledesk's assets, separated by commas; */* allows all"`
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	if c.MaxFile < 0 {
		return config.Bad("MAX_UPLOAD_FILE_SIZE", fmt.Sprint(c.MaxFile), "0 or more")
	}
	if longest := int64(core.MaxLife / time.Second); c.ChatLife < 1 || c.ChatLife > longest {
		return config.Bad("CHAT_FILE_EXPIRATION_TIME", fmt.Sprint(c.ChatLife), fmt.Sprintf("between 1 and %d", longest))
	}
	if err := checkList("CHAT_FILES_ALLOW_LIST", c.Chat); err != nil {
		return err
	}
	return checkList("ASSETS_FILES_ALLOW_LIST", c.Assets)
}

// everything in a list allows all extensions, and none.
const everything = "*/*"

func checkList(variable string, list []string) error {
	for _, e := range list {
		if e = strings.TrimSpace(e); e != everything && !isExtension(e) {
			return config.Bad(variable, strings.Join(list, ","), "a list of extensions with their dots, or "+everything)
		}
	}
	return nil
}

// isExtension reports whether e is one as content.Extension finds it in a name, dot and all.
func isExtension(e string) bool {
	return e != "" && content.Extension("name"+e) == strings.ToLower(e) && !strings.ContainsAny(e, `/\ `)
}

// allow makes a policy of a list.
func allow(list []string) content.Policy {
	p := content.Policy{Allow: make([]string, len(list))}
	for i, e := range list {
		p.Allow[i] = strings.TrimSpace(e)
	}
	return p
}
