package githubtest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrSuggestion is why GitHub does not offer to commit a suggestion.
var ErrSuggestion = errors.New("the suggestion cannot be applied")

// ApplySuggestions commits the suggestions of review comments to the pull request's head in one commit, as the
// button on the pull request does, and returns the commit. A suggestion replaces exactly the lines that its comment
// stands on. All are applied or, with an error that is ErrSuggestion, none.
func (s *Server) ApplySuggestions(comments ...int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edits := map[string][]edit{}
	for _, id := range comments {
		c := s.commentOf(fmt.Sprint(id))
		if c == nil {
			return "", fmt.Errorf("%w: there is no comment %d", ErrSuggestion, id)
		}
		e, err := s.suggestion(c)
		if err != nil {
			return "", fmt.Errorf("comment %d: %w", id, err)
		}
		edits[c.thread.path] = append(edits[c.thread.path], e)
	}
	files := map[string]string{}
	for path, edits := range edits {
		content, err := s.run("", "cat-file", "blob", s.head+":"+path)
		if err == nil {
			files[path], err = apply(content, edits)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	s.moveHead(s.commit(s.head, "Apply suggestions from code review", files))
	return s.head, nil
}

// edit replaces the lines from start to end, both included.
type edit struct {
	start, end int
	text       string
}

// suggestion is what a comment would change.
func (s *Server) suggestion(c *reviewComment) (edit, error) {
	refuse := func(reason string) (edit, error) { return edit{}, fmt.Errorf("%w: %s", ErrSuggestion, reason) }
	text, found := suggested(c.body)
	where, current := s.place(c.thread.anchor)
	switch {
	case !found:
		return refuse("the comment has none")
	case !current:
		return refuse("the comment is outdated")
	case where.line == 0:
		return refuse("the comment is on a file")
	case c.thread.side == "LEFT" || c.thread.startSide == "LEFT":
		return refuse("the comment is on deleted lines")
	}
	f := fileAt(s.diff(s.mergeBase(s.head), s.head), c.thread.path)
	e := edit{start: cmp.Or(where.start, where.line), end: where.line, text: text}
	for _, r := range f.rows {
		if r.kind == '-' && r.new > e.start && r.new <= e.end {
			return refuse("a deleted line stands between its lines")
		}
		if r.kind != '-' && r.new >= e.start && r.new <= e.end && strings.HasSuffix(strings.Split(f.patch, "\n")[r.position], "\r") {
			return refuse("its lines end with CR LF")
		}
	}
	return e, nil
}

var fence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*$")

// suggested is the content of the first code block of a body whose info string is "suggestion".
func suggested(body string) (string, bool) {
	var open, text string
	inside := false
	for line := range strings.Lines(body) {
		parts := fence.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		switch {
		case open == "" && parts != nil:
			open, inside = parts[1], parts[2] == "suggestion"
		case open != "" && parts != nil && parts[2] == "" && strings.HasPrefix(parts[1], open):
			if inside {
				return text, true
			}
			open = ""
		case inside:
			text += line
		}
	}
	return "", false
}

// apply leaves the end of the file as it was, with or without the end of a line.
func apply(content string, edits []edit) (string, error) {
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	lines := slices.Collect(strings.Lines(content))
	for i, e := range edits {
		if i > 0 && e.end >= edits[i-1].start {
			return "", fmt.Errorf("%w: two suggestions are on the same line", ErrSuggestion)
		}
		lines = slices.Replace(lines, e.start-1, e.end, e.text)
	}
	edited := strings.Join(lines, "")
	if !strings.HasSuffix(content, "\n") {
		edited = strings.TrimSuffix(edited, "\n")
	}
	return edited, nil
}
