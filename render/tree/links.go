package tree

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Linked is a file system that lists its symbolic links once, at the first call of Links, so that a large repository is
// not walked for every source. It is safe for concurrent use. It does not see a link that is made later.
type Linked struct {
	fs.FS
	links func() []link
}

// link is a symbolic link and the path of the tree to which it leads.
type link struct{ name, target string }

var _ fileSystem = (*Linked)(nil)

// NewLinked returns a file system with the files of fsys.
func NewLinked(fsys fs.FS) *Linked {
	return &Linked{FS: fsys, links: sync.OnceValue(func() []link { return findLinks(fsys, ".") })}
}

// ReadFile implements fs.ReadFileFS.
func (l *Linked) ReadFile(name string) ([]byte, error) { return fs.ReadFile(l.FS, name) }

// Stat implements fs.StatFS.
func (l *Linked) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (l *Linked) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(l.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (l *Linked) ReadLink(name string) (string, error) { return fs.ReadLink(l.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (l *Linked) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(l.FS, name) }

// Links returns the targets of the symbolic links below a directory, as paths of the tree. In a Linked this is a
// look-up; any other file system is walked. Links inside .git are left out: git keeps no sources there, and its object
// store can have hundreds of thousands of files.
func Links(fsys fs.FS, name string) []string {
	dir := Follow(fsys, name)
	var links []link
	if linked, ok := fsys.(*Linked); ok {
		links = linksBelow(linked.links(), dir)
	} else {
		links = findLinks(fsys, dir)
	}
	var targets []string
	for _, l := range links {
		targets = append(targets, l.target)
	}
	return targets
}

// linksBelow returns the links below a directory. The links must be sorted by name.
func linksBelow(links []link, dir string) []link {
	if dir == "." {
		return links
	}
	byName := func(l link, name string) int { return strings.Compare(l.name, name) }
	first, _ := slices.BinarySearchFunc(links, dir+"/", byName)
	end, _ := slices.BinarySearchFunc(links, dir+"0", byName) // "0" is the character after "/".
	return links[first:end]
}

// findLinks walks a directory and returns the symbolic links below it, sorted by name. It leaves out directories that
// cannot be read.
func findLinks(fsys fs.FS, dir string) []link {
	var links []link
	_ = fs.WalkDir(fsys, dir, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && entry.Name() == gitName:
			return fs.SkipDir
		case entry.Type()&fs.ModeSymlink == 0:
			return nil
		}
		if target, err := fs.ReadLink(fsys, at); err == nil {
			links = append(links, link{at, path.Join(path.Dir(at), target)})
		}
		return nil
	})
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.name, b.name) })
	return links
}
