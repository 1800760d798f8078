package tiledesk

import (
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	m.Run()
}

func TestConfigDefaultsAreTheVendors(t *testing.T) {
	var cfg Config
	if err := config.Load(&cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.MaxFile != 1_024_000 || cfg.ChatLife != 30*24*60*60 {
		t.Errorf("%d bytes, %d seconds", cfg.MaxFile, cfg.ChatLife)
	}
	if got := allow(cfg.Chat); !slices.Equal(got.Allow, content.TiledeskChat.Allow) {
		t.Errorf("chat: %v", got.Allow)
	}
	if got := allow(cfg.Assets); !slices.Equal(got.Allow, content.TiledeskAssets.Allow) {
		t.Errorf("assets: %v", got.Allow)
	}
}

func TestConfigNamesTheVariable(t *testing.T) {
	for _, x := range []struct{ variable, value string }{
		{"MAX_UPLOAD_FILE_SIZE", "-1"}, {"MAX_UPLOAD_FILE_SIZE", "1MB"},
		{"CHAT_FILE_EXPIRATION_TIME", "0"}, {"CHAT_FILE_EXPIRATION_TIME", "-5"}, {"CHAT_FILE_EXPIRATION_TIME", "315360001"},
		{"CHAT_FILES_ALLOW_LIST", "jpg"}, {"CHAT_FILES_ALLOW_LIST", ".jpg,,.png"}, {"CHAT_FILES_ALLOW_LIST", "."}, {"CHAT_FILES_ALLOW_LIST", ".tar.gz"},
		{"ASSETS_FILES_ALLOW_LIST", "image/*"}, {"ASSETS_FILES_ALLOW_LIST", ".a/b"}, {"ASSETS_FILES_ALLOW_LIST", ".jpg .png"},
	} {
		t.Run(x.variable+"="+x.value, func(t *testing.T) {
			t.Setenv(x.variable, x.value)
			if err := config.Load(new(Config)); err == nil || !strings.Contains(err.Error(), x.variable) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("good", func(t *testing.T) {
		t.Setenv("MAX_UPLOAD_FILE_SIZE", "0")
		t.Setenv("CHAT_FILE_EXPIRATION_TIME", "315360000")
		t.Setenv("CHAT_FILES_ALLOW_LIST", ".JPG, .webp")
		t.Setenv("ASSETS_FILES_ALLOW_LIST", "*/*")
		var cfg Config
		if err := config.Load(&cfg); err != nil {
			t.Fatal(err)
		}
		if err := allow(cfg.Chat).Allows("a.webp"); err != nil {
			t.Error(err)
		}
		if err := allow(cfg.Assets).Allows("anything"); err != nil {
			t.Error(err)
		}
	})
}

func TestExpiration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60": time.Minute, "1": time.Second, "315360000": core.MaxLife,
		"": 0, "0": 0, "-1": 0, "soon": 0, "1.5": 0, "1e309": 0, " 60": 0, "+60": 0, "NaN": 0, "0x10": 0,
		"315360001": core.MaxLife, "1000000000000000000": core.MaxLife, "9223372036854775807": core.MaxLife, strings.Repeat("9", 400): core.MaxLife,
	} {
		if got := expiration(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// What encodeURIComponent of Node.js 20 makes of the same text.
func TestEncode(t *testing.T) {
	for text, want := range map[string]string{
		"uploads/projects/5ebd/files/a-b_c.d~e.png": "uploads%2Fprojects%2F5ebd%2Ffiles%2Fa-b_c.d~e.png",
		"it's (1)!*.txt":     "it's%20(1)!*.txt",
		"50%+1&2=3?#;,:@$[]": "50%25%2B1%262%3D3%3F%23%3B%2C%3A%40%24%5B%5D",
		"über–😀":             "%C3%BCber%E2%80%93%F0%9F%98%80",
		`"<>\^{|}` + "`":     "%22%3C%3E%5C%5E%7B%7C%7D%60",
		"":                   "",
	} {
		if got := encode(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestCandidates(t *testing.T) {
	const p = "uploads/projects/5ebd890292befe0019054973/files/0193/a b.png"
	for sent, want := range map[string][]string{
		p:                            {p},
		encode(p):                    {encode(p), p},
		"uploads/users/u/100%25.txt": {"uploads/users/u/100%25.txt", "uploads/users/u/100%.txt"},
		"uploads/users/u/100%.txt":   {"uploads/users/u/100%.txt"},
		encode(encode(p)):            {encode(encode(p)), encode(p)}, // decoded once and no further
		"uploads/a+b.txt":            {"uploads/a+b.txt"},
		"uploads/../../etc/passwd":   nil,
		"../etc/passwd":              nil,
		"/etc/passwd":                nil,
		"uploads//a":                 nil,
		"uploads/./a":                nil,
		"uploads/a/":                 nil,
		".":                          nil,
		"..":                         nil,
		`uploads\..\a`:               nil,
		"uploads/a\x00.png":          nil,
		"uploads/a\u0085b":           nil,
		"uploads/\xc0\xae\xc0\xae/a": nil, // an overlong dot
		"uploads/%00":                {"uploads/%00"},
		"uploads%2F..%2F..%2Fetc":    {"uploads%2F..%2F..%2Fetc"},
		"%2e%2e%2fetc":               {"%2e%2e%2fetc"},
		"..%2f..%2fetc":              {"..%2f..%2fetc"},
		strings.Repeat("a", 1025):    nil,
	} {
		if got := candidates(sent); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", sent, got, want)
		}
	}
}

func TestThumbnailsLieBesideTheirPictures(t *testing.T) {
	const picture, thumbnail = "uploads/users/u1/images/photo.jpg", "uploads/users/u1/images/thumbnails_200_200-photo.jpg"
	if got := thumbnailOf(picture); got != thumbnail {
		t.Error(got)
	}
	if got, ok := pictureOf(thumbnail); !ok || got != picture {
		t.Error(got, ok)
	}
	for _, p := range []string{picture, "uploads/thumbnails_200_200-", "thumbnails_200_200-x/photo.jpg", "uploads/thumbnails_100_100-photo.jpg"} {
		if got, ok := pictureOf(p); ok {
			t.Errorf("%q is the thumbnail of %q", p, got)
		}
	}
}

func TestBarePaths(t *testing.T) {
	const id = "5ebd890292befe0019054973"
	for urlPath, want := range map[string]string{"/" + id + "/files": "", "/" + id + "/files/": "/", "/" + id + "/files/users/photo": "/users/photo"} {
		if project, p, ok := bare(urlPath); !ok || project != id || p != want {
			t.Errorf("%s: %q, %q, %v", urlPath, project, p, ok)
		}
	}
	for _, urlPath := range []string{"/", "", "/v1/files", "/api/files", "/" + id, "/" + id + "/filesystem", "/" + id + "/x", "/" + id[1:] + "/files", "/" + id + "0/files", "//" + id + "/files", "/" + id[1:] + "g/files"} {
		if _, _, ok := bare(urlPath); ok {
			t.Errorf("%s is taken for Tiledesk's", urlPath)
		}
	}
}

func TestTwoParts(t *testing.T) {
	for header, want := range map[string]bool{"": true, "JWT x": true, "JWT": false, "JWT  x": false, "JWT x y": false, "JWT x ": false} {
		if got := twoParts(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// An answer is the vendor's, byte for byte: the order of its members, nothing escaped that JavaScript does not escape, no line break at its end.
func TestAnswers(t *testing.T) {
	asset := &file.File{Class: file.ClassAsset, State: file.Ready, Path: "uploads/projects/p/files/u/a&b.png", Thumbnail: file.ThumbnailMade}
	failed, owed, early, text, message := asset.Clone(), asset.Clone(), asset.Clone(), asset.Clone(), asset.Clone()
	failed.Thumbnail = file.ThumbnailFailed
	owed.Thumbnail = file.ThumbnailOwed
	early.Thumbnail, early.State, early.DeclaredType = file.ThumbnailNone, file.Pending, "image/png"
	text.Thumbnail, text.State, text.DeclaredType = file.ThumbnailNone, file.Pending, "text/plain"
	message.Class = file.ClassChat
	const (
		encoded = `"uploads%2Fprojects%2Fp%2Ffiles%2Fu%2Fa%26b.png"`
		both    = `{"message":"File uploaded successfully","filename":` + encoded + `,"thumbnail":"uploads%2Fprojects%2Fp%2Ffiles%2Fu%2Fthumbnails_200_200-a%26b.png"}`
		alone   = `{"message":"File uploaded successfully","filename":` + encoded + `}`
	)
	k := assets(Config{})
	for name, x := range map[string]struct {
		body any
		want string
	}{
		"with its thumbnail":              {uploaded(k, asset), both},
		"while the thumbnail is made":     {uploaded(k, owed), both},
		"before the verdict":              {uploaded(k, early), both},
		"when no thumbnail could be made": {uploaded(k, failed), alone},
		"no picture":                      {uploaded(k, text), alone},
		"chat":                            {uploaded(chat(Config{}), message), `{"message":"File uploaded successfully","filename":"uploads/projects/p/files/u/a&b.png"}`},
		"delete":                          {deleted(asset), `{"message":"File deleted successfully","filename":` + encoded + `}`},
		"error":                           {errorBody{Error: "No file uploaded"}, `{"success":false,"error":"No file uploaded"}`},
		"parser's error":                  {errorBody{Error: "File too large", Code: "LIMIT_FILE_SIZE"}, `{"success":false,"error":"File too large","code":"LIMIT_FILE_SIZE"}`},
		"denial":                          {denialBody{Msg: msgRole}, `{"success":false,"msg":"you dont have the required role."}`},
	} {
		w := httptest.NewRecorder()
		g, _ := gin.CreateTestContext(w)
		respond(g, http.StatusOK, x.body)
		if got := w.Body.String(); got != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, x.want)
		}
	}
}

func TestRefusal(t *testing.T) {
	_, mismatch := content.Admit("a.png", "image/png", []byte("<!DOCTYPE html><script>1</script>"), content.TiledeskChat)
	_, unknown := content.Admit("a.pdf", "application/pdf", []byte{0, 1, 2, 3, 0xff, 0xfe}, content.TiledeskChat)
	for _, x := range []struct {
		kind *kind
		name string
		err  error
		want string
	}{
		{chat(Config{}), "a.png", mismatch, "File content does not match mimetype. Detected: text/html, provided: image/png"},
		{chat(Config{}), "a.pdf", unknown, "File content does not match mimetype. Detected: unknown, provided: application/pdf"},
		{chat(Config{}), " A.EXE ", content.TiledeskChat.Allows("A.EXE"), "File extension .exe is not allowed"},
		{avatars(), "a.pdf", content.TiledeskAvatar.Allows("a.pdf"), "File extension .pdf is not allowed for avatar"},
		{chat(Config{}), "name", content.TiledeskChat.Allows("name"), "File extension (none) is not allowed"},
		{chat(Config{}), "a.pdf", file.Errorf(file.TypeRefused, "x", "File contains malware"), "File contains malware"},
		{chat(Config{}), "a.pdf", file.Errorf(file.Invalid, "x", "The file is empty"), "The file is empty"},
	} {
		err := x.kind.refusal(x.err, x.name)
		if got := file.PublicText(err, ""); got != x.want || file.KindOf(err) != file.KindOf(x.err) {
			t.Errorf("%s: %q, %s; want %q", x.name, got, file.KindOf(err), x.want)
		}
	}
	if err := avatars().refusal(nil, ""); err != nil {
		t.Error(err)
	}
}

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, k := range file.Kinds {
		if a, ok := answers[k]; !ok || a.status < 400 {
			t.Errorf("%s: %+v", k, a)
		}
	}
}

// FuzzPath gives what a client may send as path: nothing comes of it, or paths that lead nowhere but down.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"uploads/users/u/files/0/a.png", "uploads%2Fusers%2Fu%2Fimages%2Fthumbnails_200_200-photo.jpg", "../x", "%2e%2e/x", "%252e%252e%252fx",
		"uploads/\x00", `a\b`, "%", "%zz", "/a", "a//b", "thumbnails_200_200-", "a/thumbnails_200_200-", "\xff", "%ff", "%5c", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		all := candidates(sent)
		if len(all) > 2 {
			t.Fatalf("%d candidates", len(all))
		}
		for _, p := range all {
			wantClean(t, p)
			if picture, ok := pictureOf(p); ok {
				wantClean(t, picture)
				if thumbnailOf(picture) != p {
					t.Errorf("%q is not the thumbnail of %q", p, picture)
				}
			}
			if !slices.Contains(candidates(encode(p)), p) {
				t.Errorf("%q is not found when it is encoded", p)
			}
		}
	})
}

func wantClean(t *testing.T, p string) {
	t.Helper()
	if p == "" || !utf8.ValidString(p) || path.Clean(p) != p || path.IsAbs(p) || p == "." || p == ".." || strings.HasPrefix(p, "../") ||
		strings.ContainsRune(p, '\\') || strings.ContainsFunc(p, unicode.IsControl) {
		t.Errorf("%q is let through", p)
	}
}
