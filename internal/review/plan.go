// Package review says what a review of a pull request should have, and makes GitHub have it. The plan and the text of
// the comments are worked out without I/O; only Post and MergeBase speak to GitHub.
package review

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

const (
	// maxInline is below the 32 comments beyond which GitHub has been seen to answer 502 and to post nevertheless
	// (https://github.com/src-d/lookout/issues/264). Each comment on a file is a request of its own.
	maxInline = 30
	maxFile   = 10
)

// Subject is what is reviewed.
type Subject struct {
	// Report has the findings that are new.
	Report *check.Report
	// Files are what the pull request changed. Without them everything is in the summary.
	Files git.Files
	// Exceptions are the findings that comments of the pull request itself keep on purpose.
	Exceptions []check.Suppression
	// Blob is the address of the head's files, ending in a slash; empty where there are no links.
	Blob string
	// Block asks for changes instead of commenting.
	Block bool
	// NoFileComments leaves comments on files out: what they would say is in the summary.
	NoFileComments bool
}

// State is what this program has written on the pull request before.
type State struct {
	Threads   []Thread `json:"threads"`
	Summaries []Note   `json:"summaries"`
	// Blocking are reviews that ask for changes, as GraphQL and REST name them.
	Blocking []int64 `json:"blocking"`
}

// Thread is a conversation that a comment of this program began.
type Thread struct {
	ID          string `json:"id"` // of the comment, as GraphQL names it
	Fingerprint string `json:"fingerprint"`
	Replied     bool   `json:"replied,omitempty"`
	Resolved    bool   `json:"resolved,omitempty"`
	// Minimized are those folded as outdated, as this program does.
	Minimized bool `json:"minimized,omitempty"`
}

// Note is a comment on the pull request as a whole.
type Note struct {
	ID   string `json:"id"`
	Body string `json:"body"`
}

// Comment is a comment to post on lines of the new side, or on a file.
type Comment struct {
	Path string `json:"path"`
	// StartLine is 0 for one line, Line for a comment on the file.
	StartLine   int    `json:"startLine,omitempty"`
	Line        int    `json:"line,omitempty"`
	Fingerprint string `json:"fingerprint"`
	Body        string `json:"body"`
}

// Action is what to do about the summary.
type Action string

// What can be done about the summary.
const (
	None   Action = "none" // there is none and need not be one
	Keep   Action = "keep"
	Create Action = "create"
	Update Action = "update"
)

// Summary is the one comment that says what the comments on lines and files do not.
type Summary struct {
	Action Action `json:"action"`
	ID     string `json:"id,omitempty"`
	Body   string `json:"body"`
}

// Plan is what to do, by kind. Where nothing has to be done, its lists of changes are empty and the summary is kept.
type Plan struct {
	// Body is that of the review.
	Body   string    `json:"body"`
	Create []Comment `json:"create"`
	Keep   []Thread  `json:"keep"`
	Delete []Thread  `json:"delete"`
	// Minimize are threads that somebody has answered: they stay, folded as outdated.
	Minimize []Thread `json:"minimize"`
	Summary  Summary  `json:"summary"`
	// Surplus are the ids of summaries beside the first.
	Surplus []string `json:"surplus"`
	// Block says that the review asks for changes, Dismiss which earlier ones need no more.
	Block   bool    `json:"block"`
	Dismiss []int64 `json:"dismiss"`
}

// New works out the plan: every finding has one comment in the end, or is in the summary; those of findings that are gone
// go too. A thread that somebody has resolved stays as it is. Where sources failed, nothing goes: their findings are
// not known.
func New(s Subject, state State) *Plan {
	p := &Plan{Create: []Comment{}, Keep: []Thread{}, Delete: []Thread{}, Minimize: []Thread{}, Surplus: []string{}, Dismiss: []int64{}}
	findings := worstFirst(s.Report.Findings)
	present := p.sort(s, state.Threads)
	layout := newLayout(s, findings, present)
	var rest []*check.Finding
	inline, onFile := 0, 0
	// Those that have a comment come first, so that a push does not move comments about.
	for _, known := range []bool{true, false} {
		for i := range findings {
			f := &findings[i]
			if present[f.Fingerprint] != known {
				continue
			}
			a := layout.anchor(f)
			switch {
			case a.kind == onLine && inline < maxInline, a.kind == throughLine && inline < maxInline:
				inline++
			case a.kind == inFile && onFile < maxFile && !s.NoFileComments:
				onFile++
			case !known:
				rest = append(rest, f)
				continue
			}
			if !known {
				p.Create = append(p.Create, layout.comment(f, a))
			}
		}
	}
	p.Body = reviewBody(findings)
	p.Block = s.Block && len(state.Blocking) == 0
	if !s.Block && len(s.Report.Failures) == 0 {
		p.Dismiss = append(p.Dismiss, state.Blocking...)
	}
	p.summarize(summaryBody(s, rest, len(findings)), clearBody(len(findings)), state.Summaries)
	return p
}

// sort decides about the threads that there are, and returns which findings have one.
func (p *Plan) sort(s Subject, threads []Thread) map[string]bool {
	wanted := map[string]bool{}
	for _, f := range s.Report.Findings {
		wanted[f.Fingerprint] = true
	}
	present := map[string]bool{}
	for _, t := range threads {
		switch {
		case t.Resolved, t.Minimized && !wanted[t.Fingerprint]:
			p.Keep = append(p.Keep, t)
			present[t.Fingerprint] = present[t.Fingerprint] || t.Resolved
		case t.Minimized: // It was gone and is back: nobody would see it there.
		case wanted[t.Fingerprint] && !present[t.Fingerprint]:
			p.Keep = append(p.Keep, t)
			present[t.Fingerprint] = true
		case !wanted[t.Fingerprint] && len(s.Report.Failures) > 0:
			p.Keep = append(p.Keep, t)
		case t.Replied:
			p.Minimize = append(p.Minimize, t)
		default:
			p.Delete = append(p.Delete, t)
		}
	}
	return present
}

// summarize decides about the summary, whose body is empty where there is nothing to say. Then the other text takes the
// place of one that has become untrue.
func (p *Plan) summarize(body, otherwise string, standing []Note) {
	switch {
	case len(standing) == 0 && body == "":
		p.Summary = Summary{Action: None}
		return
	case len(standing) == 0:
		p.Summary = Summary{Action: Create, Body: body}
		return
	case body == "":
		body = otherwise
	}
	first := standing[0]
	p.Summary = Summary{Action: Update, ID: first.ID, Body: body}
	if strings.TrimSpace(strings.ReplaceAll(first.Body, "\r\n", "\n")) == strings.TrimSpace(body) {
		p.Summary.Action = Keep
	}
	for _, note := range standing[1:] {
		p.Surplus = append(p.Surplus, note.ID)
	}
}

// creates reports whether the plan writes what would be there twice if two runs wrote it.
func (p *Plan) creates() bool { return len(p.Create) > 0 || p.Summary.Action == Create || p.Block }

func worstFirst(findings []check.Finding) []check.Finding {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(len(b.Affected), len(a.Affected)))
	})
	return findings
}

// The kinds of anchors, the best first.
type kind int

const (
	onLine      kind = iota // the line that decides
	throughLine             // a line on the way from it
	inFile                  // its file, or that of a line on the way
	nowhere
)

// anchor is where a finding can be commented on.
type anchor struct {
	kind kind
	path string
	line int
}

// layout is where the comments and the suggestions of a review stand.
type layout struct {
	Subject
	suggestions map[string]suggestion // by fingerprint
}

// newLayout makes suggestions for the findings without a comment: what was suggested before is what it was.
func newLayout(s Subject, findings []check.Finding, present map[string]bool) *layout {
	l := &layout{Subject: s, suggestions: map[string]suggestion{}}
	for i := range findings {
		if !present[findings[i].Fingerprint] {
			l.suggest(&findings[i], findings)
		}
	}
	return l
}

func (l *layout) anchor(f *check.Finding) anchor {
	best := anchor{kind: nowhere}
	for i, at := range append([]yamldoc.Location{f.Decision}, f.Via...) {
		name := kept(at.Path)
		file, ok := l.Files.Find(name)
		switch {
		case !ok || file.Status == git.Deleted || file.Submodule || !utf8.ValidString(name): // JSON carries UTF-8 alone.
		case file.Commentable(at.Line, at.Line):
			return anchor{min(kind(i), throughLine), name, at.Line}
		case best.kind == nowhere:
			best = anchor{inFile, name, 0}
		}
	}
	return best
}

// kept is the file of the repository in which a place is: of those inside a packaged chart, the package.
func kept(path string) string {
	if i := strings.Index(path, ".tgz/"); i >= 0 {
		return path[:i+len(".tgz")]
	}
	return path
}

// comment is the comment on a finding at its anchor.
func (l *layout) comment(f *check.Finding, a anchor) Comment {
	c := Comment{Path: a.path, Line: a.line, Fingerprint: f.Fingerprint}
	suggested, ok := l.suggestions[f.Fingerprint]
	if a.kind == onLine && ok && suggested.start < suggested.end {
		c.StartLine, c.Line = suggested.start, suggested.end
	}
	c.Body = l.commentBody(f, a)
	return c
}
