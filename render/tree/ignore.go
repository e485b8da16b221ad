package tree

import (
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// IgnoredAbove returns the patterns of the .gitignore files above a directory. It returns nil if they ignore the
// directory itself: a user who names an ignored directory wants its content to be checked.
func IgnoredAbove(fsys fs.FS, dir string) []gitignore.Pattern {
	if dir == "." {
		return nil
	}
	var patterns []gitignore.Pattern
	parts := strings.Split(dir, "/")
	for i := range parts {
		patterns = append(patterns, IgnorePatterns(fsys, path.Join(".", path.Join(parts[:i]...)))...)
	}
	if gitignore.NewMatcher(patterns).Match(parts, true) {
		return nil
	}
	return patterns
}

// IsTracked reports whether a file is kept in the git repository of the tree, so that an edit of the file can be
// committed. It is false for a file of a packaged chart, a file that .gitignore names (such as a chart that kustomize
// has pulled) and a file of a submodule. It reads .gitignore files and not git's index.
func IsTracked(fsys fs.FS, name string) bool {
	if !fs.ValidPath(name) || !IsFile(fsys, name) {
		return false
	}
	var patterns []gitignore.Pattern
	parts := strings.Split(name, "/")
	for i := range parts {
		dir := path.Join(".", path.Join(parts[:i]...))
		if _, err := fs.Lstat(fsys, path.Join(dir, gitName)); i > 0 && err == nil {
			return false
		}
		patterns = append(patterns, IgnorePatterns(fsys, dir)...)
		if gitignore.NewMatcher(patterns).Match(parts[:i+1], i < len(parts)-1) {
			return false
		}
	}
	return true
}

// IgnorePatterns returns the patterns of the .gitignore file of a directory; nil if there is no such file. The patterns
// match paths of the tree, split at slashes.
func IgnorePatterns(fsys fs.FS, dir string) []gitignore.Pattern {
	data, err := fs.ReadFile(fsys, path.Join(dir, ".gitignore"))
	if err != nil {
		return nil
	}
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	var patterns []gitignore.Pattern
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return patterns
}
