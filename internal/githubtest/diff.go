package githubtest

import (
	"fmt"
	"strings"
)

// file is one file of a diff between two commits.
type file struct {
	path     string
	previous string // the old path of a renamed file
	rows     []row  // empty for a binary file, and for a file whose type changed (to a symbolic link)
}

// row is one line of a patch: context (' '), an added line ('+') or a deleted line ('-').
type row struct {
	kind byte
	// old and new are the line numbers on the two sides. An added line has no old number; its old is the number of
	// the next old line. A deleted line has in new the number of the next new line.
	old, new int
	hunk     int    // the number of the hunk in the file, from 1
	text     string // without the line end
}

// diff returns the changed files between two commits, as git computes them.
func (r *repository) diff(from, to string) []*file {
	key := from + ".." + to
	if files, ok := r.diffs[key]; ok {
		return files
	}
	output := r.git("", "diff", "--raw", "-z", "--patch", "--find-renames", "--no-color", "--no-ext-diff", "--no-textconv",
		from, to)
	raw, patches, _ := strings.Cut(output, "\x00\x00")
	var files []*file
	sections := strings.Split("\n"+patches, "\ndiff --git ")[1:]
	// An entry of the raw format is a description (":mode mode blob blob status"), and a path, or two paths for a rename.
	for fields := strings.Split(raw, "\x00"); len(fields) > 1; {
		status := fields[0][strings.LastIndexByte(fields[0], ' ')+1]
		f := &file{path: fields[1]}
		fields = fields[2:]
		if status == 'R' {
			f.previous, f.path, fields = f.path, fields[0], fields[1:]
		}
		files = append(files, f)
		if status == 'T' { // git writes two sections, for a deletion and an addition; GitHub shows no patch
			sections = sections[2:]
			continue
		}
		if _, patch, found := strings.Cut(sections[0], "\n@@ "); found {
			f.rows = rowsOf("@@ " + strings.TrimSuffix(patch, "\n"))
		}
		sections = sections[1:]
	}
	r.diffs[key] = files
	return files
}

// rowsOf parses the hunks of a patch.
func rowsOf(patch string) []row {
	var rows []row
	var old, new, hunk int
	for line := range strings.SplitSeq(patch, "\n") {
		r := row{kind: line[0], old: old, new: new, hunk: hunk, text: line[1:]}
		switch r.kind {
		case '@':
			old, new = hunkStart(line)
			hunk++
			continue
		case '\\': // "\ No newline at end of file"
			continue
		case '+':
			new++
		case '-':
			old++
		default:
			old++
			new++
		}
		rows = append(rows, r)
	}
	return rows
}

// hunkStart returns the first line numbers in a hunk's header, such as 7 and 8 of "@@ -7,2 +8 @@".
func hunkStart(header string) (old, new int) {
	fields := strings.Fields(header)
	_, _ = fmt.Sscanf(fields[1], "-%d", &old) // git writes numbers
	_, _ = fmt.Sscanf(fields[2], "+%d", &new)
	return old, new
}

// find returns the row of a line of the new file. The row is an added line or context.
func (f *file) find(line int) (row, bool) {
	for _, r := range f.rows {
		if r.kind != '-' && r.new == line {
			return r, true
		}
	}
	return row{}, false
}

// fileAt returns the file that has a path after the change; nil if the change does not touch it.
func fileAt(files []*file, path string) *file {
	for _, f := range files {
		if f.path == path {
			return f
		}
	}
	return nil
}

// lineAfter returns the number of a line after a change. If the change adds two lines above line 10, line 10 is
// line 12. ok is false if the change deletes the line, or deletes or renames the file.
func lineAfter(files []*file, path string, line int) (int, bool) {
	f := fileAt(files, path)
	if f == nil {
		for _, f := range files {
			if f.previous == path {
				return 0, false
			}
		}
		return line, true // the change does not touch the file
	}
	if f.previous != "" || len(f.rows) == 0 {
		return 0, false
	}
	moved := line
	for _, r := range f.rows {
		switch {
		case r.kind == ' ' && r.old == line:
			return r.new, true
		case r.kind == '-' && r.old == line:
			return 0, false
		case r.kind == '-' && r.old < line:
			moved--
		case r.kind == '+' && r.old <= line:
			moved++
		}
	}
	return moved, true
}
