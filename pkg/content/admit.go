package content

import (
	"slices"

	"github.com/inlethq/inlet/pkg/file"
)

// CodeMismatch is the code of a refusal because name, claim and bytes contradict each other. It is also the reason of a
// rejection on the same ground.
const CodeMismatch = ReasonTypeMismatch

// Mismatch is the cause in the error of a refusal with CodeMismatch. A dialect that has its own words for it finds the
// two types here.
type Mismatch struct {
	Declared string // media type
	Detected string // media type of the bytes, or the one that the name implies
}

func (m *Mismatch) Error() string { return "declared " + m.Declared + ", detected " + m.Detected }

// Admit is the check at the door: it judges a file by its clean name, the Content-Type that the sender gave, if any, and
// its first HeadBytes (or all bytes, when there are less). It returns the media type to record as the declared one:
// canonical, implied by the extension where the sender named none or a more general one.
//
// Errors are *file.Error. Invalid: no bytes, or a malformed Content-Type. TypeRefused with CodeUnsupported: the policy
// does not allow the extension, or the kind of the bytes where the name does not tell. TypeRefused with CodeMismatch:
// the claim contradicts the extension or the bytes; a program never passes under another name.
func Admit(name, declared string, head []byte, p Policy) (string, error) {
	if len(head) == 0 {
		return "", &file.Error{Kind: file.Invalid, Op: "content.admit", Public: PublicReason(ReasonEmpty), Code: ReasonEmpty}
	}
	claim, err := Claim(name, declared, p)
	if err != nil {
		return "", err
	}
	detected := Detect(head)
	if !Agree(claim, detected, head) {
		found := detected
		if found == OctetStream {
			found = "unknown"
		}
		return "", mismatch(&Mismatch{Declared: claim, Detected: detected}, "File content does not match its type: detected %s, declared %s", found, claim)
	}
	if claim == OctetStream {
		if err := p.allowsBytes(detected, head); err != nil {
			return "", err
		}
	}
	return claim, nil
}

// Claim is the part of Admit that needs no bytes, for a file that is announced before they are sent: it judges the name and
// the declared type, and returns the media type to record.
func Claim(name, declared string, p Policy) (string, error) {
	if err := p.Allows(name); err != nil {
		return "", err
	}
	parsed, err := ParseType(declared)
	if err != nil {
		return "", err
	}
	implied := TypeOf(name)
	claim, ok := reconcile(canonical(parsed), implied)
	if !ok {
		return "", mismatch(&Mismatch{Declared: parsed, Detected: implied}, "File type does not match its name: declared %s, named %s", parsed, Extension(name))
	}
	return claim, nil
}

func mismatch(cause *Mismatch, format string, args ...any) error {
	e := file.Errorf(file.TypeRefused, "content.admit", format, args...)
	e.Code, e.Err = CodeMismatch, cause
	return e
}

// allowsBytes judges bytes by what they are where neither name nor claim says anything.
func (p Policy) allowsBytes(detected string, head []byte) error {
	kind := kindOf(detected, head)
	if p.blocks(kind) || program(detected, head) != "" && !p.permits(kind) {
		return notAllowed(kind)
	}
	return nil
}

// misdeclared lists, for the type that an extension implies, the others that common systems declare for it. Windows
// takes the type from whichever program is registered for the extension.
var misdeclared = map[string][]string{
	csvText:  {xls},
	rtfType:  {doc},
	htmlType: {xhtmlType},
	zipType:  {"application/x-compressed"},
	docx:     {doc},
	xlsx:     {xls},
	pptx:     {ppt},
}

// reconcile joins the declared type and the one that the extension implies, either of which may be unknown, into one
// claim. It reports false when they contradict each other.
func reconcile(declared, implied string) (claim string, ok bool) {
	switch {
	case declared == "" || declared == OctetStream:
		if implied == "" {
			return OctetStream, true
		}
		return implied, true
	case implied == "" || declared == implied:
		return declared, true
	case slices.Contains(misdeclared[implied], declared), written(implied, declared):
		return implied, true
	case active(declared):
		return "", false
	case sameFamily(declared, implied), written(declared, implied):
		return declared, true
	case FormatOf(declared) == FormatText && FormatOf(implied) == FormatText:
		return implied, true
	}
	return "", false
}
