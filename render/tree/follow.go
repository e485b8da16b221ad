package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// MaxLinks is the number of symbolic links that a path may lead over, as in filepath.EvalSymlinks.
const MaxLinks = 255

// Resolve returns these errors, and the errors of the tree.
var (
	ErrOutside      = errors.New("leads out of the tree")
	ErrTooManyLinks = errors.New("too many symbolic links")
	ErrNotDirectory = errors.New("not a directory")
)

// Resolve returns the path of a file or directory with all symbolic links on the way, and at its end, resolved inside
// of the tree. It also returns the information about the file. For example, if apps/web is a link to ../charts/web,
// Resolve(fsys, "apps/web/values.yaml", MaxLinks) is charts/web/values.yaml. Both the path and the target of a link may
// contain the elements . and .. and empty elements.
//
// The error is a *fs.PathError. It wraps an error of the tree, such as fs.ErrNotExist; or ErrOutside if the path or a
// link leads out of the tree, or a link is absolute; or ErrTooManyLinks if there are more than maxLinks; or
// ErrNotDirectory if a slash follows a file. Resolve calls Lstat once for each element of the path, and ReadLink once
// for each link.
func Resolve(fsys fs.FS, name string, maxLinks int) (string, fs.FileInfo, error) {
	real, info, err := walk(fsys, name, maxLinks)
	if err != nil {
		if failure, ok := err.(*fs.PathError); ok {
			err = failure.Err // the tree names only a part of the path
		}
		return "", nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return real, info, nil
}

// Follow returns the path of a file with all symbolic links on the way resolved inside the tree, as Resolve does. From
// the first element that is missing or cannot be read, the rest of the path stays as it is. Follow returns the path
// unchanged if it leads out of the tree or over too many links.
func Follow(fsys fs.FS, name string) string {
	real, _, _ := walk(fsys, name, MaxLinks)
	if real == "" {
		return name
	}
	return real
}

// walk does the work of Resolve and Follow. If an element of the path is missing, cannot be read or is no directory,
// walk returns the error and the path as far as it is resolved, with the other elements behind. With any other error it
// returns no path.
func walk(fsys fs.FS, name string, maxLinks int) (at string, info fs.FileInfo, err error) {
	at, links := ".", 0
	for rest := strings.Split(name, "/"); len(rest) > 0; {
		part, next := rest[0], path.Join(at, rest[0])
		rest = rest[1:]
		if next == ".." {
			return "", nil, ErrOutside
		}
		unresolved := func(err error) (string, fs.FileInfo, error) {
			return path.Join(append([]string{next}, rest...)...), nil, err
		}
		if stays := part == "" || part == "." || part == ".."; stays && info != nil && !info.IsDir() {
			return unresolved(ErrNotDirectory)
		}
		if info, err = fs.Lstat(fsys, next); err != nil {
			return unresolved(err)
		}
		if info.Mode().Type() != fs.ModeSymlink {
			at = next
			continue
		}
		info = nil // The target begins in the directory of the link, and not behind a file.
		if links++; links > maxLinks {
			return "", nil, ErrTooManyLinks
		}
		target, err := fs.ReadLink(fsys, next)
		if err != nil {
			return "", nil, err
		}
		if filepath.IsAbs(target) || path.IsAbs(target) {
			return "", nil, fmt.Errorf("%w: %s is a symbolic link to %s", ErrOutside, next, target)
		}
		rest = append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	return at, info, nil
}
