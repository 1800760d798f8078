package conformance

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/blobtest"
	"github.com/inlethq/inlet/pkg/blob/s3"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/test/peers"
)

// formFields are those of a form, and no others.
var formFields = []string{
	"Content-Type", "bucket", "key", "policy", "success_action_status",
	"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature",
}

func postOptions() blob.PostOptions {
	return blob.PostOptions{
		ContentType: "text/csv; charset=utf-8", MinSize: 1, MaxSize: 1 << 20,
		Expires: time.Now().Add(10 * time.Minute), SuccessStatus: "201",
	}
}

func form(t testing.TB, store blob.Poster, key string, o blob.PostOptions) blob.PostForm {
	t.Helper()
	f, err := store.Post(t.Context(), key, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sendForm sends a form with the fields in an order of its own, as any client may, and returns the status and the body of the answer.
func sendForm(t testing.TB, f blob.PostForm, data []byte) (int, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range f.Fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "any name.csv")
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func post(t testing.TB, store blob.Poster, key string, data []byte) {
	t.Helper()
	if status, answer := sendForm(t, form(t, store, key, postOptions()), data); status != http.StatusCreated {
		t.Fatalf("post %s: %d %s", key, status, answer)
	}
}

func wantNotPosted(t testing.TB, store blob.Poster, key string) {
	t.Helper()
	r, _, err := store.OpenPosted(t.Context(), key)
	if !file.Is(err, file.NotFound) {
		t.Errorf("open what was posted under %s: %v, want not found", key, err)
	}
	if err == nil {
		_ = r.Close()
	}
}

func TestS3Post(t *testing.T) {
	server := peers.S3(t)
	for _, prefix := range []string{"", "store/blobs"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			cfg := s3Config(server)
			cfg.Prefix = prefix
			store := openS3(t, cfg)
			data, key := blobtest.Bytes(300_000), "acme/01ARZ3NDEKTSV4RRFFQ69G5FAV"

			f := form(t, store, key, postOptions())
			if names := slices.Sorted(maps.Keys(f.Fields)); !slices.Equal(names, formFields) {
				t.Errorf("the form has the fields %v", names)
			}
			if want := "http://" + server.Endpoint + "/inlet/"; f.URL != want {
				t.Errorf("the form goes to %s, want %s", f.URL, want)
			}
			wantNotPosted(t, store, key)
			status, answer := sendForm(t, f, data)
			if status != http.StatusCreated {
				t.Fatalf("%d %s", status, answer)
			}
			var response struct {
				XMLName     xml.Name `xml:"PostResponse"`
				Bucket, Key string
			}
			if err := xml.Unmarshal([]byte(answer), &response); err != nil || response.Bucket != cfg.Bucket || response.Key != f.Fields["key"] {
				t.Errorf("%s: %v", answer, err)
			}

			r, info, err := store.OpenPosted(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, data) || info.Key != key || info.Size != int64(len(data)) || time.Since(info.Modified) > time.Minute {
				t.Errorf("%d bytes, %+v, %v", len(got), info, err)
			}
			wantNoBlob(t, store, key)

			putS3(t, store, key, 10) // the two have nothing to do with each other
			for range 2 {
				if err := store.DeletePosted(t.Context(), key); err != nil {
					t.Error(err)
				}
				wantNotPosted(t, store, key)
			}
			if i, err := store.Stat(t.Context(), key); err != nil || i.Size != 10 {
				t.Errorf("the blob of the same key: %+v, %v", i, err)
			}
		})
	}
}

// wantNoBlob asserts that what is staged is nothing that the Store shows.
func wantNoBlob(t testing.TB, store *s3.Store, key string) {
	t.Helper()
	if _, err := store.Stat(t.Context(), key); !file.Is(err, file.NotFound) {
		t.Errorf("stat %s: %v, want not found", key, err)
	}
	err := store.List(t.Context(), "", func(i blob.Info) error {
		t.Errorf("listed %s", i.Key)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The server refuses everything that the form does not say. The bucket is no case of it: this server takes it from the URL alone.
func TestS3PostRefuses(t *testing.T) {
	store := openS3(t, s3Config(peers.S3(t)))
	type upload struct {
		size    int
		options func(*blob.PostOptions)
		fields  func(map[string]string)
	}
	set := func(name, value string) upload {
		return upload{fields: func(f map[string]string) { f[name] = value }}
	}
	cases := map[string]upload{
		"too large":            {size: 1<<20 + 1},
		"too small":            {options: func(o *blob.PostOptions) { o.MinSize = 1000 }},
		"expired":              {options: func(o *blob.PostOptions) { o.Expires = time.Now().Add(-time.Second) }},
		"other key":            set("key", "!staging/other"),
		"a blob's key":         set("key", "a"),
		"template for a key":   set("key", "!staging/${filename}"),
		"other status":         set("success_action_status", "200"),
		"active type":          set("Content-Type", "text/html"),
		"type in other case":   set("Content-Type", "TEXT/CSV; charset=utf-8"),
		"added acl":            set("acl", "public-read"),
		"added metadata":       set("x-amz-meta-a", "b"),
		"added redirect":       set("success_action_redirect", "https://example.com/"),
		"added storage class":  set("x-amz-storage-class", "GLACIER"),
		"policy of the client": set("policy", "eyJleHBpcmF0aW9uIjoiMjA5OS0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbXX0="),
		"type that closes its condition": {
			options: func(o *blob.PostOptions) { o.ContentType = `text/csv"],["starts-with","$key","` },
			fields:  func(f map[string]string) { f["Content-Type"], f["key"] = "text/csv", "a" },
		},
	}
	for _, name := range formFields {
		if name != "bucket" {
			cases["without "+name] = upload{fields: func(f map[string]string) { delete(f, name) }}
		}
	}
	for _, name := range []string{"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"} {
		cases["changed "+name] = upload{fields: func(f map[string]string) {
			value := []byte(f[name])
			value[len(value)-2] ^= 1
			f[name] = string(value)
		}}
	}
	for name, u := range cases {
		t.Run(name, func(t *testing.T) {
			options := postOptions()
			if u.options != nil {
				u.options(&options)
			}
			f := form(t, store, "a", options)
			if u.fields != nil {
				u.fields(f.Fields)
			}
			status, answer := sendForm(t, f, blobtest.Bytes(max(u.size, 10)))
			if status < 400 || status >= 500 || !strings.Contains(answer, "<Error>") {
				t.Errorf("%d %s", status, answer)
			}
			wantNotPosted(t, store, "a")
			wantNotPosted(t, store, "other")
			wantNoBlob(t, store, "a")
		})
	}
}

func TestS3PostOptions(t *testing.T) {
	store := openS3(t, s3Config(peers.S3(t)))
	for name, change := range map[string]func(*blob.PostOptions){
		"negative":  func(o *blob.PostOptions) { o.MinSize = -1 },
		"no range":  func(o *blob.PostOptions) { o.MaxSize = 0 },
		"no type":   func(o *blob.PostOptions) { o.ContentType = "" },
		"no status": func(o *blob.PostOptions) { o.SuccessStatus = "" },
		"status":    func(o *blob.PostOptions) { o.SuccessStatus = "303" },
	} {
		o := postOptions()
		change(&o)
		if _, err := store.Post(t.Context(), "a", o); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		key  string
		kind file.Kind
	}{
		"key":     {t.Context(), "../a", file.Invalid},
		"context": {ended, "a", file.Cancelled},
	} {
		_, post := store.Post(c.ctx, c.key, postOptions())
		_, _, open := store.OpenPosted(c.ctx, c.key)
		for _, err := range []error{post, open, store.DeletePosted(c.ctx, c.key)} {
			if !file.Is(err, c.kind) {
				t.Errorf("%s: %v, want %s", name, err, c.kind)
			}
		}
	}
}

func TestS3PostPublicEndpoint(t *testing.T) {
	cfg := s3Config(peers.S3(t))
	for endpoint, want := range map[string]string{
		"https://files.example":          "https://files.example/inlet/",
		"https://files.example/":         "https://files.example/inlet/",
		"http://files.example:9000/s3":   "http://files.example:9000/s3/inlet/",
		"files.example":                  "",
		"ftp://files.example":            "",
		"https://":                       "",
		"https://files.example/?a=b":     "",
		"https://user:pw@files.example/": "",
	} {
		cfg.PublicEndpoint = endpoint
		store, err := s3.Open(t.Context(), cfg)
		if want == "" {
			if !file.Is(err, file.Invalid) {
				t.Errorf("%s: %v, want invalid", endpoint, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if f := form(t, store, "a", postOptions()); f.URL != want {
			t.Errorf("%s gives %s, want %s", endpoint, f.URL, want)
		}
	}
}

// A form that is still good replaces what it sent before. A reader of that gets none of the new bytes.
func TestS3ReaderOfAPostIsNotHandedAnother(t *testing.T) {
	store := openS3(t, s3Config(peers.S3(t)))
	first, second := bytes.Repeat([]byte("1"), 100_000), bytes.Repeat([]byte("2"), 100_000)
	post(t, store, "a", first)
	r, _, err := store.OpenPosted(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	post(t, store, "a", second)
	if got, err := io.ReadAll(r); !file.Is(err, file.Conflict) || len(got) != 0 {
		t.Errorf("read %d bytes, %v, want a conflict", len(got), err)
	}
}

func TestS3SweepRemovesWhatWasPosted(t *testing.T) {
	cfg := s3Config(peers.S3(t))
	cfg.Prefix = "store"
	store := openS3(t, cfg)
	cfg.Prefix = "other"
	other := openS3(t, cfg)
	post(t, store, "a", []byte("bytes"))
	post(t, store, "b/c", []byte("bytes"))
	post(t, other, "a", []byte("bytes"))
	putS3(t, store, "a", 10)
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d that are not old, %v", n, err)
	}
	if n, err := store.Unfinished(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("%d are unfinished, %v, want 2", n, err)
	}
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("swept %d, %v, want 2", n, err)
	}
	wantNotPosted(t, store, "a")
	wantNotPosted(t, store, "b/c")
	if _, err := store.Stat(t.Context(), "a"); err != nil {
		t.Errorf("the blob: %v", err)
	}
	if r, _, err := other.OpenPosted(t.Context(), "a"); err != nil {
		t.Errorf("what was posted to another store: %v", err)
	} else {
		_ = r.Close()
	}
}

// A post in place of another keeps the one before as an older version.
func TestS3DeletesEveryVersionOfAPost(t *testing.T) {
	server := peers.S3(t)
	cfg := s3Config(server)
	openS3(t, cfg)
	core := s3Client(t, server)
	if err := core.EnableVersioning(t.Context(), cfg.Bucket); err != nil {
		t.Fatal(err)
	}
	store := openS3(t, cfg)
	for _, key := range []string{"deleted", "swept"} {
		post(t, store, key, []byte("first"))
		post(t, store, key, []byte("second"))
	}
	if err := store.DeletePosted(t.Context(), "deleted"); err != nil {
		t.Error(err)
	}
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	for v := range core.ListObjectsIter(t.Context(), cfg.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		t.Errorf("left: %s %s %v", v.Key, v.VersionID, v.Err)
	}
}
