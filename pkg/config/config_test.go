package config_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/config"
)

type sample struct {
	Wait  time.Duration `env:"T_WAIT" envDefault:"10s" desc:"how long"`
	Level slog.Level    `env:"T_LEVEL" envDefault:"info" desc:"how loud"`
	Key   string        `env:"T_KEY" secret:"true" desc:"of the door"`
	Store string        `env:"T_STORE" desc:"where"`
	Inner struct {
		Size int64 `env:"T_SIZE" envDefault:"5" desc:"how large"`
	}
}

func (s *sample) Validate() error {
	if s.Inner.Size < 0 {
		return config.Bad("T_SIZE", "-1", "0 or more")
	}
	return nil
}

func TestLoadTakesDefaultsAndEnvironment(t *testing.T) {
	t.Setenv("T_SIZE", "7")
	var s sample
	if err := config.Load(&s); err != nil {
		t.Fatal(err)
	}
	if s.Wait != 10*time.Second || s.Inner.Size != 7 || s.Level != slog.LevelInfo {
		t.Errorf("got %+v", s)
	}
}

func TestErrorsNameVariableValueAndForm(t *testing.T) {
	for name, c := range map[string]struct{ variable, value, want string }{
		"duration": {"T_WAIT", "soon", `T_WAIT is "soon", but must be a duration`},
		"number":   {"T_SIZE", "many", `T_SIZE is "many", but must be a whole number`},
		"level":    {"T_LEVEL", "loud", `T_LEVEL is "loud", but must be debug, info, warn or error`},
		"range":    {"T_SIZE", "-1", `T_SIZE is "-1", but must be 0 or more`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			err := config.Load(new(sample))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	var b strings.Builder
	var long struct {
		Long string `env:"T_LONG" desc:"a text that has more words than there is room for in one line of a terminal, and then a few more"`
	}
	config.Describe(&b, new(sample), &long)
	want := `  T_LONG
      a text that has more words than there is room for in one line of a
      terminal, and then a few more
`
	for _, want := range []string{"  T_WAIT\n      how long (default 10s)\n", "  T_SIZE", "how large", want} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestValues(t *testing.T) {
	t.Setenv("T_WAIT", "3s")
	t.Setenv("T_KEY", "sesame")
	t.Setenv("T_STORE", "mongodb://me:sesame@host/db")
	got := map[string]config.Value{}
	for _, v := range config.Values(new(sample)) {
		if strings.Contains(v.Value, "sesame") {
			t.Errorf("%s shows %s", v.Variable, v.Value)
		}
		got[v.Variable] = v
	}
	for variable, want := range map[string]struct {
		value string
		set   bool
	}{
		"T_WAIT": {"3s", true}, "T_LEVEL": {"info", false}, "T_KEY": {"(hidden)", true}, "T_STORE": {"mongodb://me:xxxxx@host/db", true}, "T_SIZE": {"5", false},
	} {
		if v := got[variable]; v.Value != want.value || v.Set != want.set {
			t.Errorf("%s: %q, set %v; want %q, %v", variable, v.Value, v.Set, want.value, want.set)
		}
	}
	t.Setenv("T_STORE", "mongodb://me:ses%ame@host")
	for _, v := range config.Values(new(sample)) {
		if strings.Contains(v.Value, "ses%ame") {
			t.Errorf("%s shows %s", v.Variable, v.Value)
		}
	}
}

func TestStrangers(t *testing.T) {
	t.Setenv("T_WAIT", "3s")
	t.Setenv("T_WIAT", "3s")
	if got := config.Strangers("T_", new(sample)); len(got) != 1 || got[0] != "T_WIAT" {
		t.Errorf("got %q", got)
	}
}
