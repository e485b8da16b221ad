package githubtest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrSuggestion is the error for a suggestion that GitHub does not let people commit.
var ErrSuggestion = errors.New("the suggestion cannot be applied")

// ApplySuggestions commits the suggestions of review comments to the head of the pull request, all in one commit,
// like the button on the page. It returns the commit. A suggestion replaces exactly the lines of its comment. If
// one suggestion cannot be applied, no suggestion is applied, and the error wraps ErrSuggestion.
func (s *Server) ApplySuggestions(comments ...int64) (string, error) {
	defer s.lock()()
	p := s.pull
	edits := map[string][]edit{}
	for _, id := range comments {
		c := p.publishedComment(id)
		if c == nil {
			return "", fmt.Errorf("%w: there is no comment %d", ErrSuggestion, id)
		}
		e, err := p.suggestion(c)
		if err != nil {
			return "", fmt.Errorf("comment %d: %w", id, err)
		}
		edits[c.thread.path] = append(edits[c.thread.path], e)
	}
	files := map[string]string{}
	for path, edits := range edits {
		content, err := p.git.run("", "cat-file", "blob", p.head+":"+path)
		if err == nil {
			files[path], err = apply(content, edits)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	p.moveHead(p.git.commit(p.head, "Apply suggestions from code review", files))
	return p.head, nil
}

// edit replaces the lines from start to end. Both lines are included.
type edit struct {
	start, end int
	text       string
}

// suggestion returns the edit that the suggestion in a comment makes.
func (p *pullRequest) suggestion(c *reviewComment) (edit, error) {
	refuse := func(reason string) (edit, error) { return edit{}, fmt.Errorf("%w: %s", ErrSuggestion, reason) }
	text, found := suggested(c.body)
	now, _ := p.position(c.thread.anchor)
	switch {
	case !found:
		return refuse("the comment has no suggestion")
	case now.line == 0:
		return refuse("the comment is outdated or on a file")
	}
	e := edit{start: cmp.Or(now.start, now.line), end: now.line, text: text}
	for _, r := range fileAt(p.git.diff(p.base(), p.head), c.thread.path).rows {
		if r.kind == '-' && r.new > e.start && r.new <= e.end {
			return refuse("a deleted line stands between its lines")
		}
		if r.kind != '-' && r.new >= e.start && r.new <= e.end && strings.HasSuffix(r.text, "\r") {
			return refuse("its lines end with CR LF")
		}
	}
	return e, nil
}

var fence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*$")

// suggested returns the content of the first code block of a comment whose info string is "suggestion".
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

// apply makes edits in the text of a file, from the last line to the first. If the file has no line end at its end,
// the result has none either.
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
