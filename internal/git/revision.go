package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/render/tree"
)

// Revision is the tree of a commit as a file system, read from git without a checkout. It behaves as a checkout that
// is read with os.Root, with these exceptions. Submodules are empty directories. Files have the content that git
// stores: line ends are not converted, and a file in Git LFS has the content of its pointer. Times of files are zero.
// Symbolic links are followed, but not to the outside of the tree.
//
// The names of all files are read when a revision is opened, and the content of a file at each read. It may be used
// concurrently.
type Revision struct {
	root    *node
	objects *objects
}

var _ interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
} = (*Revision)(nil)

// Revision opens the tree of a revision. The caller must close it. It cannot be read after the end of the context.
func (r *Repository) Revision(ctx context.Context, revision string) (*Revision, error) {
	commit, err := r.Resolve(ctx, revision)
	if err != nil {
		return nil, err
	}
	entries, err := r.list(ctx, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	root := &node{name: ".", mode: fs.ModeDir | 0o555}
	for _, entry := range entries {
		if err := root.add(entry); err != nil {
			return nil, err
		}
	}
	objects, err := r.openObjects(ctx)
	if err != nil {
		return nil, err
	}
	return &Revision{root, objects}, nil
}

// Close ends the git that reads files.
func (r *Revision) Close() error { return r.objects.close() }

// node is a file, a directory or a symbolic link. It is its own fs.FileInfo.
type node struct {
	name     string
	mode     fs.FileMode
	id       string // of the object with the content
	size     int64
	children map[string]*node
}

func (n *node) Name() string       { return n.name }
func (n *node) Size() int64        { return n.size }
func (n *node) Mode() fs.FileMode  { return n.mode }
func (n *node) ModTime() time.Time { return time.Time{} }
func (n *node) IsDir() bool        { return n.mode.IsDir() }
func (n *node) Sys() any           { return nil }

// modes are git's modes of entries that are not plain files: executables, symbolic links and submodules.
var modes = map[string]fs.FileMode{"100755": 0o555, "120000": fs.ModeSymlink | 0o777, "160000": fs.ModeDir | 0o555}

// add adds an entry that `git ls-tree -r -l` prints: MODE TYPE ID SIZE, a tab and the path.
func (n *node) add(entry string) error {
	about, name, _ := strings.Cut(entry, "\t")
	fields := strings.Fields(about)
	isOdd := func(part string) bool { return part == "" || part == "." || part == ".." }
	if len(fields) != 4 || slices.ContainsFunc(strings.Split(name, "/"), isOdd) {
		return fmt.Errorf("git ls-tree printed %q", entry)
	}
	leaf := &node{name: path.Base(name), mode: 0o444, id: fields[2]}
	if mode, ok := modes[fields[0]]; ok {
		leaf.mode = mode
	}
	if !leaf.IsDir() {
		var err error
		if leaf.size, err = strconv.ParseInt(fields[3], 10, 64); err != nil {
			return fmt.Errorf("git ls-tree printed %q: %w", entry, err)
		}
	}
	dir := n
	for parent := range strings.SplitSeq(path.Dir(name), "/") {
		if parent != "." { // the parent of a name without a slash
			dir = dir.child(&node{name: parent, mode: fs.ModeDir | 0o555})
		}
	}
	dir.child(leaf)
	return nil
}

// child returns the child with the name of c. It adds c if there is no such child.
func (n *node) child(c *node) *node {
	if have, ok := n.children[c.name]; ok {
		return have
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	n.children[c.name] = c
	return c
}

// entries returns the children, sorted by name.
func (n *node) entries() []fs.DirEntry {
	entries := make([]fs.DirEntry, 0, len(n.children))
	for _, child := range n.children {
		entries = append(entries, fs.FileInfoToDirEntry(child))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// The errors of os.Root, in its words.
var (
	errLoop      = errors.New("too many levels of symbolic links")
	errDirectory = errors.New("is a directory")
)

// maxLinks is how many symbolic links a path may lead over, as in os.Root.
const maxLinks = 8

// links is the tree of a revision in which symbolic links are not followed. tree.Resolve reads it and follows the
// links.
type links struct{ *Revision }

var _ fs.ReadLinkFS = links{}

// at returns the node at a path without symbolic links.
func (l links) at(name string) (*node, error) {
	here := l.root
	for part := range strings.SplitSeq(name, "/") {
		switch child := here.children[part]; {
		case part == ".":
		case !here.IsDir():
			return nil, tree.ErrNotDirectory
		case child == nil:
			return nil, fs.ErrNotExist
		default:
			here = child
		}
	}
	return here, nil
}

// Lstat implements fs.ReadLinkFS.
func (l links) Lstat(name string) (fs.FileInfo, error) {
	n, err := l.at(name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadLink implements fs.ReadLinkFS, for a path where Lstat found a symbolic link.
func (l links) ReadLink(name string) (string, error) {
	n, err := l.at(name)
	if err != nil {
		return "", err
	}
	target, err := l.read(n)
	return string(target), err
}

// find returns the node at a path. Its name is the last element of the path, also if that is a symbolic link, as in
// package os. Symbolic links before the last element are followed, and the last element is followed if follow is set.
// The error is an *fs.PathError with op and name.
func (r *Revision) find(op, name string, follow bool) (*node, error) {
	fail := func(err error) (*node, error) {
		if failure, ok := err.(*fs.PathError); ok {
			err = failure.Err // tree.Resolve knows neither op nor name.
		}
		switch {
		case errors.Is(err, tree.ErrOutside):
			err = tree.ErrEscapes
		case errors.Is(err, tree.ErrTooManyLinks):
			err = errLoop
		}
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	way, last := name, ""
	if !follow {
		way, last = path.Dir(name), path.Base(name)
	}
	real, _, err := tree.Resolve(links{r}, way, maxLinks)
	if err != nil {
		return fail(err)
	}
	n, err := links{r}.at(path.Join(real, last))
	if err != nil {
		return fail(err)
	}
	found := *n
	found.name = path.Base(name)
	return &found, nil
}

// Open implements fs.FS.
func (r *Revision) Open(name string) (fs.File, error) {
	n, err := r.find("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return &directory{n, n.entries()}, nil
	}
	data, err := r.content("open", name, n)
	if err != nil {
		return nil, err
	}
	return &file{n, bytes.NewReader(data)}, nil
}

// Stat implements fs.StatFS.
func (r *Revision) Stat(name string) (fs.FileInfo, error) { return r.info("stat", name, true) }

// Lstat implements fs.ReadLinkFS.
func (r *Revision) Lstat(name string) (fs.FileInfo, error) { return r.info("lstat", name, false) }

// info is Stat or Lstat.
func (r *Revision) info(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := r.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// ReadFile implements fs.ReadFileFS.
func (r *Revision) ReadFile(name string) ([]byte, error) {
	n, err := r.find("readfile", name, true)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: errDirectory}
	}
	return r.content("readfile", name, n)
}

// ReadLink implements fs.ReadLinkFS.
func (r *Revision) ReadLink(name string) (string, error) {
	n, err := r.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := r.content("readlink", name, n)
	return string(target), err
}

// content returns the content of a file, or the target of a symbolic link.
func (r *Revision) content(op, name string, n *node) ([]byte, error) {
	data, err := r.read(n)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return data, nil
}

// read is content, for a caller that adds the path to the error.
func (r *Revision) read(n *node) ([]byte, error) {
	if n.size > tree.MaxFile {
		return nil, tree.ErrTooLarge
	}
	return r.objects.read(n.id)
}

// ReadDir implements fs.ReadDirFS.
func (r *Revision) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := r.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: tree.ErrNotDirectory}
	}
	return n.entries(), nil
}

// file is an open file.
type file struct {
	info *node
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// directory is an open directory.
type directory struct {
	info *node
	rest []fs.DirEntry
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *directory) Close() error               { return nil }

func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errDirectory}
}

// ReadDir implements fs.ReadDirFile.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	entries := d.rest[:n]
	d.rest = d.rest[n:]
	return entries, nil
}
