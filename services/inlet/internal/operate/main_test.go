package operate

import (
	"os"
	"testing"

	"github.com/inlethq/inlet/services/thumbnailer"
)

func TestMain(m *testing.M) {
	thumbnailer.RenderIfChild()
	os.Exit(m.Run())
}
