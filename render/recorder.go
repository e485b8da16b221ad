package render

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// Recorder is a tree that notes which of its files are read. It is safe for concurrent use.
type Recorder struct {
	tree  fs.FS
	mutex sync.Mutex
	read  map[string]bool
}

var _ interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
} = (*Recorder)(nil)

// NewRecorder returns a recorder of a tree, of which nothing has been read.
func NewRecorder(fsys fs.FS) *Recorder { return &Recorder{tree: fsys, read: map[string]bool{}} }

// Files are the paths that were read, sorted: also those that could not be, because they are no files or not there.
func (r *Recorder) Files() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Sorted(maps.Keys(r.read))
}

func (r *Recorder) note(name string) {
	followed := Followed(r.tree, name)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.read[name] = true
	r.read[followed] = true
}

// Open implements fs.FS.
func (r *Recorder) Open(name string) (fs.File, error) {
	r.note(name)
	return r.tree.Open(name)
}

// ReadFile implements fs.ReadFileFS.
func (r *Recorder) ReadFile(name string) ([]byte, error) {
	r.note(name)
	return fs.ReadFile(r.tree, name)
}

// Stat implements fs.StatFS.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) { return fs.Stat(r.tree, name) }

// ReadDir implements fs.ReadDirFS.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(r.tree, name) }

// ReadLink implements fs.ReadLinkFS.
func (r *Recorder) ReadLink(name string) (string, error) { return fs.ReadLink(r.tree, name) }

// Lstat implements fs.ReadLinkFS.
func (r *Recorder) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(r.tree, name) }

// maxFollowed is how many symbolic links a path may lead over, as in Linux.
const maxFollowed = 40

// Followed returns the path of a file with the symbolic links on it followed inside the tree; the path itself where
// that cannot be done.
func Followed(fsys fs.FS, name string) string {
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
