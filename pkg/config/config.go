// Package config reads settings from the environment into tagged structs, and describes them.
//
// A setting is a field with the tags env (the variable), envDefault (its default), desc (one sentence for people) and, where its value must not be
// shown, secret:"true". The structs stand beside the code that they configure; this package knows none of them.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Validator is a settings struct that can say what is wrong with itself. Its error names the variables (see Bad).
type Validator interface{ Validate() error }

// Bad makes the error of one setting: the variable, what it was, and what it may be.
func Bad(variable, value, want string) error {
	return fmt.Errorf("%s is %q, but must be %s", variable, value, want)
}

// Load fills each struct (given by pointer) from the environment and validates it. The error joins everything that is wrong, and names each variable.
func Load(structs ...any) error {
	var failed []error
	for _, s := range structs {
		if err := env.Parse(s); err != nil {
			failed = append(failed, explain(s, err)...)
			continue
		}
		if v, ok := s.(Validator); ok {
			failed = append(failed, v.Validate())
		}
	}
	return errors.Join(failed...)
}

// explain turns the parser's errors, which name struct fields, into ones that name variables.
func explain(s any, err error) []error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []error{err}
	}
	fields := Fields(s)
	var out []error
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			out = append(out, e)
			continue
		}
		for _, f := range fields {
			if f.name == parse.Name {
				e = Bad(f.Variable, os.Getenv(f.Variable), kind(parse.Type))
				break
			}
		}
		out = append(out, e)
	}
	return out
}

func kind(t reflect.Type) string {
	switch {
	case t.String() == "time.Duration":
		return `a duration such as "10s" or "1h30m"`
	case t.String() == "slog.Level":
		return "debug, info, warn or error"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "a whole number"
	case t.Kind() == reflect.Slice:
		return "a list separated by commas"
	default:
		return "a " + t.String()
	}
}

// Field is one setting.
type Field struct {
	Variable    string
	Default     string
	Description string
	Secret      bool // its value must not be shown

	name string
}

// Fields lists the settings of structs given by pointer, nested ones included, in the order of their fields.
func Fields(structs ...any) []Field {
	var out []Field
	for _, s := range structs {
		out = append(out, fieldsOf(reflect.TypeOf(s).Elem())...)
	}
	return out
}

func fieldsOf(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("env")
		if !ok {
			if f.Type.Kind() == reflect.Struct && f.IsExported() {
				out = append(out, fieldsOf(f.Type)...)
			}
			continue
		}
		variable, _, _ := strings.Cut(tag, ",")
		out = append(out, Field{Variable: variable, Default: f.Tag.Get("envDefault"), Description: f.Tag.Get("desc"), Secret: f.Tag.Get("secret") == "true", name: f.Name})
	}
	return out
}

// helpWidth is the columns of a terminal that help is written for.
const helpWidth = 80

// Describe lists the settings for --help.
func Describe(w io.Writer, structs ...any) {
	for _, f := range Fields(structs...) {
		text := f.Description
		if f.Default != "" {
			text += " (default " + f.Default + ")"
		}
		fmt.Fprintf(w, "  %s\n", f.Variable)
		for _, line := range wrap(text, helpWidth-6) {
			fmt.Fprintf(w, "      %s\n", line)
		}
	}
}

// wrap breaks a text between words into lines of at most so many bytes; a longer word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
