package git

import (
	"regexp"
	"slices"
	"strings"
)

// Files are the changed files, by path.
type Files []File

// Find returns the file that has a path after the change, or had it and was deleted.
func (f Files) Find(path string) (File, bool) {
	i, found := slices.BinarySearchFunc(f, path, func(file File, path string) int { return strings.Compare(file.Path, path) })
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
	TypeChanged Status = "type changed" // between a file, a symbolic link and a submodule; the hunks add the new content
)

// File is a file that was changed, a symbolic link or a submodule.
type File struct {
	// Path is slash-separated and relative to the top of the repository.
	Path string
	// OldPath is the path before, of a renamed file.
	OldPath string
	Status  Status
	// Binary files have no hunks, as git takes them for such.
	Binary bool
	// Submodule is set where a commit of another repository stands, which no comment can be on.
	Submodule bool
	Hunks     []Hunk
}

// Hunk is a part of a diff, with three unchanged lines before and after. Lines count from 1.
type Hunk struct {
	OldStart, OldLines int // as in its header
	NewStart, NewLines int
	Rows               []Row
}

// Row is a row of a diff.
type Row struct {
	// Old and New are the numbers of the line before and after. A deleted line has no new one, an added line
	// no old one: it is 0.
	Old, New int
	// Text is the line without its line feed, with its carriage return.
	Text string
	// NoNewline is set if no line feed ends the file behind this line.
	NoNewline bool
}

// Commentable reports whether GitHub takes a comment on some lines of the new side (RIGHT), both ends included:
// they must lie in one hunk.
func (f File) Commentable(start, end int) bool { return f.span(start, end) != nil }

// Suggestable reports whether a suggestion can replace some lines of the new side, both ends included: they lie
// in one hunk, GitHub refuses a span with a deleted row inside, and it puts line feeds in the place of CRLF.
func (f File) Suggestable(start, end int) bool {
	rows := f.span(start, end)
	return rows != nil && !slices.ContainsFunc(rows, func(row Row) bool { return row.New == 0 || strings.HasSuffix(row.Text, "\r") })
}

// Adds reports whether the change added a line of the new side, or changed it.
func (f File) Adds(line int) bool {
	rows := f.span(line, line)
	return rows != nil && rows[0].Old == 0
}

// span are the rows from one line of the new side to another, with those between; nil if they are not in one hunk.
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

// gitlink is what a diff shows in the place of a submodule's content.
var gitlink = regexp.MustCompile(`^Subproject commit [0-9a-f]{40,64}(-dirty)?$`)

// isGitlink reports whether the hunks show a submodule, which GitHub does not tell otherwise.
func isGitlink(hunks []Hunk) bool {
	return len(hunks) == 1 && !slices.ContainsFunc(hunks[0].Rows, func(row Row) bool { return !gitlink.MatchString(row.Text) })
}
