package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	bodyLimit        = 65536 // characters
	commentsInReview = 32    // GitHub answers 502 to a review with more comments; see rest.createReview
)

// The states of a review, as REST and GraphQL write them.
const (
	pending          = "PENDING"
	commented        = "COMMENTED"
	approved         = "APPROVED"
	changesRequested = "CHANGES_REQUESTED"
	dismissed        = "DISMISSED"
)

// states has the state of a review by the event that submits it. A review without an event is pending, and only its
// author sees it.
var states = map[string]string{
	"": pending, "COMMENT": commented, "APPROVE": approved, "REQUEST_CHANGES": changesRequested,
}

// onFile is the subject_type of a comment on a file.
const onFile = "file"

// refusal is the text with which GitHub refuses a request. GitHub does not say which comment of a review it
// refuses.
type refusal string

// Error implements error.
func (r refusal) Error() string { return string(r) }

const (
	pathRefused    refusal = "Path could not be resolved"
	lineRefused    refusal = "Line could not be resolved"
	orderRefused   refusal = "Pull request review thread start line must precede the end line."
	hunkRefused    refusal = "Pull request review thread start line must be part of the same hunk as the line."
	blankRefused   refusal = "Body can't be blank"
	longRefused    refusal = "Body is too long (maximum is 65536 characters)"
	fileRefused    refusal = "subject_type is not a permitted key."
	commitRefused  refusal = "Commit is not part of the pull request"
	eventRefused   refusal = "Event is not included in the list"
	pendingRefused refusal = "User can only have one pending review per pull request"
	submitRefused  refusal = "Can not submit this pull request review"
	deleteRefused  refusal = "Can not delete a non-pending pull request review"
)

// comment is a comment on the pull request as a whole, or on a part of its diff.
type comment struct {
	id           int64
	author, body string
	created      time.Time
	minimized    string // the reason, such as "outdated"; empty if the comment is shown
}

// thread is a conversation about one line, several lines, or a file.
type thread struct {
	anchor
	resolved bool
	comments []*reviewComment
}

type reviewComment struct {
	comment
	thread *thread
	review *review
}

type review struct {
	id           int64
	author, body string
	state        string
	commit       string
}

// published returns the review comments that everybody can see, the oldest first.
func (p *pullRequest) published() []*reviewComment {
	var comments []*reviewComment
	for _, t := range p.threads {
		for _, c := range t.comments {
			if c.review.state != pending {
				comments = append(comments, c)
			}
		}
	}
	slices.SortFunc(comments, func(a, b *reviewComment) int { return cmp.Compare(a.id, b.id) })
	return comments
}

// publishedComment returns the published review comment with an id, or nil.
func (p *pullRequest) publishedComment(id int64) *reviewComment {
	for _, c := range p.published() {
		if c.id == id {
			return c
		}
	}
	return nil
}

// visible reports whether a person can see a review. Only its author can see a pending review.
func (r *review) visible(to string) bool { return r.state != pending || r.author == to }

// reviewWith returns the review with an identifier in the form of a path; nil if the person cannot see such a
// review.
func (p *pullRequest) reviewWith(id, by string) *review {
	for _, r := range p.reviews {
		if fmt.Sprint(r.id) == id && r.visible(by) {
			return r
		}
	}
	return nil
}

// pending returns a person's pending review, or nil.
func (p *pullRequest) pending(login string) *review {
	for _, r := range p.reviews {
		if r.state == pending && r.author == login {
			return r
		}
	}
	return nil
}

func checkBody(body string) error {
	switch {
	case strings.TrimSpace(body) == "":
		return blankRefused
	case utf8.RuneCountInString(body) > bodyLimit:
		return longRefused
	}
	return nil
}

// draftReview is a review in a request.
type draftReview struct {
	CommitID string         `json:"commit_id"` // empty for the head
	Body     string         `json:"body"`
	Event    string         `json:"event"` // a key of states
	Comments []DraftComment `json:"comments"`
}

// createReview creates a review with all its comments. If GitHub refuses one comment, it creates nothing and
// returns a refusal.
func (p *pullRequest) createReview(by string, d draftReview) (*review, error) {
	d.CommitID = cmp.Or(d.CommitID, p.head)
	if err := p.checkReview(by, d); err != nil {
		return nil, err
	}
	anchors := make([]anchor, len(d.Comments))
	for i, c := range d.Comments {
		err := checkBody(c.Body)
		if err == nil && c.SubjectType != "" {
			err = fileRefused
		}
		if err == nil {
			anchors[i], err = p.anchor(d.CommitID, c)
		}
		if err != nil {
			return nil, err
		}
	}
	r := p.addReview(by, d.Body, states[d.Event], d.CommitID)
	for i, c := range d.Comments {
		p.addThread(r, anchors[i], c.Body)
	}
	if r.state != pending {
		p.notify(by, "review", r.id)
	}
	return r, nil
}

// checkReview checks a review without its comments.
func (p *pullRequest) checkReview(by string, d draftReview) error {
	_, known := states[d.Event]
	needsBody := d.Event == "REQUEST_CHANGES" || (d.Event == "COMMENT" && len(d.Comments) == 0)
	switch {
	case p.pending(by) != nil:
		return pendingRefused
	case !known:
		return eventRefused
	case !p.contains(d.CommitID):
		return commitRefused
	case utf8.RuneCountInString(d.Body) > bodyLimit:
		return longRefused
	case needsBody && strings.TrimSpace(d.Body) == "":
		return blankRefused
	}
	return nil
}

func (p *pullRequest) addReview(login, body, state, commit string) *review {
	r := &review{id: p.nextID(), author: login, body: body, state: state, commit: commit}
	p.reviews = append(p.reviews, r)
	return r
}

func (p *pullRequest) addThread(r *review, a anchor, body string) *thread {
	t := &thread{anchor: a}
	p.threads = append(p.threads, t)
	p.addReviewComment(t, r, body)
	return t
}

func (p *pullRequest) addReviewComment(t *thread, r *review, body string) *reviewComment {
	c := &reviewComment{comment: p.newComment(r.author, body), thread: t, review: r}
	t.comments = append(t.comments, c)
	return c
}

func (p *pullRequest) newComment(login, body string) comment {
	return comment{id: p.nextID(), author: login, body: body, created: p.clock.now}
}

// removeComments removes review comments, and the threads that lose their last comment.
func (p *pullRequest) removeComments(which func(*reviewComment) bool) {
	for _, t := range p.threads {
		t.comments = slices.DeleteFunc(t.comments, which)
	}
	p.threads = slices.DeleteFunc(p.threads, func(t *thread) bool { return len(t.comments) == 0 })
}

// deletePendingReview deletes a pending review with its comments.
func (p *pullRequest) deletePendingReview(r *review) error {
	if r.state != pending {
		return deleteRefused
	}
	p.removeComments(func(c *reviewComment) bool { return c.review == r })
	p.reviews = slices.DeleteFunc(p.reviews, func(other *review) bool { return other == r })
	return nil
}

// submit publishes a pending review. An empty body keeps the body of the review.
func (p *pullRequest) submit(r *review, body, event string) error {
	if r.state != pending || event == "" || states[event] == "" {
		return submitRefused
	}
	r.body, r.state = cmp.Or(body, r.body), states[event]
	p.notify(r.author, "review", r.id)
	return nil
}

// dismiss withdraws the approval or the requested changes of a review.
func (p *pullRequest) dismiss(r *review) error {
	if r.state != changesRequested && r.state != approved {
		return refusal("Can not dismiss a " + strings.ToLower(r.state) + " pull request review")
	}
	r.state = dismissed
	return nil
}

// addIssueComment adds a comment on the pull request as a whole, which GitHub calls an issue comment.
func (p *pullRequest) addIssueComment(login, body string) (*comment, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	c := p.newComment(login, body)
	p.issueComments = append(p.issueComments, &c)
	p.notify(login, "issue comment", c.id)
	return &c, nil
}

// edit replaces the body of a comment.
func (c *comment) edit(body string) error {
	if err := checkBody(body); err != nil {
		return err
	}
	c.body = body
	return nil
}
