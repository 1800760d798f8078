package dialects

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

// The vendors' pages print commands. They run here as they stand there, by curl itself: only the address, the credentials and the ids
// are ours. (Tiledesk's and Enzyme's pages, as we have them, print none.)
var (
	//go:embed testdata/curl/tagd-ai.sh
	tagdCommands string
	//go:embed testdata/curl/desk.sh
	deskCommands string
	//go:embed testdata/curl/sonar.sh
	sonarCommands string
)

// curler runs printed commands in a folder of its own.
type curler struct {
	t        *testing.T
	dir      string
	commands map[string]string // by what the comment before each says
	environ  []string
}

func newCurler(t *testing.T, commands string) *curler {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine")
	}
	c := &curler{t: t, dir: t.TempDir(), commands: map[string]string{}, environ: os.Environ()}
	for part := range strings.SplitSeq("\n"+commands, "\n# ") {
		title, command, _ := strings.Cut(part, "\n")
		title, _, _ = strings.Cut(title, " ")
		c.commands[title] = command
	}
	return c
}

// write puts a file into the folder.
func (c *curler) write(name string, data []byte) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), data, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// read reads a file of the folder.
func (c *curler) read(name string) []byte {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// run runs a command with these texts replaced, and returns what the server said. The status is checked by a last line that curl adds.
func (c *curler) run(title string, status int, replace ...string) []byte {
	c.t.Helper()
	command, ok := c.commands[title]
	if !ok {
		c.t.Fatalf("no command %q is printed", title)
	}
	command = strings.NewReplacer(replace...).Replace(command)
	command = strings.Replace(command, "curl ", `curl -sS -w '\n%{http_code}' `, 1)
	cmd := exec.CommandContext(harness.Context(c.t), "bash", "-c", command)
	cmd.Dir, cmd.Env = c.dir, c.environ
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", title, err, &stderr)
	}
	i := bytes.LastIndexByte(out, '\n')
	if got := string(out[i+1:]); got != strconv.Itoa(status) {
		c.t.Fatalf("%s: status %s, want %d\n%s", title, got, status, out)
	}
	return out[:i]
}

func curlTagd(t *testing.T, e *env) {
	c := newCurler(t, tagdCommands)
	pdf := samples.PDF("A manual.")
	c.write("document.pdf", pdf.Data)
	tag := unique()
	replace := []string{"https://api.tagd-ai.com", e.Base(), "YOUR_API_KEY", keyText("root"), "abc123", tag}
	var file struct {
		Success bool
		Data    struct{ ID, Name, Description string }
	}
	into := func(body []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	into(c.run("upload", http.StatusCreated, replace...), &file)
	if !file.Success || file.Data.Name != "User Manual" || file.Data.Description != "Product user manual v2.1" {
		t.Errorf("upload: %+v", file)
	}
	replace = append(replace, "file_xyz789", file.Data.ID)

	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pdf.Data) }))
	t.Cleanup(source.Close)
	fromURL := append([]string{"https://example.com", source.URL}, replace...)
	var fetched struct{ Data struct{ Name string } }
	into(c.run("from-url", http.StatusCreated, fromURL...), &fetched)
	if fetched.Data.Name != "External Document" {
		t.Errorf("from-url: %+v", fetched)
	}
	var list struct {
		Data       []struct{ ID string }
		Pagination struct {
			Total, Limit, Offset int
			HasMore              bool `json:"has_more"`
		}
	}
	into(c.run("list", http.StatusOK, replace...), &list)
	if p := list.Pagination; len(list.Data) != 2 || p.Total != 2 || p.Limit != 20 || p.Offset != 0 || p.HasMore {
		t.Errorf("list: %+v", list)
	}
	into(c.run("update", http.StatusOK, replace...), &file)
	c.run("download", http.StatusOK, replace...)
	if got := c.read("downloaded_file.pdf"); !bytes.Equal(got, pdf.Data) {
		t.Errorf("downloaded %d bytes of %d", len(got), len(pdf.Data))
	}
	into(c.run("get", http.StatusOK, replace...), &file)
	if file.Data.Name != "Updated Manual Name" || file.Data.Description != "Updated description" {
		t.Errorf("after the update: %+v", file)
	}
}

func curlDesk(t *testing.T, e *env) {
	c := newCurler(t, deskCommands)
	picture := samples.JPEG(320, 240, 7)
	c.write("picture.jpeg", picture.Data)
	ref := e.JSON(t, "/desk/api/v2/files/ref.json", auth(e.Key("root")),
		`{"type": "attachment","filename": "the_file_name.jpeg","mimeType": "image/jpeg","disposition": "attachment"}`).Want(t, http.StatusCreated)
	var step1 struct {
		URL    string
		Params map[string]string
		File   struct{ ID json.Number }
	}
	ref.Decode(t, &step1)
	p := step1.Params
	answer := string(c.run("post", http.StatusCreated,
		"http://url/", step1.URL, "key=A_VALUE_FOR_LATER", "key="+p["key"], "policy=A_LONG_STRING", "policy="+p["policy"],
		"x-amz-credential=A_VALUE", "x-amz-credential="+p["x-amz-credential"], "x-amz-date=ANOTHER_VALUE", "x-amz-date="+p["x-amz-date"],
		"x-amz-signature=ANOTHER_LONG_STRING", "x-amz-signature="+p["x-amz-signature"], "@YOUR_FILE_PATH", "@picture.jpeg", "bucket=A_NAME", "bucket="+p["bucket"]))
	if !strings.HasPrefix(answer, `<?xml version="1.0" encoding="UTF-8"?>`) || !strings.Contains(answer, "<Key>"+p["key"]+"</Key>") ||
		!strings.Contains(answer, "<Location>/"+p["bucket"]+"/"+p["key"]+"</Location>") {
		t.Errorf("the form's answer:\n%s", answer)
	}
	done := e.Do(t, http.MethodPatch, "/v2/files/"+step1.File.ID.String()+".json", auth(e.Key("root")), nil).Want(t, http.StatusOK)
	var step3 struct {
		File struct {
			State string
			Size  int
		}
	}
	if done.Decode(t, &step3); step3.File.State != "active" || step3.File.Size != len(picture.Data) {
		t.Errorf("in the end %+v", step3)
	}
}

func curlSonar(t *testing.T, e *env) {
	c := newCurler(t, sonarCommands)
	pdf := samples.PDF("A bill.")
	c.write("myFile.pdf", pdf.Data)
	c.environ = append(c.environ, "BEARER_TOKEN="+keyText("root"))
	var uploaded struct {
		Files []struct {
			ID             json.Number
			Filename       string
			Stored         bool
			FailureMessage *string `json:"failure_message"`
		}
	}
	host := []string{"https://instance.sonar.software", e.Base()}
	if err := json.Unmarshal(c.run("upload", http.StatusOK, host...), &uploaded); err != nil {
		t.Fatal(err)
	}
	if len(uploaded.Files) != 1 || !uploaded.Files[0].Stored || uploaded.Files[0].Filename != "myFile.pdf" || uploaded.Files[0].FailureMessage != nil {
		t.Fatalf("uploaded %+v", uploaded)
	}
	c.environ = append(c.environ, "FILE_ID="+uploaded.Files[0].ID.String())
	c.run("download", http.StatusOK, host...)
	if got := c.read("Wireless Landlord form.pdf"); !bytes.Equal(got, pdf.Data) {
		t.Errorf("downloaded %d bytes of %d", len(got), len(pdf.Data))
	}
}

// curls run the vendors' printed commands. (Sonar's are a row of its checklist.)
var curls = map[string]func(*testing.T, *env){"native": curlTagd, "desk": curlDesk}
