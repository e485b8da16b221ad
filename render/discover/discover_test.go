package discover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestFindReturnsChartsKustomizationsAndManifests runs the cases of testdata/discover: a tree of files, the sources wanted in the file "want"
// (kind, path, environment and its values file), and as comment the path to discover, "." without one.
func TestFindReturnsChartsKustomizationsAndManifests(t *testing.T) {
	cases, err := filepath.Glob("testdata/discover/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys := fstest.MapFS{}
			for _, file := range archive.Files {
				fsys[file.Name] = &fstest.MapFile{Data: file.Data}
			}
			want := fsys["want"].Data
			delete(fsys, "want")
			name := "."
			for line := range strings.Lines(string(archive.Comment)) {
				if path, ok := strings.CutPrefix(line, "path: "); ok {
					name = strings.TrimSpace(path)
				}
			}
			sources, err := Finder{Tree: fsys}.Find(context.Background(), name)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(sources); got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func describe(sources []render.Source) string {
	var text strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&text, "%s %s", s.ID().Kind, s.ID())
		if chart, ok := s.(helm.Source); ok {
			for _, file := range chart.Options.ValuesFiles {
				fmt.Fprintf(&text, " -f %s", file.Path)
			}
		}
		if unrendered, ok := s.(render.Unrendered); ok {
			fmt.Fprintf(&text, " skipped: %s", unrendered.Skip.Reason)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// TestFindLeavesOutLinkedDirectories: a link to a file is a source, and fails if it leaves the tree; links to directories are
// not followed.
func TestFindLeavesOutLinkedDirectories(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		filepath.Join(dir, "a.yaml"):     "apiVersion: v1\nkind: Pod\n",
		filepath.Join(outside, "b.yaml"): "apiVersion: v1\nkind: Pod\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"out": outside, "loop": dir, "c.yaml": filepath.Join(outside, "b.yaml"), "d.yaml": "a.yaml"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sources, err := Finder{Tree: root.FS()}.Find(context.Background(), ".")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(sources), "raw a.yaml\nraw c.yaml\nraw d.yaml\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
