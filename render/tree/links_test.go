package tree

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

// TestLinksOfALinkedEqualAWalk also holds that a Linked walks its tree once, however many calls there are.
func TestLinksOfALinkedEqualAWalk(t *testing.T) {
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
	}
	files := fstest.MapFS{
		"apps/web/values.yaml": link("../../shared/web.yaml"),
		"apps/web-2/x":         link("../y"),
		"apps/web/deep/chart":  link("../../../charts/web"),
		".git/modules/x":       link("../y"),
		"linked":               link("apps/web"),
		"other":                {},
	}
	listed := &countingDirectories{MapFS: files}
	linked := NewLinked(listed)
	for name, want := range map[string][]string{
		"apps/web":             {"charts/web", "shared/web.yaml"},
		"apps/web/values.yaml": nil,
		"linked":               {"charts/web", "shared/web.yaml"},
		"apps/we":              nil,
		"other":                nil,
		".":                    {"apps/web", "apps/y", "charts/web", "shared/web.yaml"},
	} {
		for _, fsys := range []fs.FS{files, linked} {
			got := Links(fsys, name)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%T: the links at %s lead to %v, want %v", fsys, name, got, want)
			}
		}
	}
	if first := listed.count; first == 0 {
		t.Error("no directory was listed")
	} else if Links(linked, "."); listed.count != first {
		t.Errorf("%d directories were listed again", listed.count-first)
	}
}

type countingDirectories struct {
	fstest.MapFS
	count int
}

func (c *countingDirectories) ReadDir(name string) ([]fs.DirEntry, error) {
	c.count++
	return c.MapFS.ReadDir(name)
}
