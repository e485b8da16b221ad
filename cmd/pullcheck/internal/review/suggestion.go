package review

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/change"
	"github.com/pullcheck/pullcheck/render"
)

const (
	// maxSuggestion is in lines: between a decision and its fix may stand others, which the suggestion repeats.
	maxSuggestion = 12
	// maxText is in bytes: JSON may stand on one line.
	maxText = 10000
)

// suggestion is what lines of the new side become. One that GitHub would not take is shown as a difference.
type suggestion struct {
	path          string
	start, end    int // both included
	before, after []string
	applies       bool
}

// suggest finds the lines that the fix of a finding changes: from the line that decides, so that the comment stands there, all in
// one hunk. Where another suggestion has some of them, the fix is with that one, as GitHub takes one
// suggestion for a line; fixes of a report hold together.
func (l *layout) suggest(f *check.Finding, all []check.Finding) {
	if f.Fix == nil || l.anchor(f).kind != onLine {
		return
	}
	path, start, end := f.Decision.Path, f.Decision.Line, f.Decision.Line
	for _, edit := range f.Fix.Edits {
		edit = atLineEnd(edit)
		if edit.Path != path {
			return
		}
		start, end = min(start, edit.Line), max(end, edit.EndLine)
	}
	file, _ := l.Files.Find(path)
	before, ok := rows(file, start, end)
	if !ok || len(before) > maxSuggestion {
		return
	}
	for _, other := range l.suggestions {
		if other.path == path && other.start <= end && start <= other.end {
			return
		}
	}
	s := suggestion{path: path, start: start, end: end, before: before, applies: file.Suggestable(start, end)}
	s.after = apply(before, start, within(all, path, start, end))
	text := strings.Join(slices.Concat(s.before, s.after), "\n")
	// JSON carries UTF-8 alone, and a lone carriage return would end a line.
	if len(text) <= maxText && utf8.ValidString(text) && !strings.Contains(text, "\r") {
		l.suggestions[f.Fingerprint] = s
	}
}

// covered reports whether a suggestion of the review makes all edits of a finding's fix.
func (l *layout) covered(f *check.Finding) bool {
	return f.Fix != nil && !slices.ContainsFunc(f.Fix.Edits, func(edit render.Edit) bool {
		edit = atLineEnd(edit)
		for _, s := range l.suggestions {
			if s.path == edit.Path && s.applies && s.start <= edit.Line && edit.EndLine <= s.end {
				return false
			}
		}
		return true
	})
}

// within are the edits of those fixes that change nothing but some lines, the last first, each once.
func within(findings []check.Finding, path string, start, end int) []render.Edit {
	var edits []render.Edit
	for _, f := range findings {
		if f.Fix == nil || slices.ContainsFunc(f.Fix.Edits, func(edit render.Edit) bool {
			edit = atLineEnd(edit)
			return edit.Path != path || edit.Line < start || edit.EndLine > end
		}) {
			continue
		}
		for _, edit := range f.Fix.Edits {
			if edit = atLineEnd(edit); !slices.Contains(edits, edit) {
				edits = append(edits, edit)
			}
		}
	}
	slices.SortStableFunc(edits, func(a, b render.Edit) int {
		return cmp.Or(cmp.Compare(b.Line, a.Line), cmp.Compare(b.Column, a.Column))
	})
	return edits
}

// endOfLine is a column behind the end of every line.
const endOfLine = 1 << 30

// atLineEnd is an edit that inserts whole lines before one, as one that inserts them behind the line above: the line
// below may be none of the diff, or none at all.
func atLineEnd(edit render.Edit) render.Edit {
	text, whole := strings.CutSuffix(edit.NewText, "\n")
	if whole && edit.Line > 1 && edit.Column == 1 && edit.EndLine == edit.Line && edit.EndColumn == 1 {
		edit.Line, edit.EndLine, edit.Column, edit.EndColumn = edit.Line-1, edit.EndLine-1, endOfLine, endOfLine
		edit.NewText = "\n" + strings.TrimSuffix(text, "\r")
	}
	return edit
}

// apply makes edits, the last first, in lines of which the first has a number.
func apply(lines []string, first int, edits []render.Edit) []string {
	lines = slices.Clone(lines)
	for _, edit := range edits {
		i, j := edit.Line-first, edit.EndLine-first
		head, tail := lines[i], lines[j]
		head, tail = head[:min(edit.Column-1, len(head))], tail[min(edit.EndColumn-1, len(tail)):]
		lines = slices.Replace(lines, i, j+1, strings.Split(head+strings.ReplaceAll(edit.NewText, "\r\n", "\n")+tail, "\n")...)
	}
	return lines
}

// rows are lines of the new side that stand in one hunk, without the ends of the lines.
func rows(file change.File, start, end int) ([]string, bool) {
	if !file.Commentable(start, end) {
		return nil, false
	}
	var lines []string
	for _, hunk := range file.Hunks {
		for _, row := range hunk.Rows {
			if row.New >= start && row.New <= end {
				lines = append(lines, strings.TrimSuffix(row.Text, "\r"))
			}
		}
	}
	return lines, true
}
