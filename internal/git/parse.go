package git

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads what `git diff --patch` prints, without copies, with the prefixes a/ and b/.
func Parse(diff string) (Files, error) {
	p := parser{rest: diff}
	var files Files
	for {
		line, ok := p.next()
		if !ok {
			break
		}
		names, ok := strings.CutPrefix(line, "diff --git ")
		if !ok {
			return nil, p.errorf("found %.40q, not diff --git", line)
		}
		file, err := p.file(names)
		if err != nil {
			return nil, err
		}
		// A change of type is shown as the deletion of the one thing and the addition of the other.
		if last := len(files) - 1; last >= 0 && files[last].Path == file.Path && files[last].Status == Deleted && file.Status == Added {
			file.Status = TypeChanged
			files = files[:last]
		}
		files = append(files, file)
	}
	files.sort()
	return files, nil
}

type parser struct {
	rest string
	line int // the number of the line that was read last
}

func (p *parser) next() (string, bool) {
	if p.rest == "" {
		return "", false
	}
	line, rest, _ := strings.Cut(p.rest, "\n")
	p.rest, p.line = rest, p.line+1
	return line, true
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d of the diff: "+format, append([]any{p.line}, args...)...)
}

// file reads a file's part of a diff behind `diff --git`.
func (p *parser) file(names string) (File, error) {
	file := File{Path: sameName(names), Status: Modified}
	for !strings.HasPrefix(p.rest, "@@ ") && !strings.HasPrefix(p.rest, "diff --git ") {
		line, ok := p.next()
		if !ok {
			break
		}
		if err := file.header(line); err != nil {
			return File{}, p.errorf("%w", err)
		}
	}
	if file.Path == "" {
		return File{}, p.errorf("found two names without a rename in %q", names)
	}
	var err error
	file.Hunks, err = p.hunks()
	file.Submodule = isGitlink(file.Hunks)
	return file, err
}

// header takes in a line between `diff --git` and the hunks; git's documentation of diff-generate-patch lists them.
func (f *File) header(line string) (err error) {
	for _, known := range []struct {
		prefix string
		set    func(rest string)
	}{
		{"new file mode ", func(string) { f.Status = Added }},
		{"deleted file mode ", func(string) { f.Status = Deleted }},
		{"rename from ", func(name string) { f.OldPath, err = unquote(name) }},
		{"rename to ", func(name string) { f.Status = Renamed; f.Path, err = unquote(name) }},
		{"Binary files ", func(string) { f.Binary = true }},
		{"old mode ", nil}, {"new mode ", nil}, {"similarity index ", nil}, {"dissimilarity index ", nil}, {"index ", nil},
		{"--- ", nil}, {"+++ ", nil}, // the names again
	} {
		if rest, ok := strings.CutPrefix(line, known.prefix); ok {
			if known.set != nil {
				known.set(rest)
			}
			return err
		}
	}
	return fmt.Errorf("found %.40q, no header of a file that git writes", line)
}

// sameName is the name in `a/NAME b/NAME`; empty if there are two names, which follow in headers of their own. As
// nothing separates names with spaces, they can only be told by being the same.
func sameName(names string) string {
	half := len(names) / 2
	if len(names)%2 == 0 || names[half] != ' ' {
		return ""
	}
	old, err := unquote(names[:half])
	renewed, err2 := unquote(names[half+1:])
	name, ok := strings.CutPrefix(old, "a/")
	if err != nil || err2 != nil || !ok || renewed != "b/"+name {
		return ""
	}
	return name
}

// unquote reads a name as quote_c_style of git's quote.c writes it, whose escapes Go has too.
func unquote(name string) (string, error) {
	if !strings.HasPrefix(name, `"`) {
		return name, nil
	}
	name, err := strconv.Unquote(name)
	if err != nil {
		return "", errors.New("found a name with wrong quotes")
	}
	return name, nil
}

// hunks reads hunks up to something else. With an error it returns those before it.
func (p *parser) hunks() ([]Hunk, error) {
	var hunks []Hunk
	for strings.HasPrefix(p.rest, "@@ ") {
		line, _ := p.next()
		hunk, err := parseHunkHeader(line)
		if err != nil {
			return hunks, p.errorf("%w", err)
		}
		if err := p.rows(&hunk); err != nil {
			return hunks, p.errorf("%w", err)
		}
		hunks = append(hunks, hunk)
	}
	return hunks, nil
}

// rows reads the rows of a hunk, as many as its header says: what they contain can look like anything.
func (p *parser) rows(hunk *Hunk) error {
	before, after := hunk.OldStart, hunk.NewStart // the numbers of the next lines
	for before < hunk.OldStart+hunk.OldLines || after < hunk.NewStart+hunk.NewLines || strings.HasPrefix(p.rest, `\`) {
		line, ok := p.next()
		if !ok {
			return errors.New("the diff ends inside of a hunk")
		}
		if line == "" { // as with diff.suppressBlankEmpty
			line = " "
		}
		row := Row{Text: line[1:]}
		switch line[0] {
		case ' ':
			row.Old, row.New = before, after
			before, after = before+1, after+1
		case '-':
			row.Old = before
			before++
		case '+':
			row.New = after
			after++
		case '\\':
			if len(hunk.Rows) == 0 {
				return errors.New("found no line that could lack a newline")
			}
			hunk.Rows[len(hunk.Rows)-1].NoNewline = true
			continue
		default:
			return fmt.Errorf("found %.40q, no row of a hunk", line)
		}
		hunk.Rows = append(hunk.Rows, row)
	}
	if before != hunk.OldStart+hunk.OldLines || after != hunk.NewStart+hunk.NewLines {
		return errors.New("found other rows than the hunk's header says")
	}
	return nil
}

// parseHunkHeader reads `@@ -OLD,LINES +NEW,LINES @@ …`, where 1 line is left out.
func parseHunkHeader(line string) (hunk Hunk, err error) {
	fields := strings.SplitN(line, " ", 5)
	if len(fields) < 4 || fields[3] != "@@" {
		return Hunk{}, fmt.Errorf("found %.40q, no header of a hunk", line)
	}
	if hunk.OldStart, hunk.OldLines, err = parseRange(fields[1], "-"); err == nil {
		hunk.NewStart, hunk.NewLines, err = parseRange(fields[2], "+")
	}
	return hunk, err
}

func parseRange(text, sign string) (start, lines int, err error) {
	numbers, ok := strings.CutPrefix(text, sign)
	first, second, both := strings.Cut(numbers, ",")
	from, err := strconv.ParseUint(first, 10, 31)
	count := uint64(1)
	if both && err == nil {
		count, err = strconv.ParseUint(second, 10, 31)
	}
	if !ok || err != nil || from == 0 && count > 0 {
		return 0, 0, fmt.Errorf("found the range %.40q in the header of a hunk", text)
	}
	return int(from), int(count), nil
}
