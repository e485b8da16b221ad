package githubtest

import (
	"fmt"
	"strings"
)

// file is one file of a diff.
type file struct {
	path, previous       string
	status, blob         string
	patch                string // from the first @@ on; empty where there is none
	rows                 []row
	additions, deletions int
}

// row is one line of a patch.
type row struct {
	kind     byte // ' ', '+' or '-'
	old, new int  // for '+', old is the line before which it stands; for '-', new likewise
	position int  // as GitHub counts: the line below the first @@ is 1
	hunk     int  // the position of the hunk's header
}

// diff returns what changed between two commits, as git says it.
func (s *Server) diff(from, to string) []*file {
	key := from + ".." + to
	if files, ok := s.diffs[key]; ok {
		return files
	}
	output := s.git("", "diff", "--raw", "-z", "--patch", "--find-renames", "--full-index", "--abbrev=40", "--no-color", "--no-ext-diff", "--no-textconv", from, to)
	raw, patches, _ := strings.Cut(output, "\x00\x00")
	files := parseRaw(strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00"))
	sections := strings.Split("\n"+patches, "\ndiff --git ")[1:]
	for _, f := range files {
		if f.status == "changed" { // another type of file: two sections, and GitHub shows no patch
			sections = sections[2:]
			continue
		}
		if _, body, found := strings.Cut(sections[0], "\n@@ "); found {
			f.parse("@@ " + strings.TrimSuffix(body, "\n"))
		}
		sections = sections[1:]
	}
	s.diffs[key] = files
	return files
}

// parseRaw reads the entries of git diff --raw -z: a description, then one path, or two for a rename.
func parseRaw(fields []string) []*file {
	var files []*file
	for len(fields) > 1 {
		description := strings.Fields(fields[0]) // :mode mode blob blob status
		f := &file{path: fields[1], blob: description[3]}
		fields = fields[2:]
		switch description[4][0] {
		case 'A':
			f.status = "added"
		case 'D':
			f.status, f.blob = "removed", description[2]
		case 'R':
			f.status, f.previous, f.path = "renamed", f.path, fields[0]
			fields = fields[1:]
		case 'T':
			f.status = "changed"
		default:
			f.status = "modified"
		}
		files = append(files, f)
	}
	return files
}

func (f *file) parse(patch string) {
	f.patch = patch
	var old, new, hunk int
	for position, line := range strings.Split(patch, "\n") {
		r := row{kind: line[0], old: old, new: new, position: position, hunk: hunk}
		switch r.kind {
		case '@':
			old, new = hunkStart(line)
			hunk = position
			continue
		case '\\': // no newline at the end of the file
			continue
		case '+':
			new++
			f.additions++
		case '-':
			old++
			f.deletions++
		default:
			old++
			new++
		}
		f.rows = append(f.rows, r)
	}
}

// hunkStart reads "@@ -old[,count] +new[,count] @@".
func hunkStart(header string) (old, new int) {
	var fields [2]string
	copy(fields[:], strings.Fields(header)[1:3])
	_, _ = fmt.Sscanf(fields[0], "-%d", &old) // git wrote it
	_, _ = fmt.Sscanf(fields[1], "+%d", &new)
	return old, new
}

// find returns the row of a line: on the RIGHT an added line or context, on the LEFT a deleted one.
func (f *file) find(side string, line int) (row, bool) {
	for _, r := range f.rows {
		if side == "LEFT" && r.kind == '-' && r.old == line || side != "LEFT" && r.kind != '-' && r.new == line {
			return r, true
		}
	}
	return row{}, false
}

// excerpt is the patch from the header of the row's hunk down to the row, GitHub's diff_hunk.
func (f *file) excerpt(r row) string {
	return strings.Join(strings.Split(f.patch, "\n")[r.hunk:r.position+1], "\n")
}

func fileAt(files []*file, path string) *file {
	for _, f := range files {
		if f.path == path {
			return f
		}
	}
	return nil
}

// follow returns where a line of a file has moved between the two sides of a diff; false where it is gone.
func follow(files []*file, path string, line int) (int, bool) {
	f := fileAt(files, path)
	if f == nil {
		for _, f := range files {
			if f.previous == path {
				return 0, false
			}
		}
		return line, true
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
