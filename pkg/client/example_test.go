package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/inlethq/inlet/pkg/client"
)

// standIn answers as an Inlet would that holds one picture. In your program there is a real one.
func standIn() *httptest.Server {
	const picture = `{"id":"file_01JQ3KMN7XFGY4P6WBR2SZTA9V","name":"photo.jpg","size":5,"state":"ready","mime_type":"image/jpeg"}`
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sign"):
			_, _ = io.WriteString(w, `{"success":true,"data":{"url":"https://files.test/v1/files/file_01JQ/download?sig=…","expires_at":"2026-01-15T11:30:00Z"}}`)
		case r.Method == http.MethodPost && strings.Contains(r.Header.Get("Content-Disposition"), ".exe"):
			w.WriteHeader(http.StatusUnsupportedMediaType)
			_, _ = io.WriteString(w, `{"success":false,"error":{"code":"unsupported_file_type","message":"Files of type .exe are not allowed"}}`)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"success":true,"data":`+picture+`}`)
		case strings.HasSuffix(r.URL.Path, "/download"):
			_, _ = io.WriteString(w, "bytes")
		default:
			_, _ = io.WriteString(w, `{"success":true,"data":[`+picture+`],"pagination":{}}`)
		}
	}))
}

func Example() {
	server := standIn()
	defer server.Close()
	ctx := context.Background()

	c, err := client.New(server.URL, client.WithAPIKey("tagd_live_…"))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := c.Upload(ctx, strings.NewReader("bytes"), client.UploadOptions{Filename: "photo.jpg", Tag: "holiday"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.ID, f.State)
	// Output: file_01JQ3KMN7XFGY4P6WBR2SZTA9V ready
}

func ExampleClient_Upload_rejected() {
	server := standIn()
	defer server.Close()
	c, _ := client.New(server.URL)
	_, err := c.Upload(context.Background(), strings.NewReader("MZ"), client.UploadOptions{Filename: "setup.exe"})
	var answer *client.Error
	if errors.Is(err, client.ErrRejected) && errors.As(err, &answer) {
		fmt.Println(answer.Code + ": " + answer.Message)
	}
	// Output: unsupported_file_type: Files of type .exe are not allowed
}

func ExampleClient_List() {
	server := standIn()
	defer server.Close()
	c, _ := client.New(server.URL)
	for f, err := range c.List(context.Background(), client.ListOptions{Tag: "holiday", NewestFirst: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f.Name, f.Size)
	}
	// Output: photo.jpg 5
}

func ExampleClient_Download() {
	server := standIn()
	defer server.Close()
	c, _ := client.New(server.URL)
	d, err := c.Download(context.Background(), "file_01JQ3KMN7XFGY4P6WBR2SZTA9V")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	text, err := io.ReadAll(d) // the SHA-256 was compared when this has no error
	fmt.Println(string(text), err)
	// Output: bytes <nil>
}
