package meta

import (
	"slices"
	"unicode/utf8"

	"github.com/inlethq/inlet/pkg/file"
)

// Validate returns an Invalid error unless d can be stored: it has a tenant, a canonical id and a number, and all its text is
// UTF-8, which both JSON and BSON demand. Drivers call it before they write.
func (d Document) Validate() error {
	if err := ValidateTenant(file.Tenant(d.Tenant)); err != nil {
		return err
	}
	if err := ValidateID(file.ID(d.ID)); err != nil {
		return err
	}
	if d.Number < 1 || d.Number > file.MaxNumber {
		return invalid("the number of a file is between 1 and 2^53-1")
	}
	if slices.ContainsFunc(d.texts(), func(s string) bool { return !utf8.ValidString(s) }) {
		return invalid("the text of a file is UTF-8")
	}
	return nil
}

// texts lists every string of the record that somebody outside can set.
func (d Document) texts() []string {
	t := []string{
		d.Tenant, d.Class, d.ParentKind, d.ParentID, d.Path, d.Via, d.Source, d.Name, d.OriginalName, d.Description,
		d.DeclaredType, d.DetectedType, d.SHA256, d.MD5, d.BlobKey, d.Thumbnail, d.State, d.Reason,
		d.CreatedBy, d.UpdatedBy, d.DeletedBy, d.ClaimBy, d.IdemKey, d.Fingerprint,
	}
	if d.Resumable != nil {
		t = append(t, d.Resumable.Concat, d.Resumable.Metadata)
	}
	for _, l := range d.Links {
		t = append(t, l.Type, l.ID)
	}
	for _, v := range d.Variants {
		t = append(t, v.Name, v.Type, v.SHA256, v.BlobKey)
	}
	for _, r := range d.Renders {
		t = append(t, r.Name, r.By)
	}
	for k, v := range d.Attributes {
		t = append(t, k, v)
	}
	for _, s := range d.Timeline {
		t = append(t, s.What, s.Note)
	}
	for _, o := range d.Outbox {
		t = append(t, o.ID, o.Fact, o.Variant)
	}
	return t
}

// ValidateTenant returns an Invalid error for a missing tenant.
func ValidateTenant(t file.Tenant) error {
	if t == "" {
		return invalid("a tenant is missing")
	}
	return nil
}

// ValidateID returns an Invalid error unless id is in its canonical form, and so safe as a part of a key.
func ValidateID(id file.ID) error {
	if canonical, err := file.ParseID(string(id)); err != nil || canonical != id {
		return invalid("not the id of a file")
	}
	return nil
}

// ValidateRef returns an Invalid error unless exactly one field of ref is set.
func ValidateRef(ref file.Ref) error {
	set := 0
	for _, ok := range []bool{ref.ID != "", ref.Number != 0, ref.Path != ""} {
		if ok {
			set++
		}
	}
	if set != 1 {
		return invalid("a file is named by its id, its number or its path")
	}
	return nil
}

// ValidateIDs returns an Invalid error unless there is a tenant and no more than MaxLimit ids.
func ValidateIDs(t file.Tenant, ids []file.ID) error {
	if len(ids) > MaxLimit {
		return invalid("at most %d ids", MaxLimit)
	}
	return ValidateTenant(t)
}

// ValidateMost returns an Invalid error unless a count may go up to n.
func ValidateMost(n int64) error {
	if n < 1 {
		return invalid("a count goes up to 1 at least")
	}
	return nil
}

// ValidateLimit returns an Invalid error unless n is between 1 and MaxLimit.
func ValidateLimit(n int) error {
	if n < 1 || n > MaxLimit {
		return invalid("a limit is between 1 and %d", MaxLimit)
	}
	return nil
}

// Validate returns an Invalid error for a query without a tenant, with an offset below 0, or for a name or a type that is none. Find checks its
// limit as well.
func (q Query) Validate() error {
	if q.Offset < 0 {
		return invalid("an offset is not below 0")
	}
	if q.Link != nil && q.Path != "" {
		return invalid("a query is by link or by path")
	}
	if err := q.validateSearch(); err != nil {
		return err
	}
	return ValidateTenant(q.Tenant)
}

// Validate returns an Invalid error for a reservation without tenant, id or end, or of less than 0 bytes.
func (r Reservation) Validate() error {
	if r.Bytes < 0 || r.Until.IsZero() {
		return invalid("a reservation has an end, and its bytes are not below 0")
	}
	if err := ValidateTenant(r.Tenant); err != nil {
		return err
	}
	return ValidateID(r.ID)
}

// Work is the kind of work that a queue is of, WorkNone for a queue of another kind; an Invalid error for no queue at all.
func (d Due) Work() (file.Work, error) {
	switch d {
	case DueFinish, DueFetch, DueVerify, DueThumbnail, DueErase:
		return file.Work(d), nil
	case DueExpiry, DueOutbox, DuePurge:
		return file.WorkNone, nil
	}
	return file.WorkNone, invalid("no such queue")
}

// Taken is the Conflict of a value that must be unique and is not, or of a revision that has passed.
func Taken(code string) error {
	text := "the " + code + " is taken"
	if code == ConflictRev {
		text = "the record has changed"
	}
	return &file.Error{Kind: file.Conflict, Op: "meta", Public: text, Code: code}
}

func invalid(format string, args ...any) error {
	return file.Errorf(file.Invalid, "meta", format, args...)
}
