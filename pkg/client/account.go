package client

import "context"

// Me is who calls, and what that may do.
type Me struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Email    string   `json:"email,omitempty"`
	Tenant   string   `json:"tenant"`
	Plan     string   `json:"plan"`
	Scopes   []string `json:"scopes"`
	Operator bool     `json:"operator"`
	Limits   struct {
		MaxFileSize int64 `json:"max_file_size"` // bytes; none when zero
		MaxStorage  int64 `json:"max_storage"`   // bytes; none when zero
	} `json:"limits"`
	Version  string   `json:"version"` // of the server
	Dialects []string `json:"dialects"`
}

// Me asks who the credential stands for. It is a good first call: it fails when the credential is not accepted.
func (c *Client) Me(ctx context.Context) (Me, error) { return get[Me](ctx, c, "/v1/me") }

// Storage is how much of a tenant's room is used, in bytes.
type Storage struct {
	Used        int64 `json:"used"`
	Held        int64 `json:"held"`          // of those, by uploads that are under way
	MaxStorage  int64 `json:"max_storage"`   // none when zero
	MaxFileSize int64 `json:"max_file_size"` // none when zero
}

// Storage asks how much room the caller's tenant has left.
func (c *Client) Storage(ctx context.Context) (Storage, error) {
	return get[Storage](ctx, c, "/v1/storage")
}
