package metatest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// full returns a file with every field set, and every list of the length n.
func full(n int) *file.File {
	f := newFile()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds)*time.Second + 7*time.Microsecond) }
	f.Via, f.OriginalName, f.Description = "sonar", "Übersicht „Q3“ 📎.txt", "多行\nтекст"
	f.DeclaredType, f.DetectedType = "text/plain", "text/x-go"
	f.Size, f.SHA256, f.MD5 = 1<<52, strings.Repeat("ab", 32), strings.Repeat("cd", 16)
	f.Image = &file.Image{Width: 640, Height: 480, Frames: 12}
	f.BlobKey, f.Thumbnail = "ac/me/01J", file.ThumbnailOwed
	f.State, f.Reason, f.Attempts, f.Crashes = file.Ready, "none", 3, 2
	f.ExpiresAt, f.Downloads = at(86400), 1<<40
	f.Updated, f.Deleted = file.Actor{ID: "u2", At: at(1)}, file.Actor{ID: "u3", At: at(2)}
	f.ErasedAt = at(2)
	f.Claim = file.Claim{By: "verifier-1", Until: at(60), Token: 9}
	f.Idempotency = file.Idempotency{Key: "key-" + string(f.ID), Fingerprint: "print"}
	f.Source, f.Attributes = "https://example.com/a.png", map[string]string{"disposition": "attachment-inline"}
	f.Resumable = &file.Resumable{Length: 1 << 40, Concat: file.ConcatPartial, Life: time.Hour, Metadata: "filename YS50eHQ="}
	for i := range n {
		f.Links = append(f.Links, file.Link{Type: "ticket", ID: fmt.Sprint("t", i), At: at(i), Primary: true})
		f.Renders = append(f.Renders, file.Render{Name: fmt.Sprint("r", i), By: "thumbnailer-1", Until: at(i)})
		f.Variants = append(f.Variants, file.Variant{Name: fmt.Sprint("v", i), Width: 200, Height: 100, Type: "image/webp", Size: 77, SHA256: strings.Repeat("cd", 32), BlobKey: fmt.Sprint("ac/me/v", i)})
		f.Timeline = append(f.Timeline, file.Step{At: at(i), What: "verified", Took: 1234567 * time.Nanosecond, Attempt: 1, Note: "ok"})
		f.Outbox = append(f.Outbox, file.OutboxEntry{ID: fmt.Sprint("e", i), Fact: "file.stored", Rev: 1, At: at(i), Variant: fmt.Sprint("v", i), Trace: fmt.Sprint("t", i)})
	}
	return f
}

// emptyFields names every field below v that is zero, so that a new field of file.File cannot be forgotten here.
func emptyFields(v reflect.Value, name string) []string {
	var empty []string
	switch {
	case v.Type() == reflect.TypeFor[time.Time](), v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer, v.IsZero():
		if v.IsZero() {
			empty = append(empty, name)
		}
	case v.Kind() == reflect.Pointer:
		return emptyFields(v.Elem(), name)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			empty = append(empty, emptyFields(v.Index(i), fmt.Sprintf("%s[%d]", name, i))...)
		}
	default:
		for i := range v.NumField() {
			empty = append(empty, emptyFields(v.Field(i), name+"."+v.Type().Field(i).Name)...)
		}
	}
	return empty
}

func roundTrip(t *testing.T, e env) {
	f := full(2)
	mustCreate(t, e, f)
	if empty := emptyFields(reflect.ValueOf(*f), "File"); len(empty) > 0 {
		t.Fatalf("the test leaves fields empty: %v", empty)
	}
	for _, ref := range []file.Ref{file.ByID(f.ID), file.ByNumber(f.Number), file.ByPath(f.Path)} {
		got, err := e.Get(t.Context(), f.Tenant, ref)
		if err != nil {
			t.Fatalf("Get %+v: %v", ref, err)
		}
		wantFile(t, got, f)
	}
	got, err := e.GetIdempotent(t.Context(), f.Tenant, f.Idempotency.Key)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, got, f)
	mustUpdate(t, e, f, func(f *file.File) { f.Name = "b.txt" })
	wantFile(t, mustGet(t, e, f), f)
}

func roundTripLargest(t *testing.T, e env) {
	f := full(file.MaxOutbox)
	f.Number, f.Downloads, f.Size = file.MaxNumber, 1<<63-1, 1<<62
	f.Name, f.OriginalName = strings.Repeat("n", file.MaxNameBytes), strings.Repeat("é", file.MaxNameBytes/2)
	f.Description = strings.Repeat("\"\\<\u2028", file.MaxDescriptionBytes/6)
	f.Path = strings.Repeat("p/", 1000)
	for len(f.Links) < file.MaxLinks {
		f.Links = append(f.Links, file.Link{Type: strings.Repeat("l", 64), ID: fmt.Sprint(len(f.Links), strings.Repeat("i", 128)), At: start})
	}
	for len(f.Variants) < file.MaxVariants {
		f.Variants = append(f.Variants, file.Variant{Name: fmt.Sprint("w=", len(f.Variants)), BlobKey: strings.Repeat("b", 200)})
	}
	for len(f.Timeline) < file.MaxTimeline {
		f.Timeline = append(f.Timeline, file.Step{At: start, What: "failed", Note: strings.Repeat("n", 200)})
	}
	mustCreate(t, e, f)
	wantFile(t, mustGet(t, e, f), f)
}

// roundTripEmpty stores little, twice: what is not set is neither unique nor invented.
func roundTripEmpty(t *testing.T, e env) {
	for range 2 {
		n := newFile()
		f := &file.File{ID: n.ID, Number: n.Number, Tenant: acme, State: file.Temp}
		mustCreate(t, e, f)
		wantFile(t, mustGet(t, e, f), f)
	}
}

// hostile is text that means something to a database, a path or a terminal.
var hostile = []string{
	"$gt", "$where", "a.b", ".", "a..b", "-", "=", `{"$gt":""}`, "'; DROP TABLE files; --", `"`, "`", `\`, "%", "_", "*", "?1", ":x", "@x",
	"a\x00b", "\x00", "\n\r\t", "\u2028", "😀", "a\u0301", "ﷺ", strings.Repeat("x", 300), "null", "0", "true", "NaN", "\u202etxt.exe", " ", "1:a:b",
}

func hostileText(t *testing.T, e env) {
	for _, text := range hostile {
		f := with(func(f *file.File) {
			f.Tenant, f.Class, f.Parent, f.Path, f.Via = file.Tenant(text), file.Class(text), file.Parent{Kind: text, ID: text}, text, text
			f.Name, f.OriginalName, f.Description, f.DeclaredType, f.DetectedType = text, text, text, text, text
			f.SHA256, f.MD5, f.BlobKey, f.Thumbnail, f.Reason = text, text, text, file.Thumbnail(text), text
			f.Created.ID, f.Updated.ID, f.Deleted.ID, f.Claim.By = text, text, text, text
			f.Idempotency = file.Idempotency{Key: text, Fingerprint: text}
			f.Links = []file.Link{{Type: text, ID: text}}
			f.Variants = []file.Variant{{Name: text, Type: text, BlobKey: text}}
			f.Timeline = []file.Step{{What: text, Note: text}}
			f.Outbox = []file.OutboxEntry{{ID: text, Fact: text, At: start}}
		})
		mustCreate(t, e, f)
		for name, find := range map[string]func() (*file.File, error){
			"id":   func() (*file.File, error) { return e.Get(t.Context(), f.Tenant, file.ByID(f.ID)) },
			"path": func() (*file.File, error) { return e.Get(t.Context(), f.Tenant, file.ByPath(text)) },
			"key":  func() (*file.File, error) { return e.GetIdempotent(t.Context(), f.Tenant, text) },
			"find": func() (*file.File, error) {
				found, err := e.Find(t.Context(), meta.Query{Tenant: f.Tenant, Parent: &f.Parent, Link: &f.Links[0], Limit: 2})
				if err != nil || len(found) != 1 {
					return nil, fmt.Errorf("found %d: %w", len(found), err)
				}
				return found[0], nil
			},
		} {
			got, err := find()
			if err != nil {
				t.Fatalf("%q by %s: %v", text, name, err)
			}
			wantFile(t, got, f)
		}
		_, err := e.Get(t.Context(), f.Tenant, file.ByID(file.ID(text)))
		wantKind(t, err, file.NotFound)
	}
}

func invalidRecords(t *testing.T, e env) {
	ctx := t.Context()
	for name, f := range map[string]*file.File{
		"id":           with(func(f *file.File) { f.ID = "$gt" }),
		"id lower":     with(func(f *file.File) { f.ID = file.ID(strings.ToLower(string(f.ID))) }),
		"no number":    with(func(f *file.File) { f.Number = 0 }),
		"large number": with(func(f *file.File) { f.Number = file.MaxNumber + 1 }),
		"not UTF-8":    with(func(f *file.File) { f.Name = "a\xffb" }),
		"revision":     with(func(f *file.File) { f.Rev = 1 }),
	} {
		err := e.Create(ctx, f)
		if !file.Is(err, file.Invalid) {
			t.Errorf("Create with a wrong %s: %v", name, err)
		}
	}
	until := start.Add(time.Hour)
	_, noRef := e.Get(ctx, acme, file.Ref{})
	_, twoRefs := e.Get(ctx, acme, file.Ref{ID: newID(), Number: 1})
	_, noKey := e.GetIdempotent(ctx, acme, "")
	_, noLimit := e.Find(ctx, meta.Query{Tenant: acme})
	_, overLimit := e.Find(ctx, meta.Query{Tenant: acme, Limit: meta.MaxLimit + 1})
	_, offset := e.Find(ctx, meta.Query{Tenant: acme, Limit: 1, Offset: -1})
	_, queue := e.Due(ctx, "sideways", start, 1)
	_, dueLimit := e.Due(ctx, meta.DueExpiry, start, 0)
	_, scanLimit := e.Scan(ctx, "", 0)
	for name, err := range map[string]error{
		"Get without a name": noRef, "Get by two names": twoRefs, "GetIdempotent without a key": noKey,
		"Find without a limit": noLimit, "Find over the limit": overLimit, "Find before the start": offset,
		"Due of no queue": queue, "Due without a limit": dueLimit, "Scan without a limit": scanLimit,
		"Reserve less than nothing": e.Reserve(ctx, meta.Reservation{Tenant: acme, ID: newID(), Bytes: -1, Until: until}, 10),
		"Reserve for ever":          e.Reserve(ctx, meta.Reservation{Tenant: acme, ID: newID(), Bytes: 1}, 10),
		"Reserve for a path":        e.Reserve(ctx, meta.Reservation{Tenant: acme, ID: "a.b", Bytes: 1, Until: until}, 10),
	} {
		if !file.Is(err, file.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unique(t *testing.T, e env) {
	first := full(1)
	mustCreate(t, e, first)
	for code, take := range map[string]func(*file.File){
		meta.ConflictID:          func(f *file.File) { f.ID = first.ID },
		meta.ConflictNumber:      func(f *file.File) { f.Number = first.Number },
		meta.ConflictPath:        func(f *file.File) { f.Path = first.Path },
		meta.ConflictIdempotency: func(f *file.File) { f.Idempotency.Key = first.Idempotency.Key },
	} {
		f := with(take)
		wantKind(t, e.Create(t.Context(), f), file.Conflict, code)
		if f.Rev != 0 {
			t.Errorf("%s: a refused file has revision %d", code, f.Rev)
		}
		f.Tenant = "globex"
		err := e.Create(t.Context(), f)
		if code == meta.ConflictID {
			wantKind(t, err, file.Conflict, code)
		} else if err != nil {
			t.Errorf("%s is not free for another tenant: %v", code, err)
		}
	}
	wantFile(t, mustGet(t, e, first), first)
	wantUsage(t, e, first.Size, 0)
}

func uniqueUpdate(t *testing.T, e env) {
	first, second := full(1), full(1)
	mustCreate(t, e, first, second)
	for code, take := range map[string]func(*file.File){
		meta.ConflictPath:        func(f *file.File) { f.Path = first.Path },
		meta.ConflictIdempotency: func(f *file.File) { f.Idempotency.Key = first.Idempotency.Key },
	} {
		f := second.Clone()
		take(f)
		if err := e.Update(t.Context(), f); err == nil || !e.BluntUpdates {
			wantKind(t, err, file.Conflict, code)
		}
		if f.Rev != second.Rev {
			t.Errorf("%s: a refused update has advanced the revision to %d", code, f.Rev)
		}
		wantFile(t, mustGet(t, e, second), second)
	}
	wantUsage(t, e, first.Size+second.Size, 0)
}

func pathIsFreeAgain(t *testing.T, e env) {
	old, heir := newFile(), newFile()
	heir.Path = old.Path
	mustCreate(t, e, old)
	mustUpdate(t, e, old, func(f *file.File) { f.State = file.Deleting })
	_, err := e.Get(t.Context(), acme, file.ByPath(old.Path))
	wantKind(t, err, file.NotFound)
	if got := mustGet(t, e, old); got.Path != old.Path {
		t.Errorf("the record lost its path: %q", got.Path)
	}
	mustCreate(t, e, heir)
	mustUpdate(t, e, old, func(f *file.File) { f.State = file.Gone })
	got, err := e.Get(t.Context(), acme, file.ByPath(old.Path))
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, got, heir)
}

// tenants: what one tenant owns does not exist for another, and cannot be changed by it.
func tenants(t *testing.T, e env) {
	const globex = file.Tenant("globex")
	ctx := t.Context()
	f := full(1)
	mustCreate(t, e, f)
	for _, ref := range []file.Ref{file.ByID(f.ID), file.ByNumber(f.Number), file.ByPath(f.Path)} {
		_, err := e.Get(ctx, globex, ref)
		wantKind(t, err, file.NotFound)
	}
	_, err := e.GetIdempotent(ctx, globex, f.Idempotency.Key)
	wantKind(t, err, file.NotFound)

	stolen := f.Clone()
	stolen.Tenant, stolen.Name = globex, "mine.txt"
	wantKind(t, e.Update(ctx, stolen), file.Conflict, meta.ConflictRev)
	for _, q := range []meta.Query{
		{Tenant: globex, Limit: 10},
		{Tenant: globex, Parent: &f.Parent, Limit: 10},
		{Tenant: globex, Link: &f.Links[0], Limit: 10},
	} {
		found, err := e.Find(ctx, q)
		if err != nil || len(found) != 0 {
			t.Errorf("Find %+v: %d, %v", q, len(found), err)
		}
		if n, err := e.Count(ctx, q, 1000); err != nil || n != 0 {
			t.Errorf("Count %+v: %d, %v", q, n, err)
		}
	}
	r := meta.Reservation{Tenant: acme, ID: newID(), Bytes: 5, Until: start}
	if err := e.Reserve(ctx, r, 1<<60); err != nil {
		t.Fatal(err)
	}
	if err := e.Release(ctx, globex, r.ID); err != nil {
		t.Fatal(err)
	}
	wantUsage(t, e, f.Size+5, 5)
	if a, err := e.Account(ctx, globex); err != nil || a != (meta.Account{Tenant: globex}) {
		t.Errorf("another tenant's account: %+v, %v", a, err)
	}
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Deleting })
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Gone })
	wantKind(t, e.Purge(ctx, globex, f.ID, f.Rev), file.Conflict, meta.ConflictRev)
	wantFile(t, mustGet(t, e, f), f)
}

func update(t *testing.T, e env) {
	f := newFile()
	wantKind(t, e.Update(t.Context(), f.Clone()), file.Conflict, meta.ConflictRev) // not there
	mustCreate(t, e, f)
	stale := f.Clone()
	mustUpdate(t, e, f, func(f *file.File) { f.Name = "new.txt" })
	if f.Rev != 2 {
		t.Fatalf("Rev = %d after one update", f.Rev)
	}
	stale.Name = "stale.txt"
	before := stale.Clone()
	wantKind(t, e.Update(t.Context(), stale), file.Conflict, meta.ConflictRev)
	wantFile(t, stale, before)
	renumbered := f.Clone()
	renumbered.Number = newFile().Number
	wantKind(t, e.Update(t.Context(), renumbered), file.Conflict, meta.ConflictRev)
	wantFile(t, mustGet(t, e, f), f)
}

// compareAndSet: of many writers who read the same revision exactly one goes on.
func compareAndSet(t *testing.T, e env) {
	const writers, rounds = 64, 3
	f := newFile()
	mustCreate(t, e, f)
	for range rounds {
		read := mustGet(t, e, f)
		won := atOnce(t, writers, file.Conflict, func(ctx context.Context, i int) error {
			mine := read.Clone()
			mine.Downloads += int64(i)
			return e.Update(ctx, mine)
		})
		if won != 1 {
			t.Fatalf("%d of %d writers won", won, writers)
		}
	}
	if got := mustGet(t, e, f); got.Rev != rounds+1 {
		t.Errorf("Rev = %d after %d rounds", got.Rev, rounds)
	}
}

func purge(t *testing.T, e env) {
	ctx := t.Context()
	f := full(1)
	mustCreate(t, e, f)
	wantKind(t, e.Purge(ctx, acme, f.ID, f.Rev), file.Conflict, meta.ConflictRev) // alive
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Deleting })
	mustUpdate(t, e, f, func(f *file.File) { f.State = file.Gone })
	wantKind(t, e.Purge(ctx, acme, f.ID, f.Rev-1), file.Conflict, meta.ConflictRev) // an older revision
	if err := e.Purge(ctx, acme, f.ID, f.Rev); err != nil {
		t.Fatal(err)
	}
	_, err := e.Get(ctx, acme, file.ByID(f.ID))
	wantKind(t, err, file.NotFound)
	wantKind(t, e.Purge(ctx, acme, f.ID, f.Rev), file.Conflict, meta.ConflictRev)
	again := f.Clone() // everything that was unique is free
	again.Rev, again.State = 0, file.Ready
	mustCreate(t, e, again)
	found, err := e.Find(ctx, meta.Query{Tenant: acme, Link: &f.Links[0], Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, found, again)
}
