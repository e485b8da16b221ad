package githubtest

import "cmp"

// draft is a review comment as a request asks for it.
type draft struct {
	Path        string `json:"path"`
	Body        string `json:"body"`
	Line        int    `json:"line"`
	Side        string `json:"side"`
	StartLine   int    `json:"start_line"`
	StartSide   string `json:"start_side"`
	SubjectType string `json:"subject_type"`
	Position    int    `json:"position"`
}

// anchor is where a thread was begun. It never changes; where it stands now, place tells.
type anchor struct {
	commit, base    string // the commit commented on, and the merge base of then
	path, basePath  string // basePath is the file's path in base
	line, start     int    // 0 for a comment on the file; start is 0 for a single line
	side, startSide string
	hunk            string
	position        int
}

// problem is a rule that a comment breaks. GitHub words it differently for a review, where the error does not say
// which of the comments it means, and for a single comment.
type problem struct{ review, field, comment string }

var (
	pathProblem  = &problem{"Path could not be resolved", "pull_request_review_thread.path", "pull_request_review_thread.path is invalid"}
	lineProblem  = &problem{"Line could not be resolved", "pull_request_review_thread.line", "pull_request_review_thread.line must be part of the diff"}
	orderProblem = &problem{
		"Pull request review thread start line must precede the end line.",
		"pull_request_review_thread.start_line", "pull_request_review_thread.start_line must precede the end line.",
	}
	hunkProblem = &problem{
		"Pull request review thread start line must be part of the same hunk as the line.",
		"pull_request_review_thread.start_line", "pull_request_review_thread.start_line must be part of the same hunk as the line.",
	}
	blankProblem = &problem{"Body can't be blank", "body", "body can't be blank"}
	longProblem  = &problem{"Body is too long (maximum is 65536 characters)", "data", "Body is too long (maximum is 65536 characters)"}
	fileProblem  = &problem{"subject_type is not a permitted key.", "subject_type", "subject_type is not a permitted key."}
	notInPull    = &problem{"Commit is not part of the pull request", "commit_id", "commit_id is not part of the pull request"}
)

// anchor holds a draft against the diff that a commit of the pull request makes.
func (s *Server) anchor(commit string, d draft) (anchor, *problem) {
	a := anchor{commit: commit, base: s.mergeBase(commit), path: d.Path, basePath: d.Path, side: cmp.Or(d.Side, "RIGHT")}
	f := fileAt(s.diff(a.base, commit), d.Path)
	if f == nil {
		return a, pathProblem
	}
	if f.previous != "" {
		a.basePath = f.previous
	}
	if d.Position != 0 {
		s.tb.Errorf("githubtest: comments by position are not simulated")
	}
	if d.SubjectType == "file" {
		a.hunk, a.position = f.patch, 1
		return a, nil
	}
	end, found := f.find(a.side, d.Line)
	if !found {
		return a, lineProblem
	}
	a.line, a.hunk, a.position = d.Line, f.excerpt(end), end.position
	if d.StartLine == 0 {
		return a, nil
	}
	a.start, a.startSide = d.StartLine, cmp.Or(d.StartSide, a.side)
	begin, found := f.find(a.startSide, a.start)
	switch {
	case d.StartLine >= d.Line:
		return a, orderProblem
	case !found || begin.hunk != end.hunk:
		return a, hunkProblem
	}
	return a, nil
}

// place is where an anchor stands in the pull request's diff of now. It is false where GitHub calls the thread
// outdated: a line of it was changed or has left the diff, something came between its lines, or its file was renamed.
func (s *Server) place(a anchor) (place, bool) {
	base := s.mergeBase(s.head)
	f := fileAt(s.diff(base, s.head), a.path)
	if f == nil || a.line == 0 {
		return place{position: 1}, f != nil
	}
	end, ok := s.follow(a, base, f, a.side, a.line)
	if !ok {
		return place{}, false
	}
	p := place{line: end.number(a.side), position: end.position}
	if a.start == 0 {
		return p, true
	}
	for line := a.start; line < a.line; line++ {
		r, ok := s.follow(a, base, f, a.startSide, line)
		if !ok || r.hunk != end.hunk || (a.startSide == a.side && r.number(a.side) != p.line-(a.line-line)) {
			return place{}, false
		}
		if line == a.start {
			p.start = r.number(a.startSide)
		}
		if a.startSide != a.side {
			break // between the sides only the ends are lines of both
		}
	}
	return p, true
}

type place struct{ line, start, position int }

// follow finds the row in which a line of an anchor stands now.
func (s *Server) follow(a anchor, base string, f *file, side string, line int) (row, bool) {
	from, to, path := a.commit, s.head, a.path
	if side == "LEFT" {
		from, to, path = a.base, base, a.basePath
	}
	moved, ok := follow(s.diff(from, to), path, line)
	if !ok {
		return row{}, false
	}
	return f.find(side, moved)
}

func (r row) number(side string) int {
	if side == "LEFT" {
		return r.old
	}
	return r.new
}
