package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// File is a file as the API shows it. Lists leave out the description, and the times and counts of use.
type File struct {
	ID            string     `json:"id"` // file_<ULID>
	Number        int64      `json:"number"`
	TagID         string     `json:"tag_id,omitempty"`
	Parent        *Parent    `json:"parent,omitempty"`
	Name          string     `json:"name"`          // to show
	OriginalName  string     `json:"original_name"` // what it was called where it came from
	Description   string     `json:"description,omitempty"`
	Type          string     `json:"mime_type"`
	DetectedType  string     `json:"detected_type,omitempty"`
	Size          int64      `json:"size"`   // bytes
	SHA256        string     `json:"sha256"` // lower-case hex
	Path          string     `json:"path"`
	State         file.State `json:"state"`
	Reason        string     `json:"reason,omitempty"` // a code, of what was rejected or has failed
	Image         *Image     `json:"image,omitempty"`
	Links         []Link     `json:"links,omitempty"`
	URL           string     `json:"url,omitempty"` // of the bytes; needs the credential
	ThumbnailURL  string     `json:"thumbnail_url,omitempty"`
	Thumbnail     string     `json:"thumbnail,omitempty"` // none, owed, made or failed
	DownloadCount int64      `json:"download_count,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at,omitzero"`
	ExpiresAt     time.Time  `json:"expires_at,omitzero"`
}

// Final reports whether the file has its verdict, or will get none.
func (f File) Final() bool { return f.State.Final() }

// Parent is what a file was uploaded to.
type Parent struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Image is the size of a picture.
type Image struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	Frames int `json:"frames"`
}

// Link is an entity of the host product that a file is tied to.
type Link struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Step is a line of a file's timeline.
type Step struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	TookMS  float64   `json:"took_ms,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// filePath is the route of a file. id is file_<ULID>, the bare ULID or the number.
func filePath(id string, below ...string) string {
	return "/v1/files/" + strings.Join(append([]string{url.PathEscape(id)}, below...), "/")
}

// Get reads what there is to know about a file.
func (c *Client) Get(ctx context.Context, id string) (File, error) {
	return get[File](ctx, c, filePath(id))
}

// Timeline reads what happened to a file, and when.
func (c *Client) Timeline(ctx context.Context, id string) ([]Step, error) {
	return get[[]Step](ctx, c, filePath(id, "timeline"))
}

// Patch is a change of a file. What is nil stays as it is.
type Patch struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
}

// Update changes what a file is called or said to be.
func (c *Client) Update(ctx context.Context, id string, p Patch) (File, error) {
	return send[File](ctx, c, http.MethodPatch, filePath(id), p, false)
}

// Delete removes a file: when it returns nil, nobody can read it any more.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.exec(ctx, request{method: http.MethodDelete, path: filePath(id)})
}

// SignedURL lets anybody who has it download one file, until it ends.
type SignedURL struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Sign makes a URL by which anybody may download the file, its thumbnail and its renderings for so long: whole seconds, a week at most, an hour when life
// is zero. It ends with the file too, and with the right of who asked for it.
func (c *Client) Sign(ctx context.Context, id string, life time.Duration) (SignedURL, error) {
	body := struct {
		ExpiresIn int64 `json:"expires_in,omitempty"`
	}{int64(life / time.Second)}
	return send[SignedURL](ctx, c, http.MethodPost, filePath(id, "sign"), body, false)
}

// ListOptions narrow a list. The zero value lists every file that is ready or on its way, the oldest first.
type ListOptions struct {
	Tag         string       // files of one tag
	Channel     string       // files of one channel
	States      []file.State // pending, ready, rejected, failed
	Type        string       // image/png, or image/*
	Query       string       // a part of the name, two bytes at least
	NewestFirst bool
	PageSize    int // files in an answer, 1…100; 100 when zero
}

const maxPage = 100

func (o ListOptions) request() request {
	q := url.Values{"limit": {strconv.Itoa(maxPage)}}
	if o.PageSize > 0 {
		q.Set("limit", strconv.Itoa(min(o.PageSize, maxPage)))
	}
	for name, value := range map[string]string{"channel": o.Channel, "type": o.Type, "q": o.Query} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(o.States) > 0 {
		states := make([]string, len(o.States))
		for i, s := range o.States {
			states[i] = string(s)
		}
		q.Set("state", strings.Join(states, ","))
	}
	if o.NewestFirst {
		q.Set("order", "desc")
	}
	return request{method: http.MethodGet, path: collection(o.Tag), query: q}
}

// collection is the route of all files, or of those of a tag.
func collection(tag string) string {
	if tag == "" {
		return "/v1/files"
	}
	return "/v1/tags/" + url.PathEscape(tag) + "/files"
}

// List goes through the files, page by page as they are asked for. An error is the last pair.
func (c *Client) List(ctx context.Context, o ListOptions) iter.Seq2[File, error] {
	return pages[File](ctx, c, o.request())
}

// pages goes through a list of the API.
func pages[T any](ctx context.Context, c *Client, r request) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			page, err := onePage[T](ctx, c, r)
			for _, x := range page.Data {
				if !yield(x, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if page.Pagination.Next == "" {
				return
			}
			if r.query == nil {
				r.query = url.Values{}
			}
			r.query.Set("cursor", page.Pagination.Next)
		}
	}
}

func onePage[T any](ctx context.Context, c *Client, r request) (envelope[[]T], error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return envelope[[]T]{}, err
	}
	defer resp.Body.Close()
	return decode[[]T](resp.Body)
}

// Wait returns a file as soon as it has its verdict: it is then ready, rejected or failed, which is no error of Wait.
func (c *Client) Wait(ctx context.Context, id string) (File, error) {
	for looked := 0; ; looked++ {
		f, err := c.Get(ctx, id)
		if err != nil || f.Final() {
			return f, err
		}
		if err := sleep(ctx, min(waitStep<<min(looked, 8), maxWaitStep)); err != nil {
			return f, err
		}
	}
}

// A verdict takes some milliseconds, or as long as a worker is out.
const (
	waitStep    = 20 * time.Millisecond
	maxWaitStep = 2 * time.Second
)
