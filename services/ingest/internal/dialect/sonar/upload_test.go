package sonar

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

func TestEachFileIsJudgedByItself(t *testing.T) {
	b := newBench(t, nil)
	got := b.upload(http.StatusOK,
		upload{"files[]", "my file.txt", "hello"},
		upload{"files[]", "setup.exe", "MZ"},
		upload{"files", "empty.txt", ""},
		upload{"files[3]", "picture.png", "no picture"},
		upload{"files[]", "../up.txt", "hello"},
		upload{"files[]", strings.Repeat("n", 300) + ".txt", "hello"},
		upload{"files[]", "last.txt", "hello"},
	)
	var stored []string
	for _, f := range got {
		if f.Stored != (f.ID != nil) || f.Stored != (f.FailureMessage == nil) {
			t.Errorf("neither stored nor refused: %+v", f)
		}
		if f.Stored {
			stored = append(stored, f.Filename)
		} else if *f.FailureMessage == "" {
			t.Errorf("%s was refused without a word", f.Filename)
		}
	}
	if want := []string{"my file.txt", "last.txt"}; len(got) != 7 || !slices.Equal(stored, want) || len(b.live()) != 2 {
		t.Errorf("stored are %q, and %d are there", stored, len(b.live()))
	}
	if want := "File type .exe is not allowed"; *got[1].FailureMessage != want {
		t.Errorf("refused with %q, want %q", *got[1].FailureMessage, want)
	}
}

// TestBadRequestsLeaveNothing sends forms whose first file is good.
func TestBadRequestsLeaveNothing(t *testing.T) {
	b := newBench(t, nil)
	good := upload{"files[]", "a.txt", "hello"}
	contentType, whole := multipartForm(good, good)
	eleven := make([]upload, 11)
	for i := range eleven {
		eleven[i] = good
	}
	_, empty := multipartForm()
	for name, c := range map[string]struct {
		parts []upload
		body  []byte
		code  string
	}{
		"eleven files":        {parts: eleven, code: "TOO_MANY_FILES"},
		"another field":       {parts: []upload{good, {"file", "a.txt", "hello"}}, code: "UNEXPECTED_FIELD"},
		"no file":             {body: empty, code: "INCOMPLETE_BODY"}, // of another boundary
		"cut in the 2nd file": {body: whole[:bytes.LastIndex(whole, []byte("hello"))+2], code: "INCOMPLETE_BODY"},
		"cut at the end":      {body: whole[:len(whole)-6], code: "INCOMPLETE_BODY"},
		"cut in a refused":    {body: bytes.Replace(whole[:bytes.LastIndex(whole, []byte("lo"))], []byte("a.txt"), []byte("a.exe"), 1), code: "INCOMPLETE_BODY"},
		"nothing":             {body: []byte{}, code: "INCOMPLETE_BODY"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, body := contentType, c.body
			if c.parts != nil {
				kind, body = multipartForm(c.parts...)
			}
			w := b.send(http.MethodPost, filesPath, kind, bytes.NewReader(body))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `{"error":{"code":"`+c.code+`"`) {
				t.Errorf("%d %s, want %s", w.Code, w.Body, c.code)
			}
			if left := b.live(); len(left) != 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
	kind, body := multipartForm()
	if w := b.send(http.MethodPost, filesPath, kind, bytes.NewReader(body)); !strings.Contains(w.Body.String(), `"FILE_MISSING"`) {
		t.Errorf("an empty form: %d %s", w.Code, w.Body)
	}
	if w := b.send(http.MethodPost, filesPath, "application/json", strings.NewReader("{}")); w.Code != http.StatusBadRequest {
		t.Errorf("no form: %d %s", w.Code, w.Body)
	}
}

// failing is a database that is out from its n-th Create on.
type failing struct {
	meta.Repo
	left *atomic.Int32
}

func (r failing) Create(ctx context.Context, f *file.File) error {
	if r.left.Add(-1) < 0 {
		return file.Errorf(file.Unavailable, "test", "out")
	}
	return r.Repo.Create(ctx, f)
}

func TestOutageBetweenTwoFilesLeavesNone(t *testing.T) {
	var left atomic.Int32
	left.Store(1)
	b := newBench(t, func(r meta.Repo) meta.Repo { return failing{r, &left} })
	kind, body := multipartForm(upload{"files[]", "a.txt", "hello"}, upload{"files[]", "b.txt", "hello"})
	w := b.send(http.MethodPost, filesPath, kind, bytes.NewReader(body))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || len(b.live()) != 0 {
		t.Errorf("%d %s, and %d files", w.Code, w.Body, len(b.live()))
	}
}

// endless is a form of a good file, and then a refused one that never ends.
type endless struct {
	head io.Reader
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	clear(p)
	e.read += int64(len(p))
	return len(p), nil
}

func TestEndlessFileEndsTheForm(t *testing.T) {
	b := newBench(t, nil)
	kind, body := multipartForm(upload{"files[]", "a.txt", "hello"}, upload{"files[]", "b.exe", "MZ"})
	cut := bytes.Index(body, []byte("MZ")) + 2
	form := &endless{head: bytes.NewReader(body[:cut])}
	w := b.send(http.MethodPost, filesPath, kind, form)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"filename":"b.exe","stored":false`) || len(b.live()) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if form.read > maxSkip+1<<20 {
		t.Errorf("%d bytes were read of a file that was refused", form.read)
	}
}

func TestIdempotencyKeyCoversEachFile(t *testing.T) {
	b := newBench(t, nil)
	kind, body := multipartForm(upload{"files[]", "a.txt", "hello"}, upload{"files[]", "a.txt", "hello"})
	send := func(key string, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, filesPath, bytes.NewReader(body))
		r.Header = http.Header{"X-Api-Key": {testKey}, "Content-Type": {kind}, "Idempotency-Key": {key}}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		return w
	}
	first, second := send("k", body), send("k", body)
	if first.Code != http.StatusOK || first.Body.String() != second.Body.String() || second.Header().Get("Idempotent-Replayed") != "true" || len(b.live()) != 2 {
		t.Errorf("%s, then %s, and %d files", first.Body, second.Body, len(b.live()))
	}
	if w := send("k", bytes.ReplaceAll(body, []byte("hello"), []byte("other"))); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another body: %d %s", w.Code, w.Body)
	}
	if w := send("k", body[:len(body)-6]); w.Code != http.StatusBadRequest || len(b.live()) != 2 {
		t.Errorf("cut off: %d %s, and %d files: those of an earlier request are not to go", w.Code, w.Body, len(b.live()))
	}
	if w := send(strings.Repeat("k", 256), body); w.Code != http.StatusBadRequest {
		t.Errorf("a long key: %d %s", w.Code, w.Body)
	}
}

func TestDownloadBeforeTheVerdict(t *testing.T) {
	b := newBench(t, nil)
	id := b.stored()
	for path, status := range map[string]int{
		id: http.StatusConflict, "61": http.StatusNotFound, "x": http.StatusNotFound, "0": http.StatusNotFound, "": http.StatusNotFound,
		strconv.Itoa(file.MaxNumber): http.StatusNotFound,
	} {
		w := b.send(http.MethodGet, filesPath+"/"+path, "", nil)
		if w.Code != status || !strings.HasPrefix(w.Body.String(), `{"error":{"code":"`) {
			t.Errorf("%q: %d %s, want %d", path, w.Code, w.Body, status)
		}
	}
}

func TestFieldsOfFiles(t *testing.T) {
	for field, want := range map[string]bool{"files[]": true, "files": true, "files[0]": true, "file": false, "files[": false, "xfiles[]": false, "": false} {
		if isFiles(field) != want {
			t.Errorf("%q: %v", field, !want)
		}
	}
}
