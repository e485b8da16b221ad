package chartrepo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Offline, a chart comes from the cache or not at all. The error says what to do.
func ExampleClient_Pull() {
	charts := &chartrepo.Client{Dir: filepath.Join(os.TempDir(), "no-charts-here"), Offline: true}
	_, err := charts.Pull(context.Background(), "oci://registry.example.com/charts", "web", "^1.2")
	fmt.Println(err)
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		fmt.Println("hint:", failure.Hint)
	}
	// Output:
	// web ^1.2 of oci://registry.example.com/charts: not in the cache
	// hint: run once without --offline; a dependency can be vendored with: helm dependency build
}
