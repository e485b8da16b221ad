package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// fileStart is the beginning of the part of a diff that is about one file. No other line begins in this way: the rows
// of a hunk begin with a space, + or -.
const fileStart = "diff --git "

// Parse reads the output of `git diff --patch`, with the prefixes a/ and b/ and without copies. It returns an error
// for text that is not part of a diff, before, between and after the files: a part that is not understood must not be
// ignored.
func Parse(diff string) (Files, error) {
	if diff == "" {
		return nil, nil
	}
	if !strings.HasPrefix(diff, fileStart) || !strings.HasSuffix(diff, "\n") {
		return nil, fmt.Errorf("found the diff %.40q, not whole lines from %q on", diff, fileStart)
	}
	var files Files
	line := 1
	for part := range strings.SplitSeq(strings.TrimSuffix(diff[len(fileStart):], "\n"), "\n"+fileStart) {
		file, err := parseFile(fileStart + part + "\n")
		if err != nil {
			return nil, fmt.Errorf("the diff from line %d on: %w", line, err)
		}
		line += strings.Count(part, "\n") + 1
		// Git shows a change of type as a deletion and an addition.
		if last := len(files) - 1; last >= 0 && files[last].Path == file.Path &&
			files[last].Status == Deleted && file.Status == Added {
			file.Status = TypeChanged
			files = files[:last]
		}
		files = append(files, file)
	}
	files.sort()
	return files, nil
}

// parseFile reads the part of a diff that is about one file.
func parseFile(text string) (File, error) {
	header, hunks := text, ""
	if i := strings.Index(text, "\n@@ "); i >= 0 {
		header, hunks = text[:i+1], text[i+1:]
	}
	parsed, _, err := gitdiff.Parse(strings.NewReader(plainHeader(header) + hunks))
	if err != nil {
		return File{}, err
	}
	if len(parsed) != 1 {
		return File{}, fmt.Errorf("found %d files after %.40q", len(parsed), text)
	}
	f := parsed[0]
	file := File{Path: f.NewName, Status: Modified, Binary: f.IsBinary}
	switch {
	case f.IsNew:
		file.Status = Added
	case f.IsDelete:
		file.Path, file.Status = f.OldName, Deleted
	case f.IsRename:
		file.OldPath, file.Status = f.OldName, Renamed
	case f.OldName != f.NewName:
		return File{}, fmt.Errorf("found two names without a rename in %.40q", text)
	}
	lines := 0
	for _, fragment := range f.TextFragments {
		hunk, read, err := newHunk(fragment)
		if err != nil {
			return File{}, err
		}
		file.Hunks = append(file.Hunks, hunk)
		lines += read
	}
	if lines != strings.Count(hunks, "\n") {
		return File{}, errors.New("found text that belongs to no hunk")
	}
	file.Submodule = isGitlink(file.Hunks)
	return file, nil
}

// plainHeader returns the header of a file in a form in which gitdiff v0.9 reads every name, in linear time.
func plainHeader(header string) string {
	// gitdiff does not find the end of a quoted name that ends with a backslash, which git writes as two backslashes. The
	// octal number of a backslash means the same.
	header = strings.ReplaceAll(header, `\\`, `\134`)
	names, rest, _ := strings.Cut(header[len(fileStart):], "\n")
	if strings.Contains(names, `"`) {
		return header
	}
	// Between two names without quotes, gitdiff tries each space as the separator, which takes quadratic time. Quotes end
	// the search. The two names are equal, except in a rename, whose names are in lines of their own.
	half := len(names) / 2
	old, renamed := names[:half], strings.TrimPrefix(names[half:], " ")
	if strings.TrimPrefix(old, "a/") != strings.TrimPrefix(renamed, "b/") {
		return fileStart + "\n" + rest
	}
	return fileStart + `"` + old + `" "` + renamed + "\"\n" + rest
}

// newHunk numbers the rows of a fragment. It also returns how many lines of the diff the fragment has.
func newHunk(f *gitdiff.TextFragment) (hunk Hunk, lines int, err error) {
	const most = 1 << 30 // The sum of two such numbers fits into an int of 32 bits.
	if f.OldPosition > most || f.OldPosition < min(1, f.OldLines) ||
		f.NewPosition > most || f.NewPosition < min(1, f.NewLines) {
		return Hunk{}, 0, fmt.Errorf("found the hunk %s", f.Header())
	}
	hunk = Hunk{
		OldStart: int(f.OldPosition), OldLines: int(f.OldLines),
		NewStart: int(f.NewPosition), NewLines: int(f.NewLines),
	}
	before, after := hunk.OldStart, hunk.NewStart // the numbers of the next lines
	lines = 1 + len(f.Lines)
	for _, line := range f.Lines {
		row := Row{Text: strings.TrimSuffix(line.Line, "\n"), NoNewline: line.NoEOL()}
		if line.Old() {
			row.Old = before
			before++
		}
		if line.New() {
			row.New = after
			after++
		}
		if row.NoNewline {
			lines++
		}
		hunk.Rows = append(hunk.Rows, row)
	}
	return hunk, lines, nil
}
