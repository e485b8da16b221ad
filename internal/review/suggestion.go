package review

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
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
	edits         []yamldoc.Edit
	fixes         []string // the fingerprints of what it fixes
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
	s.take(f)
	for i := range all {
		s.take(&all[i])
	}
	s.after = apply(before, start, s.edits)
	text := strings.Join(slices.Concat(s.before, s.after), "\n")
	// JSON carries UTF-8 alone, and a lone carriage return would end a line.
	if len(text) <= maxText && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }) {
		l.suggestions[f.Fingerprint] = s
	}
}

// covered reports whether a suggestion of the review makes the fix of a finding.
func (l *layout) covered(f *check.Finding) bool {
	for _, s := range l.suggestions {
		if s.applies && slices.Contains(s.fixes, f.Fingerprint) {
			return true
		}
	}
	return false
}

// take adds the fix of a finding to the suggestion, if it changes nothing but these lines and goes with the others.
func (s *suggestion) take(f *check.Finding) {
	if f.Fix == nil || slices.Contains(s.fixes, f.Fingerprint) {
		return
	}
	edits := slices.Clone(s.edits)
	for _, edit := range f.Fix.Edits {
		edit = atLineEnd(edit)
		if edit.Path != s.path || edit.Line < s.start || edit.EndLine > s.end || slices.ContainsFunc(edits, func(other yamldoc.Edit) bool { return clash(edit, other) }) {
			return
		}
		if !slices.ContainsFunc(edits, func(other yamldoc.Edit) bool { return compareEdits(edit, other) == 0 }) {
			edits = append(edits, edit)
		}
	}
	s.edits, s.fixes = edits, append(s.fixes, f.Fingerprint)
}

// compareEdits orders edits of a file as they stand there, and those at one place as render.Apply is given them.
func compareEdits(a, b yamldoc.Edit) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.EndLine, b.EndLine),
		cmp.Compare(a.EndColumn, b.EndColumn), strings.Compare(a.NewText, b.NewText))
}

// clash reports whether two insertions at one place are not simply one behind the other: parts of a line, or lines with
// the same key, which check/fix writes once for both.
func clash(a, b yamldoc.Edit) bool {
	if a.Line != b.Line || a.Column != b.Column || a.EndLine != b.EndLine || a.EndColumn != b.EndColumn || a.NewText == b.NewText {
		return false
	}
	first, firstIsLine := keyOfLines(a.NewText)
	second, secondIsLine := keyOfLines(b.NewText)
	return !firstIsLine || !secondIsLine || first != "" && first == second
}

// keyOfLines returns the key that inserted lines begin with; "" for an item of a list. It reports false for a part of a
// line. An edit of a fix inserts one key.
func keyOfLines(text string) (key string, ok bool) {
	key, _, _ = strings.Cut(strings.TrimSpace(text), ":")
	if strings.HasPrefix(key, "-") {
		key = ""
	}
	return key, strings.Contains(text, "\n")
}

// endOfLine is a column behind the end of every line.
const endOfLine = 1 << 30

// atLineEnd is an edit that inserts whole lines before one, as one that inserts them behind the line above: the line
// below may be none of the diff, or none at all.
func atLineEnd(edit yamldoc.Edit) yamldoc.Edit {
	text, whole := strings.CutSuffix(edit.NewText, "\n")
	if whole && edit.Line > 1 && edit.Column == 1 && edit.EndLine == edit.Line && edit.EndColumn == 1 {
		edit.Line, edit.EndLine, edit.Column, edit.EndColumn = edit.Line-1, edit.EndLine-1, endOfLine, endOfLine
		edit.NewText = "\n" + strings.TrimSuffix(text, "\r")
	}
	return edit
}

// apply makes edits in lines of which the first has a number.
func apply(lines []string, first int, edits []yamldoc.Edit) []string {
	lines = slices.Clone(lines)
	for _, edit := range slices.Backward(slices.SortedFunc(slices.Values(edits), compareEdits)) {
		i, j := edit.Line-first, edit.EndLine-first
		head, tail := lines[i], lines[j]
		head, tail = head[:min(edit.Column-1, len(head))], tail[min(edit.EndColumn-1, len(tail)):]
		lines = slices.Replace(lines, i, j+1, strings.Split(head+strings.ReplaceAll(edit.NewText, "\r\n", "\n")+tail, "\n")...)
	}
	return lines
}

// rows are lines of the new side that stand in one hunk, without the ends of the lines.
func rows(file git.File, start, end int) ([]string, bool) {
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
