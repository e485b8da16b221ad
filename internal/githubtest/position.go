package githubtest

import "cmp"

// right is the side of a diff with the added lines and the context.
const right = "RIGHT"

// DraftComment is a review comment in a request: on one line of the diff of the pull request, or on the lines from
// StartLine to Line. Comments on deleted lines are not simulated, so Side and StartSide are RIGHT or empty.
type DraftComment struct {
	Path      string `json:"path"`
	Body      string `json:"body"`
	Line      int    `json:"line"`
	Side      string `json:"side"`
	StartLine int    `json:"start_line"`
	StartSide string `json:"start_side"`
	// SubjectType is "file" for a comment on a whole file. A review over REST cannot have such a comment.
	SubjectType string `json:"subject_type"`
}

// anchor is the place where a thread began: commit a1b2, file values.yaml, lines 3 to 5. It never changes.
// pullRequest.position computes where the thread is shown now.
type anchor struct {
	commit, path string // commit was the head when the thread began
	line, start  int    // line is 0 for a comment on the file, start is 0 for a comment on a single line
}

// anchor checks the place of a new comment against the diff of a commit of the pull request. GitHub refuses lines
// outside of the diff.
func (p *pullRequest) anchor(commit string, d DraftComment) (anchor, error) {
	if !sideSimulated(d.Side) || !sideSimulated(d.StartSide) {
		p.tb.Errorf("githubtest: comments on deleted lines are not simulated")
	}
	a := anchor{commit: commit, path: d.Path}
	f := fileAt(p.git.diff(p.git.mergeBase(p.main, commit), commit), d.Path)
	if f == nil {
		return a, pathRefused
	}
	if d.SubjectType == onFile {
		return a, nil
	}
	end, found := f.find(d.Line)
	if !found {
		return a, lineRefused
	}
	a.line, a.start = d.Line, d.StartLine
	if d.StartLine == 0 {
		return a, nil
	}
	begin, found := f.find(d.StartLine)
	switch {
	case d.StartLine >= d.Line:
		return a, orderRefused
	case !found || begin.hunk != end.hunk:
		return a, hunkRefused
	}
	return a, nil
}

func sideSimulated(side string) bool { return side == "" || side == right }

// position is where GitHub shows a thread now. line is 0 for a comment on a file; start is 0 for a single line.
type position struct{ line, start int }

// position returns where an anchor is in the current diff of the pull request. It reports false if GitHub calls the
// thread outdated: a push changed one of its lines, put a line between them, took a line out of the diff, or
// renamed the file.
func (p *pullRequest) position(a anchor) (position, bool) {
	f := fileAt(p.git.diff(p.base(), p.head), a.path)
	if f == nil || a.line == 0 {
		return position{}, f != nil
	}
	pushed := p.git.diff(a.commit, p.head)
	last, _ := lineAfter(pushed, a.path, a.line)
	end, ok := f.find(last)
	for line := cmp.Or(a.start, a.line); line < a.line && ok; line++ {
		var r row
		moved, _ := lineAfter(pushed, a.path, line)
		r, ok = f.find(moved)
		ok = ok && r.hunk == end.hunk && last-moved == a.line-line
	}
	switch {
	case !ok:
		return position{}, false
	case a.start == 0:
		return position{line: last}, true
	}
	return position{line: last, start: last - (a.line - a.start)}, true
}
