// Package api is a client of Inlet's native HTTP API and of its events, for tests, the demo and the benchmarks.
//
// It is written against the wire and shares no code with the server but the event contract, so that both cannot be wrong together.
// It does not retry and hides nothing: what failed is returned.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// File is a file as the API shows it.
type File struct {
	ID            string    `json:"id"`
	TagID         string    `json:"tag_id"`
	Name          string    `json:"name"`
	OriginalName  string    `json:"original_name"`
	Description   string    `json:"description"`
	MimeType      string    `json:"mime_type"`
	Size          int64     `json:"size"`
	URL           string    `json:"url"`
	DownloadCount int64     `json:"download_count"`
	CreatedAt     time.Time `json:"created_at"`
	State         string    `json:"state"`
	Reason        string    `json:"reason"`
	Number        int64     `json:"number"`
	Path          string    `json:"path"`
	SHA256        string    `json:"sha256"`
	ExpiresAt     time.Time `json:"expires_at"`
	Image         *Image    `json:"image"`
	ThumbnailURL  string    `json:"thumbnail_url"`
}

// Bare is the id as events carry it.
func (f File) Bare() string { return strings.TrimPrefix(f.ID, "file_") }

// Image is the size of a picture.
type Image struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	Frames int `json:"frames"`
}

// Page is one page of a list.
type Page struct {
	Files      []File
	Pagination struct {
		Total   int64  `json:"total"`
		Limit   int    `json:"limit"`
		Offset  int    `json:"offset"`
		HasMore bool   `json:"has_more"`
		Next    string `json:"next_cursor"`
	}
}

// Step is a line of a file's timeline.
type Step struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	TookMS  float64   `json:"took_ms"`
	Attempt int       `json:"attempt"`
	Note    string    `json:"note"`
}

// Error is an answer that is not a success.
type Error struct {
	Status  int
	Code    string
	Message string
	Header  http.Header
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// Status is the HTTP status that err stands for; 0 when the server gave no answer.
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Err is nil for a success, else the Error that the body tells.
func (r Response) Err() error {
	if r.Status < 300 {
		return nil
	}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		body.Error.Message = strings.TrimSpace(string(r.Body))
	}
	return &Error{Status: r.Status, Code: body.Error.Code, Message: body.Error.Message, Header: r.Header}
}

// Client speaks for one API key. It may be used by many goroutines.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New makes a client of the server at base, without a slash at its end. An empty key sends none.
func New(base, key string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &Client{base: base, key: key, http: &http.Client{Transport: transport}}
}

// As is a client of the same server with another key.
func (c *Client) As(key string) *Client { return &Client{base: c.base, key: key, http: c.http} }

// Through is a client whose requests go through what wrap makes of its transport.
func (c *Client) Through(wrap func(http.RoundTripper) http.RoundTripper) *Client {
	return &Client{base: c.base, key: c.key, http: &http.Client{Transport: wrap(c.http.Transport)}}
}

// Base is the server's URL.
func (c *Client) Base() string { return c.base }

// Key is the client's API key.
func (c *Client) Key() string { return c.key }

// Request is one request by hand.
type Request struct {
	Method string
	Path   string // with its query
	Header http.Header
	Body   io.Reader
	Length int64 // of a Body whose length net/http does not know; 0 sends it in chunks
}

// Do sends a request with the client's key and reads the answer. Its error means that there was no whole answer.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, r.Body)
	if err != nil {
		return Response{}, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if r.Length > 0 {
		req.ContentLength = r.Length
	}
	if c.key != "" {
		req.Header.Set("X-Api-Key", c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// call sends a request and decodes the data of a success into out.
func (c *Client) call(ctx context.Context, r Request, out any) (Response, error) {
	resp, err := c.Do(ctx, r)
	if err == nil {
		err = resp.Err()
	}
	if err != nil || out == nil {
		return resp, err
	}
	return resp, Decode(resp, out)
}

// Decode reads the data of a success.
func Decode(r Response, out any) error {
	return json.Unmarshal(r.Body, &struct {
		Data any `json:"data"`
	}{out})
}

// Upload is a file to send as a form.
type Upload struct {
	Tag    string // of the tag's route; empty for the tenant's
	Name   string
	Type   string
	Data   []byte
	Fields map[string]string // sent after the file
	Header http.Header
}

func (u Upload) path() string {
	if u.Tag == "" {
		return "/v1/files"
	}
	return "/v1/tags/" + url.PathEscape(u.Tag) + "/files"
}

// Form encodes the upload, and returns its Content-Type besides.
func (u Upload) Form() (body []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	h := textproto.MIMEHeader{"Content-Disposition": {FormFile("file", u.Name)}}
	if u.Type != "" {
		h.Set("Content-Type", u.Type)
	}
	part, err := w.CreatePart(h)
	if err != nil {
		return nil, "", err
	}
	_, err = part.Write(u.Data)
	for name, value := range u.Fields {
		err = errors.Join(err, w.WriteField(name, value))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

// FormFile is the Content-Disposition of a file part, with the name quoted and otherwise as it is.
func FormFile(field, name string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return fmt.Sprintf(`form-data; name="%s"; filename="%s"`, quote.Replace(field), quote.Replace(name))
}

// Send uploads a form and returns the answer as it came.
func (c *Client) Send(ctx context.Context, u Upload) (Response, error) {
	body, contentType, err := u.Form()
	if err != nil {
		return Response{}, err
	}
	h := u.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", contentType)
	return c.Do(ctx, Request{Method: http.MethodPost, Path: u.path(), Header: h, Body: bytes.NewReader(body)})
}

// Upload uploads a form and returns the file.
func (c *Client) Upload(ctx context.Context, u Upload) (File, error) {
	resp, err := c.Send(ctx, u)
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return File{}, err
	}
	var f File
	return f, Decode(resp, &f)
}

// Get returns a file by any of its ids.
func (c *Client) Get(ctx context.Context, id string) (File, error) {
	var f File
	_, err := c.call(ctx, Request{Method: http.MethodGet, Path: "/v1/files/" + url.PathEscape(id)}, &f)
	return f, err
}

// List returns a page of a tag's files, or of the tenant's when tag is empty.
func (c *Client) List(ctx context.Context, tag string, query url.Values) (Page, error) {
	var p Page
	resp, err := c.call(ctx, Request{Method: http.MethodGet, Path: Upload{Tag: tag}.path() + "?" + query.Encode()}, &p.Files)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(resp.Body, &struct {
		Pagination any `json:"pagination"`
	}{&p.Pagination})
}

// Patch changes a file by a JSON body.
func (c *Client) Patch(ctx context.Context, id, body string) (File, error) {
	var f File
	_, err := c.call(ctx, Request{Method: http.MethodPatch, Path: "/v1/files/" + id, Body: strings.NewReader(body),
		Header: http.Header{"Content-Type": {"application/json"}}}, &f)
	return f, err
}

// Delete deletes a file.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.call(ctx, Request{Method: http.MethodDelete, Path: "/v1/files/" + id}, nil)
	return err
}

// Download returns the answer to a GET of a file's bytes, whatever its status.
func (c *Client) Download(ctx context.Context, id string, h http.Header) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: "/v1/files/" + id + "/download", Header: h})
}

// Thumbnail returns the answer to a GET of a file's thumbnail, whatever its status.
func (c *Client) Thumbnail(ctx context.Context, id string) (Response, error) {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: "/v1/files/" + id + "/thumbnail"})
}

// Timeline returns what has happened to a file.
func (c *Client) Timeline(ctx context.Context, id string) ([]Step, error) {
	var steps []Step
	_, err := c.call(ctx, Request{Method: http.MethodGet, Path: "/v1/files/" + id + "/timeline"}, &steps)
	return steps, err
}
