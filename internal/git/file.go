package git

import (
	"regexp"
	"slices"
	"strings"
)

// Files are the changed files, sorted by path.
type Files []File

// Find returns the file with a path: the path after the change, or, of a deleted file, the path before.
func (f Files) Find(path string) (File, bool) {
	i, found := slices.BinarySearchFunc(f, path, func(file File, path string) int {
		return strings.Compare(file.Path, path)
	})
	if !found {
		return File{}, false
	}
	return f[i], true
}

func (f Files) sort() {
	slices.SortFunc(f, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

// Status says what happened to a file.
type Status string

// What can happen to a file.
const (
	Added       Status = "added"
	Modified    Status = "modified" // its content or its mode
	Deleted     Status = "deleted"
	Renamed     Status = "renamed"      // and perhaps modified
	TypeChanged Status = "type changed" // A file became a symbolic link, for example. The hunks add the new content.
)

// File is a file that was changed, a symbolic link or a submodule.
type File struct {
	// Path is slash-separated and relative to the top of the repository.
	Path string
	// OldPath is the path before the change, of a renamed file.
	OldPath string
	Status  Status
	// Binary is set if git finds the content binary; there are no hunks then.
	Binary bool
	// Submodule is set for a commit of another repository. It cannot be commented on.
	Submodule bool
	Hunks     []Hunk
}

// Hunk is a changed part of a file, with up to three unchanged lines before and after. Lines count from 1.
type Hunk struct {
	OldStart, OldLines int // as in the header @@ -OldStart,OldLines +NewStart,NewLines @@
	NewStart, NewLines int
	Rows               []Row
}

// Row is a row of a diff.
type Row struct {
	// Old and New are the numbers of the line before and after the change. New is 0 for a deleted line, Old for an
	// added line.
	Old, New int
	// Text is the line without its line feed. It keeps a carriage return.
	Text string
	// NoNewline is set for the last line of a file that does not end with a line feed.
	NoNewline bool
}

// Commentable reports whether GitHub accepts a comment on the lines from start to end of the new side (RIGHT), both
// included. They must lie in one hunk.
func (f File) Commentable(start, end int) bool { return f.span(start, end) != nil }

// Suggestable reports whether a suggestion can replace the lines from start to end of the new side, both included. They
// must lie in one hunk. GitHub refuses lines with a deleted row between them, and would write LF instead of CRLF.
func (f File) Suggestable(start, end int) bool {
	rows := f.span(start, end)
	return rows != nil && !slices.ContainsFunc(rows, func(row Row) bool {
		return row.New == 0 || strings.HasSuffix(row.Text, "\r")
	})
}

// Adds reports whether the change added or changed a line of the new side.
func (f File) Adds(line int) bool {
	rows := f.span(line, line)
	return rows != nil && rows[0].Old == 0
}

// span returns the rows from one line of the new side to another, with the deleted rows between them; nil if the lines
// are not in one hunk.
func (f File) span(start, end int) []Row {
	if f.Submodule || start < 1 || start > end {
		return nil
	}
	for _, hunk := range f.Hunks {
		if start < hunk.NewStart || end >= hunk.NewStart+hunk.NewLines {
			continue
		}
		first := slices.IndexFunc(hunk.Rows, func(row Row) bool { return row.New == start })
		last := slices.IndexFunc(hunk.Rows, func(row Row) bool { return row.New == end })
		return hunk.Rows[first : last+1]
	}
	return nil
}

// gitlink matches the row that a diff shows instead of a submodule's content.
var gitlink = regexp.MustCompile(`^Subproject commit [0-9a-f]{40,64}(-dirty)?$`)

// isGitlink reports whether the hunks are the diff of a submodule, which has one hunk with "Subproject commit" lines.
// In the diffs of GitHub's API there is no other sign of a submodule.
func isGitlink(hunks []Hunk) bool {
	return len(hunks) == 1 && !slices.ContainsFunc(hunks[0].Rows, func(row Row) bool {
		return !gitlink.MatchString(row.Text)
	})
}
