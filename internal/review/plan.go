// Package review plans the review of a pull request, and writes it on GitHub.
//
// A review is made in three steps, each in files of its own:
//
//  1. [New] makes a [Plan] from the findings of the pull request and from what earlier runs have written there
//     ([State]). The plan says which comments to create, keep, delete and minimize, and what the summary says. This
//     step does no I/O (plan.go, suggestion.go, body.go), and the same input gives the same plan.
//  2. A state comes from one GraphQL query (state.go).
//  3. [GitHub.Post] repeats "fetch the state, plan, write what is missing" until a plan has nothing left to write
//     (post.go).
//
// Each text that the program writes ends with a marker, a hidden HTML comment with the fingerprint of the finding. By
// the marker, and by the author, a later run recognises its own comments. So a second run on the same commit writes
// nothing.
//
// Limits: at most 30 comments on lines and 10 on files; further findings are in the summary. Comments are written only
// on files of the pull request's diff, as GitHub demands. Package internal/githubtest simulates GitHub for the tests.
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
	// maxInline is the largest number of comments on lines. A review with 32 comments or more is known to fail: GitHub
	// answers 502 and posts it nevertheless (https://github.com/src-d/lookout/issues/264).
	maxInline = 30
	// maxFile is the largest number of comments on files. Each of them takes a request of its own.
	maxFile = 10
)

// Input is what a plan is made from, in addition to the state of the pull request.
type Input struct {
	// Report has the findings that the pull request adds.
	Report *check.Report
	// Files are the files that the pull request changes. Without Files, every finding is in the summary.
	Files git.Files
	// SuppressedByChange are the findings that ignore comments of the pull request itself suppress. Reviewers should see
	// them.
	SuppressedByChange []check.Suppression
	// SkippedByChange are the sources that the pull request makes pullcheck skip. Reviewers should see them, too.
	SkippedByChange []check.SourceStatus
	// Blob is the URL of the files at the head commit, with a slash at the end. If it is empty, paths are not linked.
	Blob string
	// Block makes the review request changes. Otherwise the review only comments.
	Block bool
	// NoFileComments leaves out comments on files. Their findings are in the summary.
	NoFileComments bool
}

// State is what earlier runs of this program have written on the pull request.
type State struct {
	Threads   []Thread `json:"threads"`
	Summaries []Note   `json:"summaries"`
	// Blocking are the REST ids of the reviews that request changes.
	Blocking []int64 `json:"blocking"`
}

// Thread is a review thread whose first comment this program has written.
type Thread struct {
	ID          string `json:"id"` // the GraphQL node id of the first comment
	Fingerprint string `json:"fingerprint"`
	Replied     bool   `json:"replied,omitempty"`
	Resolved    bool   `json:"resolved,omitempty"`
	// Minimized is true if the first comment is minimized with the reason "outdated", as this program does it.
	Minimized bool `json:"minimized,omitempty"`
}

// Note is a comment in the conversation of the pull request.
type Note struct {
	ID   string `json:"id"`
	Body string `json:"body"`
}

// Comment is a review comment to create: on lines of the new side of the diff, or on a file.
type Comment struct {
	Path string `json:"path"`
	// Line is the last line, and 0 for a comment on the file. StartLine is the first line, and 0 for a comment on one
	// line.
	StartLine   int    `json:"startLine,omitempty"`
	Line        int    `json:"line,omitempty"`
	Fingerprint string `json:"fingerprint"`
	Body        string `json:"body"`
}

// Action says what to do with the summary.
type Action string

// The actions on the summary.
const (
	None   Action = "none" // There is no summary, and there is nothing to say.
	Keep   Action = "keep"
	Create Action = "create"
	Update Action = "update"
)

// Summary is the one comment in the conversation. It lists the findings without a comment of their own, the sources
// that could not be rendered, and the suppressions that the pull request adds. ID is set for Keep and Update.
type Summary struct {
	Action Action `json:"action"`
	ID     string `json:"id,omitempty"`
	Body   string `json:"body"`
}

// Plan is what to write on a pull request. If the pull request is already as it should be, Create, Delete, Minimize,
// Surplus and Dismiss are empty, Block is false, and the action of the summary is None or Keep.
type Plan struct {
	// Body is the text of the review itself, above its comments.
	Body   string    `json:"body"`
	Create []Comment `json:"create"`
	Keep   []Thread  `json:"keep"`
	Delete []Thread  `json:"delete"`
	// Minimize are threads whose finding is gone, but with a reply. To delete them would delete the words of a person. So
	// they are minimized as outdated.
	Minimize []Thread `json:"minimize"`
	Summary  Summary  `json:"summary"`
	// Surplus are the ids of further summaries, which two runs at the same time can leave. They are deleted.
	Surplus []string `json:"surplus"`
	// Block makes the review request changes. Dismiss are earlier reviews of this program whose request for changes is
	// met.
	Block   bool    `json:"block"`
	Dismiss []int64 `json:"dismiss"`
}

// New makes the plan. After it is carried out, every finding of the report has exactly one comment, or is in the
// summary, and a comment whose finding is gone is deleted. Two things stay as they are: a thread that somebody has
// resolved, and, while a source fails to render, the comment of a finding that is gone, because the source could still
// have it.
func New(in Input, state State) *Plan {
	p := &Plan{
		Create: []Comment{}, Keep: []Thread{}, Delete: []Thread{}, Minimize: []Thread{},
		Surplus: []string{}, Dismiss: []int64{},
	}
	findings := worstFirst(in.Report.Findings)
	present := p.reconcileThreads(in, state.Threads)
	layout := newLayout(in, findings, present)
	var rest []*check.Finding
	inline, onFile := 0, 0
	// Findings that already have a comment count first towards the limits, so that a push does not move comments around.
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
			case a.kind == inFile && onFile < maxFile && !in.NoFileComments:
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
	p.Block = in.Block && len(state.Blocking) == 0
	if !in.Block && len(in.Report.Failures) == 0 {
		p.Dismiss = append(p.Dismiss, state.Blocking...)
	}
	p.summarize(summaryBody(in, rest, len(findings)), clearBody(len(findings)), state.Summaries)
	return p
}

// reconcileThreads plans for each existing thread whether it is kept, deleted or minimized. It returns the
// fingerprints of the findings that need no new comment, because a kept thread has them:
//
//	thread                                     plan
//	resolved by somebody                       keep, and do not comment on the finding again
//	minimized, and its finding is gone         keep
//	minimized, and its finding is back         leave it; a new comment is created, because nobody sees the old one
//	the first thread of a finding              keep
//	its finding is gone while a source fails   keep
//	any other, with a reply                    minimize
//	any other                                  delete
func (p *Plan) reconcileThreads(in Input, threads []Thread) map[string]bool {
	reported := map[string]bool{}
	for _, f := range in.Report.Findings {
		reported[f.Fingerprint] = true
	}
	present := map[string]bool{}
	for _, t := range threads {
		switch {
		case t.Resolved, t.Minimized && !reported[t.Fingerprint]:
			p.Keep = append(p.Keep, t)
			present[t.Fingerprint] = present[t.Fingerprint] || t.Resolved
		case t.Minimized: // The finding is back.
		case reported[t.Fingerprint] && !present[t.Fingerprint]:
			p.Keep = append(p.Keep, t)
			present[t.Fingerprint] = true
		case !reported[t.Fingerprint] && len(in.Report.Failures) > 0:
			p.Keep = append(p.Keep, t)
		case t.Replied:
			p.Minimize = append(p.Minimize, t)
		default:
			p.Delete = append(p.Delete, t)
		}
	}
	return present
}

// summarize plans the summary. body is empty if there is nothing to say. Then an existing summary is no longer true,
// and it is edited to say allClear.
func (p *Plan) summarize(body, allClear string, existing []Note) {
	switch {
	case len(existing) == 0 && body == "":
		p.Summary = Summary{Action: None}
		return
	case len(existing) == 0:
		p.Summary = Summary{Action: Create, Body: body}
		return
	case body == "":
		body = allClear
	}
	first := existing[0]
	p.Summary = Summary{Action: Update, ID: first.ID, Body: body}
	if strings.TrimSpace(strings.ReplaceAll(first.Body, "\r\n", "\n")) == strings.TrimSpace(body) {
		p.Summary.Action = Keep
	}
	for _, note := range existing[1:] {
		p.Surplus = append(p.Surplus, note.ID)
	}
}

// creates reports whether the plan writes anything that would be there twice if two runs wrote it at the same time. To
// edit or delete a comment twice does no harm.
func (p *Plan) creates() bool { return len(p.Create) > 0 || p.Summary.Action == Create || p.Block }

// worstFirst sorts findings by severity, then by the number of affected containers.
func worstFirst(findings []check.Finding) []check.Finding {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(len(b.Affected), len(a.Affected)))
	})
	return findings
}

// anchorKind says how good an anchor is. A smaller kind is better.
type anchorKind int

const (
	onLine      anchorKind = iota // the line of the decision
	throughLine                   // a line of Via
	inFile                        // the file of the decision, or of a line of Via
	nowhere                       // no file of the diff
)

// anchor is the place in the diff where a comment on a finding is shown.
type anchor struct {
	kind anchorKind
	path string
	line int // 0 for inFile
}

// layout places the comments and the suggestions of a review.
type layout struct {
	Input
	suggestions map[string]suggestion // by the fingerprint of the finding whose comment has it
}

// newLayout makes suggestions for the findings that have no comment yet. An existing comment keeps the suggestion that
// it was written with.
func newLayout(in Input, findings []check.Finding, present map[string]bool) *layout {
	l := &layout{Input: in, suggestions: map[string]suggestion{}}
	for i := range findings {
		if !present[findings[i].Fingerprint] {
			l.suggest(&findings[i], findings)
		}
	}
	return l
}

// anchor returns the best anchor of a finding: the line of the decision if the diff shows it, else the first line of
// Via that the diff shows, else the first of these files that is in the diff.
func (l *layout) anchor(f *check.Finding) anchor {
	best := anchor{kind: nowhere}
	for i, at := range append([]yamldoc.Location{f.Decision}, f.Via...) {
		name := trackedFile(at.Path)
		file, ok := l.Files.Find(name)
		switch {
		case !ok || file.Status == git.Deleted || file.Submodule || !utf8.ValidString(name):
			// There is nothing to comment on, or its name cannot be written in a request: JSON is UTF-8.
		case file.Commentable(at.Line, at.Line):
			return anchor{min(anchorKind(i), throughLine), name, at.Line}
		case best.kind == nowhere:
			best = anchor{inFile, name, 0}
		}
	}
	return best
}

// trackedFile returns the file of the repository that contains a path. For a path inside a packaged chart, it is the
// package: charts/redis-1.0.0.tgz for charts/redis-1.0.0.tgz/redis/values.yaml.
func trackedFile(path string) string {
	if i := strings.Index(path, ".tgz/"); i >= 0 {
		return path[:i+len(".tgz")]
	}
	return path
}

// comment returns the comment on a finding at its anchor. A comment with a suggestion spans the lines that it replaces.
func (l *layout) comment(f *check.Finding, a anchor) Comment {
	c := Comment{Path: a.path, Line: a.line, Fingerprint: f.Fingerprint}
	suggested, ok := l.suggestions[f.Fingerprint]
	if a.kind == onLine && ok && suggested.start < suggested.end {
		c.StartLine, c.Line = suggested.start, suggested.end
	}
	c.Body = l.commentBody(f, a)
	return c
}
