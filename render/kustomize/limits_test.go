package kustomize

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
)

// renderedOrError returns what app renders to, or the error.
func renderedOrError(t *testing.T, files fs.FS) string {
	t.Helper()
	result, err := Source{Engine: &Engine{}, Path: "app"}.Render(t.Context(), render.In{Tree: files})
	if err != nil {
		return err.Error()
	}
	return string(result.Text)
}

// TestDiamondsHaveALimit: kustomizations that each name the next two are not built, and a base that is named often is.
func TestDiamondsHaveALimit(t *testing.T) {
	t.Parallel()
	diamond := func(depth int) fstest.MapFS {
		files := fstest.MapFS{"app/kustomization.yaml": {Data: []byte("resources: [../a0, ../b0]\n")}}
		for i := range depth {
			for _, side := range []string{"a", "b"} {
				text := fmt.Sprintf("resources: [../a%d, ../b%d]\n", i+1, i+1)
				if i == depth-1 {
					text = "configMapGenerator: [{name: " + side + ", literals: [a=b]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
				}
				files[fmt.Sprintf("%s%d/kustomization.yaml", side, i)] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		return files
	}
	if got := renderedOrError(t, diamond(30)); !strings.HasSuffix(got, "with it, more than 10000 kustomizations would be built") {
		t.Errorf("got %s", got)
	}
	if got := renderedOrError(t, diamond(2)); !strings.Contains(got, "already registered") { // Kustomize builds it.
		t.Errorf("got %s", got)
	}
}

// TestAliasesHaveALimit: a resource or patch whose aliases stand for billions of nodes does not reach kustomize. A file
// that kustomize does not parse may hold them.
func TestAliasesHaveALimit(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 10), ", "))
	}
	for _, kustomization := range []string{"resources: [a.yaml]", "patches: [{path: a.yaml}]"} {
		files := treeOf("-- app/kustomization.yaml --\n" + kustomization + "\n-- app/a.yaml --\n" + bomb.String())
		if got := renderedOrError(t, files); !strings.HasSuffix(got, "the aliases up to here stand for more than 400000 nodes") {
			t.Errorf("%s: got %s", kustomization, got)
		}
	}
	files := treeOf("-- app/kustomization.yaml --\nconfigMapGenerator: [{name: a, files: [a.yaml]}]\n-- app/a.yaml --\n" + bomb.String())
	if got := renderedOrError(t, files); !strings.Contains(got, "*x8") {
		t.Errorf("got %s", got)
	}
}
