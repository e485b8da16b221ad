// Package tree has the file trees that engines read, as file systems of io/fs: the tree on disk (Work), a tree with
// edits (Overlay), a tree that notes which files are read (Recorder), a tree whose files a probe replaces (Probed), a
// tree that lists its symbolic links once (Linked), a tree without git's own files (WithoutGit), and a tree that remembers
// faults of the disk (Watched). It answers the questions that all readers of a tree have: where a symbolic link leads
// (Resolve, Follow), and which files .gitignore names (IgnorePatterns, IsTracked).
//
// Every path is slash-separated and relative to the root of the tree, as io/fs demands. Resolve and Follow never lead
// out of the tree: for them a symbolic link with an absolute target, or with a target above the root, leads nowhere.
package tree

import "io/fs"

// fileSystem has the methods of a tree that engines call. Every tree of this package has all of them: without ReadLink
// and Lstat, the functions of io/fs would see the target of a symbolic link instead of the link.
type fileSystem interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
}

// IsFile reports whether a path leads to a regular file. Symbolic links are followed.
func IsFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.Mode().IsRegular()
}

// IsDirectory reports whether a path leads to a directory. Symbolic links are followed.
func IsDirectory(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}
