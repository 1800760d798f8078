package operate

import (
	"context"
	"fmt"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/program"
)

// openMeta opens the records for a command that only looks at them, or changes them: SQLite must be ours alone then.
func openMeta(ctx context.Context, s program.Settings, m program.Mode) (meta.Repo, error) {
	repo, err := program.OpenMeta(ctx, s, m)
	if file.Is(err, file.Unavailable) && m == program.Change && !s.Mongo() {
		return nil, fmt.Errorf("%w; what changes records needs inlet serve to be stopped", err)
	}
	return repo, err
}
