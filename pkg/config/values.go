package config

import (
	"net/url"
	"os"
	"slices"
	"strings"
)

// Value is a setting as the environment has it.
type Value struct {
	Field
	Value string // what holds, the default when nothing is set; never a secret, nor a password in a URL
	Set   bool   // by the environment
}

// hidden stands for the value of a secret.
const hidden = "(hidden)"

// Values lists the settings of structs given by pointer with what the environment says of each. It checks nothing: Load does.
func Values(structs ...any) []Value {
	var out []Value
	for _, f := range Fields(structs...) {
		text, set := os.LookupEnv(f.Variable)
		v := Value{Field: f, Value: f.Default, Set: set}
		switch {
		case set && f.Secret && text != "":
			v.Value = hidden
		case set:
			v.Value = withoutPassword(text)
		}
		out = append(out, v)
	}
	return out
}

// withoutPassword hides the password of a URL. What is no URL is returned as it is, and hidden when it seems to hold one all the same.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		return u.Redacted()
	case err != nil && strings.Contains(text, "@"):
		return hidden
	}
	return text
}

// Strangers lists the variables of the environment that begin with prefix and are no settings of structs: misspelt, or of another program.
func Strangers(prefix string, structs ...any) []string {
	known := Fields(structs...)
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, prefix) && !slices.ContainsFunc(known, func(f Field) bool { return f.Variable == name }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
