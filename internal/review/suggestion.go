package review

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

const (
	// maxSuggestion is the largest number of lines that a suggestion replaces. It repeats the unchanged lines between a
	// decision and its edit.
	maxSuggestion = 12
	// maxText is the largest size of a suggestion in bytes. JSON can be a single line of any length.
	maxText = 10000
)

// suggestion replaces lines of the new side of a diff, as GitHub's "Commit suggestion" does.
type suggestion struct {
	path          string
	start, end    int // the first and the last line that it replaces
	before, after []string
	// applies is true if GitHub accepts the suggestion. Otherwise the comment shows it as a diff.
	applies bool
	edits   []yamldoc.Edit
	fixes   []string // the fingerprints of the findings that it fixes
}

// suggest adds the suggestion for the fix of a finding to the layout. The suggestion begins at the latest at the line
// of the decision, where its comment is, and all its lines are in one hunk. It also makes the fixes of other findings
// on its lines, because GitHub applies only one suggestion to a line. The fixes of a report are proven together, so
// they can be combined.
//
// There is no suggestion if the fix edits another file or a line outside the hunk, if another suggestion has one of the
// lines, or if the text is too long or cannot be written in a comment.
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
	before, ok := newSideLines(file, start, end)
	if !ok || len(before) > maxSuggestion {
		return
	}
	for _, other := range l.suggestions {
		if other.path == path && other.start <= end && start <= other.end {
			return
		}
	}
	s := suggestion{path: path, start: start, end: end, before: before, applies: file.Suggestable(start, end)}
	s.addFix(f)
	for i := range all {
		s.addFix(&all[i])
	}
	s.after = apply(before, start, s.edits)
	text := strings.Join(slices.Concat(s.before, s.after), "\n")
	if len(text) <= maxText && utf8.ValidString(text) && !strings.ContainsFunc(text, breaksSuggestion) {
		l.suggestions[f.Fingerprint] = s
	}
}

// breaksSuggestion reports whether a character cannot be in a suggestion. A lone carriage return, for example, would
// end the line, and a character that changes the direction of text would hide what the suggestion writes. White space
// is no danger.
func breaksSuggestion(r rune) bool {
	return printable.IsHidden(r) && r != '\t' && r != '\n' && !unicode.Is(unicode.Zs, r)
}

// inOtherSuggestion reports whether a suggestion of the review makes the fix of a finding.
func (l *layout) inOtherSuggestion(f *check.Finding) bool {
	for _, s := range l.suggestions {
		if s.applies && slices.Contains(s.fixes, f.Fingerprint) {
			return true
		}
	}
	return false
}

// addFix adds the fix of a finding to the suggestion, if all its edits are on the lines of the suggestion and none of
// them conflicts with an edit that the suggestion already makes.
func (s *suggestion) addFix(f *check.Finding) {
	if f.Fix == nil || slices.Contains(s.fixes, f.Fingerprint) {
		return
	}
	edits := slices.Clone(s.edits)
	for _, edit := range f.Fix.Edits {
		edit = atLineEnd(edit)
		conflicting := func(other yamldoc.Edit) bool { return conflict(edit, other) }
		if edit.Path != s.path || edit.Line < s.start || edit.EndLine > s.end || slices.ContainsFunc(edits, conflicting) {
			return
		}
		if !slices.ContainsFunc(edits, func(other yamldoc.Edit) bool { return compareEdits(edit, other) == 0 }) {
			edits = append(edits, edit)
		}
	}
	s.edits, s.fixes = edits, append(s.fixes, f.Fingerprint)
}

// compareEdits orders edits of a file by position. Two insertions at one position are ordered by their text.
func compareEdits(a, b yamldoc.Edit) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.EndLine, b.EndLine),
		cmp.Compare(a.EndColumn, b.EndColumn), strings.Compare(a.NewText, b.NewText))
}

// conflict reports whether two edits at one position cannot both be made by writing one text after the other. That is
// so for texts within a line, and for lines with the same key, which check/fix writes once for both. Equal edits do not
// conflict.
func conflict(a, b yamldoc.Edit) bool {
	samePosition := a.Line == b.Line && a.Column == b.Column && a.EndLine == b.EndLine && a.EndColumn == b.EndColumn
	if !samePosition || a.NewText == b.NewText {
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

// endOfLine is a column beyond the end of every line.
const endOfLine = 1 << 30

// atLineEnd returns an edit that inserts whole lines before a line in another form: it inserts them at the end of the
// line above. The line below may be outside of the diff, or the file may end. Other edits are returned unchanged.
func atLineEnd(edit yamldoc.Edit) yamldoc.Edit {
	text, whole := strings.CutSuffix(edit.NewText, "\n")
	if whole && edit.Line > 1 && edit.Column == 1 && edit.EndLine == edit.Line && edit.EndColumn == 1 {
		edit.Line, edit.EndLine, edit.Column, edit.EndColumn = edit.Line-1, edit.EndLine-1, endOfLine, endOfLine
		edit.NewText = "\n" + strings.TrimSuffix(text, "\r")
	}
	return edit
}

// apply returns the lines after the edits. first is the number of the first line in the file.
func apply(lines []string, first int, edits []yamldoc.Edit) []string {
	lines = slices.Clone(lines)
	for _, edit := range slices.Backward(slices.SortedFunc(slices.Values(edits), compareEdits)) {
		i, j := edit.Line-first, edit.EndLine-first
		head, tail := lines[i], lines[j]
		head, tail = head[:min(edit.Column-1, len(head))], tail[min(edit.EndColumn-1, len(tail)):]
		text := head + strings.ReplaceAll(edit.NewText, "\r\n", "\n") + tail
		lines = slices.Replace(lines, i, j+1, strings.Split(text, "\n")...)
	}
	return lines
}

// newSideLines returns lines of the new side of a diff without their line ends, and false if they are not in one hunk.
func newSideLines(file git.File, start, end int) ([]string, bool) {
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
