// Package content says what bytes are and whether that is allowed: clean names, media types, the agreement of a claim
// with the bytes, and the policy on extensions.
//
// It looks at names and at the first bytes of a file only. It opens no file, parses no format to its end and knows no
// tenant: the whole-file check is the verifier's, and which policy applies is for the caller to say.
package content

import "github.com/inlethq/inlet/pkg/file"

// HeadBytes is how much of a file Detect and Admit look at. A shorter head must be the whole file.
const HeadBytes = 3072

// Verdict is the outcome of the whole-file check. A verdict without a Reason is good.
type Verdict struct {
	Type   string      // media type of the bytes
	Image  *file.Image // what the header of a picture says; nil for all else
	Reason string      // one of Reasons when the file is rejected, empty when it is good
	Note   string      // a short explanation for people; no path, host or secret
}

// Why a file is rejected. The values are stored and published, so one never changes its meaning.
const (
	ReasonEmpty         = "empty"           // there are no bytes
	ReasonTypeMismatch  = "type_mismatch"   // the bytes are not of the declared type
	ReasonCorrupt       = "corrupt"         // the bytes are of the type but broken or cut short
	ReasonImageTooLarge = "image_too_large" // more pixels, a longer side or more frames than are allowed
	ReasonArchiveUnsafe = "archive_unsafe"  // an archive that cannot be unpacked safely, or not be checked
	ReasonXMLUnsafe     = "xml_unsafe"      // XML that declares entities, or is too deep
	ReasonEncrypted     = "encrypted"       // the content is encrypted, so nobody can check it
	ReasonInfected      = "infected"        // the virus scanner found something
)

// Reasons lists every reason.
var Reasons = []string{
	ReasonEmpty, ReasonTypeMismatch, ReasonCorrupt, ReasonImageTooLarge, ReasonArchiveUnsafe, ReasonXMLUnsafe,
	ReasonEncrypted, ReasonInfected,
}

// PublicReason is the sentence that a client may read about a rejection. It is never empty.
func PublicReason(reason string) string {
	switch reason {
	case ReasonEmpty:
		return "File is empty"
	case ReasonTypeMismatch:
		return "File content does not match its type"
	case ReasonCorrupt:
		return "File is damaged or incomplete"
	case ReasonImageTooLarge:
		return "Image has too many pixels or frames"
	case ReasonArchiveUnsafe:
		return "Archive cannot be unpacked safely"
	case ReasonXMLUnsafe:
		return "XML declares entities or is nested too deeply"
	case ReasonEncrypted:
		return "File is encrypted and cannot be checked"
	case ReasonInfected:
		return "File contains malware"
	}
	return "File was rejected"
}
