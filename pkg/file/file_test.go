package file_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

func TestStatesMoveOnlyForward(t *testing.T) {
	allowed := map[string]bool{
		"temp>pending": true, "temp>deleting": true,
		"pending>ready": true, "pending>rejected": true, "pending>failed": true, "pending>deleting": true,
		"ready>deleting": true, "rejected>deleting": true, "failed>pending": true, "failed>deleting": true,
		"deleting>gone": true,
	}
	for _, from := range file.States {
		for _, to := range file.States {
			f := &file.File{State: from}
			err := f.Move(to)
			if got := err == nil; got != allowed[fmt.Sprintf("%s>%s", from, to)] {
				t.Errorf("%s to %s: allowed is %v", from, to, got)
			}
			if err != nil && (!file.Is(err, file.Conflict) || f.State != from) {
				t.Errorf("%s to %s: %v, now %s", from, to, err, f.State)
			}
		}
	}
}

func TestParseID(t *testing.T) {
	for in, want := range map[string]file.ID{
		"01JQ3KMN7XFGY4P6WBR2SZTA9V":  "01JQ3KMN7XFGY4P6WBR2SZTA9V",
		"01jq3kmn7xfgy4p6wbr2szta9v":  "01JQ3KMN7XFGY4P6WBR2SZTA9V",
		"":                            "",
		"01JQ3KMN7XFGY4P6WBR2SZTA9":   "",
		"01JQ3KMN7XFGY4P6WBR2SZTA9V0": "",
		"81JQ3KMN7XFGY4P6WBR2SZTA9V":  "", // more than 128 bits
		"01JQ3KMN7XFGY4P6WBR2SZTA9U":  "", // U is not in the alphabet
		"01JQ3KMN7XFGY4P6WBR2SZTA9/":  "",
	} {
		got, err := file.ParseID(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseID(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseRef(t *testing.T) {
	id := file.ID("01JQ3KMN7XFGY4P6WBR2SZTA9V")
	for in, want := range map[string]file.Ref{
		"file_" + string(id): file.ByID(id),
		string(id):           file.ByID(id),
		"418":                file.ByNumber(418),
		"9007199254740991":   file.ByNumber(file.MaxNumber),
		"9007199254740992":   {},
		"0":                  {},
		"-1":                 {},
		"+1":                 {},
		"file_418":           {},
		"":                   {},
		"../x":               {},
	} {
		got, err := file.ParseRef(in)
		if got != want || (err == nil) != (want != file.Ref{}) {
			t.Errorf("ParseRef(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("file_01JQ3KMN7XFGY4P6WBR2SZTA9V")
	f.Add("418")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := file.ParseRef(s)
		if set := (ref.ID != "") != (ref.Number != 0); err == nil && !set {
			t.Errorf("%q gave %+v", s, ref)
		}
	})
}

func TestOwed(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		f    file.File
		want file.Work
	}{
		"promise":            {file.File{State: file.Temp}, file.WorkFinish},
		"stored":             {file.File{State: file.Pending}, file.WorkVerify},
		"ready":              {file.File{State: file.Ready}, file.WorkNone},
		"ready, thumbnail":   {file.File{State: file.Ready, Thumbnail: file.ThumbnailOwed}, file.WorkThumbnail},
		"thumbnail given up": {file.File{State: file.Ready, Thumbnail: file.ThumbnailFailed}, file.WorkNone},
		"rejected":           {file.File{State: file.Rejected, BlobKey: "k"}, file.WorkErase},
		"rejected, erased":   {file.File{State: file.Rejected}, file.WorkNone},
		"failed":             {file.File{State: file.Failed, BlobKey: "k"}, file.WorkNone},
		"deleting":           {file.File{State: file.Deleting}, file.WorkErase},
		"gone":               {file.File{State: file.Gone}, file.WorkNone},
	} {
		c.f.Created.At = at
		work, since := c.f.Owed()
		if work != c.want || since.IsZero() != (work == file.WorkNone) {
			t.Errorf("%s: %q since %v, want %q", name, work, since, c.want)
		}
	}
	claimed := file.File{State: file.Pending, Timeline: []file.Step{{At: at}}, Claim: file.Claim{By: "w", Until: at.Add(time.Minute)}}
	if _, since := claimed.Owed(); !since.Equal(at.Add(time.Minute)) {
		t.Errorf("claimed work is due at %v", since)
	}
}

func TestOutboxIsBoundedAndKeepsTheNewest(t *testing.T) {
	var f file.File
	for i := range file.MaxOutbox + 3 {
		fact := "file.updated"
		if i == 0 {
			fact = "file.stored"
		}
		f.Owe(file.OutboxEntry{ID: fmt.Sprint(i), Fact: fact, Rev: int64(i)})
	}
	if len(f.Outbox) != file.MaxOutbox || f.Outbox[0].Fact != "file.stored" || f.Outbox[file.MaxOutbox-1].Rev != file.MaxOutbox+2 {
		t.Errorf("outbox %+v", f.Outbox)
	}
	if !f.Paid("0") || f.Paid("0") || len(f.Outbox) != file.MaxOutbox-1 {
		t.Errorf("after paying: %+v", f.Outbox)
	}
}

func TestTimelineKeepsTheFirstStep(t *testing.T) {
	var f file.File
	for i := range file.MaxTimeline * 2 {
		f.Log(file.Step{What: fmt.Sprint(i)})
	}
	if len(f.Timeline) != file.MaxTimeline || f.Timeline[0].What != "0" || f.Timeline[file.MaxTimeline-1].What != fmt.Sprint(file.MaxTimeline*2-1) {
		t.Errorf("timeline %+v", f.Timeline)
	}
}

func TestExpiryBoundsServing(t *testing.T) {
	end := time.Date(2026, 1, 1, 0, 0, 5, 0, time.UTC)
	f := file.File{State: file.Ready, ExpiresAt: end}
	if !f.Servable(end.Add(-1)) || f.Servable(end) || f.Live(end) {
		t.Error("a file is served until the very end of its life, and not longer")
	}
}

// A field that Clone forgets would be shared between a record and its copy.
func TestCloneSharesNothing(t *testing.T) {
	f := &file.File{
		Links: make([]file.Link, 1), Variants: make([]file.Variant, 1), Timeline: make([]file.Step, 1),
		Outbox: make([]file.OutboxEntry, 1), Renders: make([]file.Render, 1), Attributes: map[string]string{}, Image: &file.Image{Width: 1},
		Resumable: &file.Resumable{Length: 1},
	}
	a, b := reflect.ValueOf(f).Elem(), reflect.ValueOf(f.Clone()).Elem()
	for i := range a.NumField() {
		switch x := a.Field(i); x.Kind() {
		case reflect.Slice, reflect.Pointer, reflect.Map:
			if x.IsNil() {
				t.Errorf("the test does not set %s", a.Type().Field(i).Name)
			} else if x.Pointer() == b.Field(i).Pointer() {
				t.Errorf("%s is shared", a.Type().Field(i).Name)
			}
		}
	}
}

func TestErrorKeepsKindTextAndCauseApart(t *testing.T) {
	cause := errors.New("open /secret/path: permission denied")
	err := fmt.Errorf("uploading: %w", &file.Error{Kind: file.Unavailable, Op: "upload", Err: file.Wrap(file.Internal, "disk", cause)})
	if !file.Is(err, file.Unavailable) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if got := file.PublicText(err, "try again"); got != "try again" {
		t.Errorf("public text %q", got)
	}
	coded := &file.Error{Kind: file.Internal, Op: "a", Err: &file.Error{Kind: file.Invalid, Op: "b", Public: "bad", Code: "c"}}
	if file.PublicText(coded, "") != "bad" || file.CodeOf(coded) != "c" {
		t.Error("text and code of an inner error are found")
	}
	if file.KindOf(nil) != "" || file.KindOf(cause) != file.Internal || file.Wrap(file.Invalid, "x", nil) != nil {
		t.Error("nil has no kind, a foreign error is internal, and nothing wraps to nothing")
	}
}
