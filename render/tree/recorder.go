package tree

import (
	"io/fs"
	"maps"
	"slices"
	"sync"
)

// Recorder is a tree that notes which of its files are read, so that a caller learns on which files a result depends.
// It is safe for concurrent use. Stat, Lstat, ReadDir and ReadLink note nothing.
type Recorder struct {
	tree  fs.FS
	mutex sync.Mutex
	read  map[string]bool
}

// NewRecorder returns a recorder of a tree, with an empty list of files.
func NewRecorder(fsys fs.FS) *Recorder { return &Recorder{tree: fsys, read: map[string]bool{}} }

// Files returns the sorted paths of the files that were read, also of files that are absent or could not be read. If a
// path leads over a symbolic link, Files has both the path and the path of the link's target.
func (r *Recorder) Files() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Sorted(maps.Keys(r.read))
}

// note adds a path, and the file to which it leads over symbolic links.
func (r *Recorder) note(name string) {
	followed := Follow(r.tree, name)
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

var _ fileSystem = (*Recorder)(nil)
