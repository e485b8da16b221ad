package yamldoc

import "fmt"

// Location is a range of characters in a file. Lines and columns count from 1, columns in bytes; the end is exclusive.
// Lines and columns are 0 where only the file is known. For example, Always in the second line "  policy: Always" is
// Line 2, Column 11, EndLine 2, EndColumn 17.
type Location struct {
	Path      string `json:"path"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	// Key is a name of the location without a line number, such as image.pullPolicy. It stays the same when lines move.
	Key string `json:"key,omitempty"`
	// Snippet is the text of the line, and Above the text of the line before. Both are empty where the text is not
	// known.
	Snippet string `json:"-"`
	Above   string `json:"-"`
	// SnippetInside and AboveInside say in which scalar these lines begin.
	SnippetInside Inside `json:"-"`
	AboveInside   Inside `json:"-"`
	// Tracked is true if the file is kept in the repository, so that an edit of it can be committed: see
	// tree.IsTracked.
	Tracked bool `json:"-"`
}

// String returns the location as compilers print it: path, path:line or path:line:column.
func (l Location) String() string {
	switch {
	case l.Line == 0:
		return l.Path
	case l.Column == 0:
		return fmt.Sprintf("%s:%d", l.Path, l.Line)
	}
	return fmt.Sprintf("%s:%d:%d", l.Path, l.Line, l.Column)
}
