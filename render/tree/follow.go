package tree

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxFollowed is how many symbolic links a path may lead over, as in Linux.
const maxFollowed = 40

// Follow returns the path of a file with all symbolic links on the way resolved inside the tree. It returns the path
// unchanged if a link is absolute, leads out of the tree, or there are too many. For example, if apps/web is a link to
// ../charts/web, Follow(fsys, "apps/web/values.yaml") is charts/web/values.yaml.
func Follow(fsys fs.FS, name string) string {
	at, links := ".", 0
	for rest := strings.Split(name, "/"); len(rest) > 0; rest = rest[1:] {
		next := path.Join(at, rest[0])
		info, err := fs.Lstat(fsys, next)
		if err != nil {
			return path.Join(append([]string{next}, rest[1:]...)...)
		}
		if info.Mode().Type() != fs.ModeSymlink {
			at = next
			continue
		}
		target, err := fs.ReadLink(fsys, next)
		if links++; err != nil || links > maxFollowed || path.IsAbs(target) {
			return name
		}
		rest = slices.Concat([]string{""}, strings.Split(target, "/"), rest[1:])
	}
	return at
}
