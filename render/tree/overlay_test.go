package tree

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestOverlayReadsWritesAndMountsOverItsBase(t *testing.T) {
	base := fstest.MapFS{
		"app/kustomization.yaml": {Data: []byte("base")},
		"app/deployment.yaml":    {Data: []byte("base")},
		"app/charts/old.yaml":    {Data: []byte("hidden by the mount")},
		"link":                   {Data: []byte("app"), Mode: fs.ModeSymlink},
	}
	chart := fstest.MapFS{"Chart.yaml": {Data: []byte("chart")}, "templates/a.yaml": {Data: []byte("a")}}
	fsys := NewOverlay(base)
	fsys.Write("app/kustomization.yaml", []byte("replaced"))
	fsys.Write("app/more/deep/new.yaml", []byte("new"))
	fsys.Mount("app/charts", chart)
	fsys.Write("app/charts/values.yaml", []byte("in a mount"))
	fsys.Mount("remote/1", chart)

	if err := fstest.TestFS(fsys, "app/kustomization.yaml", "app/deployment.yaml", "app/more/deep/new.yaml",
		"app/charts/Chart.yaml", "app/charts/values.yaml", "remote/1/templates/a.yaml", "link"); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]string{
		"app/kustomization.yaml":    "replaced",
		"app/deployment.yaml":       "base",
		"app/charts/Chart.yaml":     "chart",
		"app/charts/values.yaml":    "in a mount",
		"remote/1/templates/a.yaml": "a",
		"link/deployment.yaml":      "base",
	} {
		if data, err := fs.ReadFile(fsys, file); err != nil || string(data) != want {
			t.Errorf("%s: got %q, %v, want %q", file, data, err, want)
		}
	}
	if _, err := fs.Stat(fsys, "app/charts/old.yaml"); err == nil {
		t.Error("a mount does not hide what lies under it")
	}
	if target, err := fs.ReadLink(fsys, "link"); err != nil || target != "app" {
		t.Errorf("link leads to %q, %v", target, err)
	}
	_, err := fs.ReadFile(fsys, "remote/1/none.yaml")
	if want := "open remote/1/none.yaml: file does not exist"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if data, _ := base.ReadFile("app/kustomization.yaml"); string(data) != "base" {
		t.Error("the base was changed")
	}
}
