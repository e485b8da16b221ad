// Package tree has file systems over io/fs: a tree with edits (Overlay), a tree that notes what is read (Recorder), a
// tree that shows its files to a probe (Probed), and the questions that all readers of a tree ask alike: where
// symbolic links lead to (Resolve, Follow), what .gitignore names (IgnorePatterns, IsTracked).
//
// Every path is slash-separated and relative to the root of the tree, as io/fs demands.
package tree

import "io/fs"

// fileSystem is what engines ask of a tree.
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
