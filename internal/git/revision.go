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
)

// Revision is the tree of a commit as a file system, read from git without a checkout. Symbolic links are followed
// inside of the tree, as in that of os.Root; submodules are empty directories; files have the content that git
// stores, without conversion of line ends and with Git LFS's pointers. It may be used concurrently.
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

// Revision opens the tree of a revision. It must be closed, and is of no use after the context.
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

// node is what stands at a path. It is its own fs.FileInfo.
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

// modes are those of git that are no plain file's.
var modes = map[string]fs.FileMode{"100755": 0o555, "120000": fs.ModeSymlink | 0o777, "160000": fs.ModeDir | 0o555}

// add puts a line of `git ls-tree -r -l` at its place: MODE TYPE ID SIZE, a tab and the path.
func (n *node) add(entry string) error {
	about, name, _ := strings.Cut(entry, "\t")
	fields := strings.Fields(about)
	if len(fields) != 4 {
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
		if parent != "." {
			dir = dir.child(&node{name: parent, mode: fs.ModeDir | 0o555})
		}
	}
	dir.child(leaf)
	return nil
}

// child returns the child of that name, and makes it one if there is none.
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

// entries are the children, by name.
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
	errEscapes      = errors.New("path escapes from parent")
	errLoop         = errors.New("too many levels of symbolic links")
	errNotDirectory = errors.New("not a directory")
	errDirectory    = errors.New("is a directory")
)

// maxLinks is how many symbolic links a path may lead over, as in os.Root.
const maxLinks = 8

// find returns what stands at a path, over the symbolic links before its last element and, if they are to be
// followed, also over those at it. It has the name that was asked for.
func (r *Revision) find(op, name string, follow bool) (*node, error) {
	fail := func(err error) (*node, error) { return nil, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := []*node{r.root} // from the root to where the path has led so far
	links := 0
	for rest := strings.Split(name, "/"); len(rest) > 0; {
		part, here := rest[0], at[len(at)-1]
		rest = rest[1:]
		switch {
		case !here.IsDir():
			return fail(errNotDirectory)
		case part == "." || part == "":
			continue
		case part == ".." && len(at) == 1:
			return fail(errEscapes)
		case part == "..":
			at = at[:len(at)-1]
			continue
		}
		next, ok := here.children[part]
		if !ok {
			return fail(fs.ErrNotExist)
		}
		if next.mode.Type() != fs.ModeSymlink || len(rest) == 0 && !follow {
			at = append(at, next)
			continue
		}
		target, err := r.objects.read(next.id)
		if err != nil {
			return fail(err)
		}
		if links++; links > maxLinks {
			return fail(errLoop)
		}
		if path.IsAbs(string(target)) {
			return fail(errEscapes)
		}
		rest = append(strings.Split(string(target), "/"), rest...)
	}
	found := *at[len(at)-1]
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
	data, err := r.objects.read(n.id)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{n, bytes.NewReader(data)}, nil
}

// Stat implements fs.StatFS.
func (r *Revision) Stat(name string) (fs.FileInfo, error) { return r.info("stat", name, true) }

// Lstat implements fs.ReadLinkFS.
func (r *Revision) Lstat(name string) (fs.FileInfo, error) { return r.info("lstat", name, false) }

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

// content is a file's, or a symbolic link's target.
func (r *Revision) content(op, name string, n *node) ([]byte, error) {
	data, err := r.objects.read(n.id)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (r *Revision) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := r.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDirectory}
	}
	return n.entries(), nil
}

// file is a file that is open.
type file struct {
	info *node
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// directory is a directory that is open.
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
