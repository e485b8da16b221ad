package tree

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Overlay is a tree with files added or replaced, and with other trees mounted in it. For example, a fix is proven by a
// render of an overlay that has the edited values.yaml. The base is never changed.
//
// The paths of Write and Mount must lead over no symbolic link. Several goroutines may read an Overlay at once, but not
// while Write or Mount runs.
type Overlay struct {
	base   fs.FS
	files  map[string][]byte
	mounts map[string]fs.FS
	added  map[string][]string // directory → the names of the entries that Write and Mount added to it
}

var _ fileSystem = (*Overlay)(nil)

// NewOverlay returns an overlay that equals its base.
func NewOverlay(base fs.FS) *Overlay {
	return &Overlay{base: base, files: map[string][]byte{}, mounts: map[string]fs.FS{}, added: map[string][]string{}}
}

// Write puts a file in the tree, with the directories above it.
func (o *Overlay) Write(file string, data []byte) {
	o.files[file] = data
	o.add(file)
}

// Mount puts a tree at a directory, whose own content it hides, with the directories above it.
func (o *Overlay) Mount(dir string, fsys fs.FS) {
	o.mounts[dir] = fsys
	if _, ok := o.added[dir]; !ok {
		o.added[dir] = nil
	}
	o.add(dir)
}

// add enters a path into its directory, and the directory into the directory above, up to the root.
func (o *Overlay) add(name string) {
	for ; name != "."; name = path.Dir(name) {
		dir, base := path.Dir(name), path.Base(name)
		if !slices.Contains(o.added[dir], base) {
			o.added[dir] = append(o.added[dir], base)
		}
	}
}

// under returns the tree under the overlay that holds a path (a mounted tree or the base), and the path in that tree.
// It does not look at written files. An invalid path belongs to the base, which refuses it.
func (o *Overlay) under(name string) (fsys fs.FS, rest string) {
	for dir := name; fs.ValidPath(dir) && dir != "."; dir = path.Dir(dir) {
		if fsys, ok := o.mounts[dir]; ok {
			return fsys, path.Join(".", strings.TrimPrefix(name[len(dir):], "/"))
		}
	}
	return o.base, name
}

// Open implements fs.FS.
func (o *Overlay) Open(name string) (fs.File, error) {
	if data, ok := o.files[name]; ok {
		return &writtenFile{fileInfo{path.Base(name), int64(len(data)), 0o444}, bytes.NewReader(data)}, nil
	}
	if _, ok := o.added[name]; ok {
		info, err := o.Stat(name)
		if err != nil {
			return nil, err
		}
		entries, err := o.ReadDir(name)
		return &mergedDirectory{info, entries}, err
	}
	fsys, rest := o.under(name)
	file, err := fsys.Open(rest)
	return file, named(name, err)
}

// Stat implements fs.StatFS.
func (o *Overlay) Stat(name string) (fs.FileInfo, error) { return o.info(name, fs.Stat) }

// Lstat implements fs.ReadLinkFS.
func (o *Overlay) Lstat(name string) (fs.FileInfo, error) { return o.info(name, fs.Lstat) }

// info returns the information about a path: of a written file or an added directory, or else the answer of stat, which
// is fs.Stat or fs.Lstat.
func (o *Overlay) info(name string, stat func(fs.FS, string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if data, ok := o.files[name]; ok {
		return fileInfo{path.Base(name), int64(len(data)), 0o444}, nil
	}
	if _, ok := o.added[name]; ok {
		return fileInfo{path.Base(name), 0, fs.ModeDir | 0o555}, nil
	}
	fsys, rest := o.under(name)
	info, err := stat(fsys, rest)
	return info, named(name, err)
}

// ReadFile implements fs.ReadFileFS.
func (o *Overlay) ReadFile(name string) ([]byte, error) {
	if data, ok := o.files[name]; ok {
		return bytes.Clone(data), nil
	}
	fsys, rest := o.under(name)
	data, err := fs.ReadFile(fsys, rest)
	return data, named(name, err)
}

// ReadLink implements fs.ReadLinkFS.
func (o *Overlay) ReadLink(name string) (string, error) {
	fsys, rest := o.under(name)
	target, err := fs.ReadLink(fsys, rest)
	return target, named(name, err)
}

// ReadDir implements fs.ReadDirFS. Added entries replace entries of the base with the same name.
func (o *Overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	fsys, rest := o.under(name)
	entries, err := fs.ReadDir(fsys, rest)
	added, ok := o.added[name]
	if !ok {
		return entries, named(name, err)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, named(name, err)
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(entry fs.DirEntry) bool {
		return slices.Contains(added, entry.Name())
	})
	for _, base := range added {
		info, err := o.Lstat(path.Join(name, base))
		if err != nil {
			return nil, err
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// named returns an error of a mounted tree with the path in the overlay: a mounted tree names only its own part of it.
func named(name string, err error) error {
	if failure := (*fs.PathError)(nil); errors.As(err, &failure) {
		return &fs.PathError{Op: failure.Op, Path: name, Err: failure.Err}
	}
	return err
}

// fileInfo describes a written file or an added directory.
type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i fileInfo) Name() string { return i.name }

func (i fileInfo) Size() int64 { return i.size }

func (i fileInfo) Mode() fs.FileMode { return i.mode }

func (i fileInfo) ModTime() time.Time { return time.Time{} }

func (i fileInfo) IsDir() bool { return i.mode.IsDir() }

func (i fileInfo) Sys() any { return nil }

// writtenFile is an open file that Write added.
type writtenFile struct {
	info fileInfo
	*bytes.Reader
}

func (f *writtenFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *writtenFile) Close() error { return nil }

// mergedDirectory is an open directory to which Write or Mount added entries.
type mergedDirectory struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

func (d *mergedDirectory) Stat() (fs.FileInfo, error) { return d.info, nil }

func (d *mergedDirectory) Close() error { return nil }

func (d *mergedDirectory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: errors.New("is a directory")}
}

func (d *mergedDirectory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.entries) {
		if n > 0 && len(d.entries) == 0 {
			return nil, io.EOF
		}
		n = len(d.entries)
	}
	var entries []fs.DirEntry
	entries, d.entries = d.entries[:n], d.entries[n:]
	return entries, nil
}
