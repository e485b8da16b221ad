package githubtest

import (
	"encoding/json"
	"strings"
)

// The methods in this file are what people do to the pull request, and what they see there. A call is not a
// request, and does not count against a limit.

// ReviewComment is a published review comment in its current state.
type ReviewComment struct {
	ID                 int64
	Author, Body, Path string
	// Line and StartLine are 0 for a comment on a file, and for an outdated comment. StartLine is also 0 for a
	// comment on a single line.
	Line, StartLine int
	// File is true for a comment on a whole file. Outdated is true if a push changed the lines of the comment.
	File, Outdated bool
	// Minimized is the reason for which the comment is hidden ("outdated", "off-topic"); empty if it is shown.
	Minimized string
}

// IssueComment is a comment on the pull request as a whole.
type IssueComment struct {
	ID           int64
	Author, Body string
	// Minimized is the same as in ReviewComment.
	Minimized string
}

// Review is a review. Each reply is in a review of its own, as on GitHub.
type Review struct {
	ID           int64
	Author, Body string
	// State is PENDING, COMMENTED, APPROVED, CHANGES_REQUESTED or DISMISSED.
	State string
	// Commit is the commit that was reviewed.
	Commit string
}

// Notification is one message that GitHub sends to the subscribers of the pull request. A submitted review sends
// one message, however many comments it has. Edits, deletions, minimizing, resolving and pending reviews send no
// message.
type Notification struct {
	By string
	// Kind is "review", "reply" or "issue comment".
	Kind string
	// ID is the identifier of the review or comment.
	ID int64
}

// Dir returns the directory of the bare repository. A client can fetch from it, also a commit by its name, as on
// GitHub. The head of the pull request is refs/pull/1/head, and refs/heads/change unless it comes from a fork. The
// merge of head and main is refs/pull/1/merge, if they do not conflict. A test can make commits in the directory
// and give them to Push.
func (s *Server) Dir() string { return s.pull.git.dir }

// Main returns the commit at which the main branch is.
func (s *Server) Main() string {
	defer s.lock()()
	return s.pull.main
}

// Head returns the commit at which the pull request's head is.
func (s *Server) Head() string {
	defer s.lock()()
	return s.pull.head
}

// Commit stores a commit on top of parent and returns its name. It writes files (path → content) and removes the
// paths in removed. No branch moves.
func (s *Server) Commit(parent string, files map[string]string, removed ...string) string {
	defer s.lock()()
	return s.pull.git.commit(parent, "Change files", files, removed...)
}

// Open opens the pull request of the commit head, from a branch of the repository itself.
func (s *Server) Open(head string) { s.Push(head) }

// OpenFromFork opens the pull request of the commit head, from a branch of Contributor's fork.
func (s *Server) OpenFromFork(head string) {
	defer s.lock()()
	s.pull.fork = true
	s.pull.moveHead(head)
}

// Push moves the head of the pull request to a commit. The push is forced if the commit does not descend from the
// old head. Comments move with their lines, or become outdated.
func (s *Server) Push(commit string) {
	defer s.lock()()
	s.pull.moveHead(commit)
}

// PushBase moves the main branch to a commit. Until the next Push the event names the old commit as base.sha.
func (s *Server) PushBase(commit string) {
	defer s.lock()()
	s.pull.moveMain(commit)
}

// Event returns the payload of the event pull_request for an action ("opened", "synchronize"). A workflow finds it
// in the file that GITHUB_EVENT_PATH names. It has only the fields that say which branch the pull request merges
// into which.
func (s *Server) Event(action string) []byte {
	defer s.lock()()
	p := s.pull
	repository := func(owner string) map[string]any {
		return map[string]any{
			"name": Repository, "full_name": owner + "/" + Repository, "owner": s.rest.user(owner), "fork": owner != Owner,
		}
	}
	branch := func(owner, ref, commit string) map[string]any {
		return map[string]any{"label": owner + ":" + ref, "ref": ref, "sha": commit, "repo": repository(owner)}
	}
	event, err := json.Marshal(map[string]any{
		"action": action, "number": Number, "repository": repository(Owner), "sender": s.rest.user(p.headOwner()),
		"pull_request": map[string]any{
			"number": Number, "state": "open", "draft": false, "html_url": s.rest.page("/pull/1"),
			"head": branch(p.headOwner(), headBranch, p.head), "base": branch(Owner, "main", p.baseSHA),
		},
	})
	if err != nil {
		s.tb.Errorf("githubtest: %v", err)
	}
	return event
}

// ReviewComments returns the published review comments, the oldest first.
func (s *Server) ReviewComments() []ReviewComment {
	defer s.lock()()
	var comments []ReviewComment
	for _, c := range s.pull.published() {
		now, current := s.pull.position(c.thread.anchor)
		comments = append(comments, ReviewComment{
			ID: c.id, Author: c.author, Body: c.body, Path: c.thread.path, Line: now.line, StartLine: now.start,
			File: c.thread.line == 0, Outdated: !current, Minimized: c.minimized,
		})
	}
	return comments
}

// IssueComments returns the comments on the pull request as a whole, the oldest first.
func (s *Server) IssueComments() []IssueComment {
	defer s.lock()()
	var comments []IssueComment
	for _, c := range s.pull.issueComments {
		comments = append(comments, IssueComment{ID: c.id, Author: c.author, Body: c.body, Minimized: c.minimized})
	}
	return comments
}

// Reviews returns all reviews, including the pending reviews, the oldest first.
func (s *Server) Reviews() []Review {
	defer s.lock()()
	var reviews []Review
	for _, r := range s.pull.reviews {
		reviews = append(reviews, Review{ID: r.id, Author: r.author, Body: r.body, State: r.state, Commit: r.commit})
	}
	return reviews
}

// Notifications returns the messages that GitHub has sent to the subscribers of the pull request.
func (s *Server) Notifications() []Notification {
	defer s.lock()()
	return append([]Notification(nil), s.pull.notifications...)
}

// Comment lets a person comment on the pull request as a whole. It returns the identifier of the comment.
func (s *Server) Comment(login, body string) int64 {
	s.tb.Helper()
	defer s.lock()()
	c, err := s.pull.addIssueComment(login, body)
	if err != nil {
		s.tb.Fatalf("githubtest: %v", err)
	}
	return c.id
}

// Review lets a person review the head of the pull request, with at most 32 comments. Event is COMMENT, APPROVE or
// REQUEST_CHANGES; an empty event leaves the review pending.
func (s *Server) Review(login, event, body string, comments ...DraftComment) {
	s.tb.Helper()
	defer s.lock()()
	if _, err := s.pull.createReview(login, draftReview{Event: event, Body: body, Comments: comments}); err != nil {
		s.tb.Errorf("githubtest: %v", err)
	}
}

// Reply lets a person answer the first comment of a thread.
func (s *Server) Reply(login string, comment int64, body string) {
	s.tb.Helper()
	defer s.lock()()
	if c := s.comment(comment); c != nil {
		review := s.pull.addReview(login, "", commented, s.pull.head)
		s.pull.notify(login, "reply", s.pull.addReviewComment(c.thread, review, body).id)
	}
}

// Resolve lets a person resolve the thread of a comment.
func (s *Server) Resolve(comment int64) {
	s.tb.Helper()
	defer s.lock()()
	if c := s.comment(comment); c != nil {
		c.thread.resolved = true
	}
}

// Hide lets a person minimize a review comment for a reason, such as OFF_TOPIC.
func (s *Server) Hide(comment int64, classifier string) {
	s.tb.Helper()
	defer s.lock()()
	if c := s.comment(comment); c != nil {
		c.minimize(classifier)
	}
}

// Delete lets a person with the permission to write delete a review comment. Its replies stay.
func (s *Server) Delete(comment int64) {
	s.tb.Helper()
	defer s.lock()()
	if c := s.comment(comment); c != nil {
		s.pull.removeComments(func(other *reviewComment) bool { return other == c })
	}
}

// comment returns a published review comment. The test fails if there is none.
func (s *Server) comment(id int64) *reviewComment {
	s.tb.Helper()
	c := s.pull.publishedComment(id)
	if c == nil {
		s.tb.Errorf("githubtest: there is no comment %d", id)
	}
	return c
}

// minimize hides a comment. GitHub writes the classifier OFF_TOPIC as the reason "off-topic".
func (c *comment) minimize(classifier string) {
	c.minimized = strings.ReplaceAll(strings.ToLower(classifier), "_", "-")
}
