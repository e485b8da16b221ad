package githubtest

import "fmt"

// ReviewComment is a published review comment as it stands now.
type ReviewComment struct {
	ID, ReviewID, InReplyTo int64
	Author, Body, Path      string
	// Line and StartLine are 0 for a comment on a file and for an outdated one; StartLine is 0 for a single line.
	Line, StartLine int
	// Side is LEFT or RIGHT.
	Side string
	// File is true for a comment on the file.
	File, Outdated bool
	// Minimized is the reason ("outdated", "resolved", ...), empty where the comment is shown.
	Minimized string
	// ResolvedBy is who resolved the thread, empty where nobody has.
	ResolvedBy string
}

// IssueComment is a comment on the pull request as a whole.
type IssueComment struct {
	ID           int64
	Author, Body string
	// Minimized is as in ReviewComment.
	Minimized string
}

// Review is a review, also a pending one. Single comments and replies make a review of their own.
type Review struct {
	ID           int64
	Author, Body string
	// State is PENDING, COMMENTED, APPROVED, CHANGES_REQUESTED or DISMISSED.
	State  string
	Commit string
}

// ReviewComments returns the published review comments, the oldest first.
func (s *Server) ReviewComments() []ReviewComment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var comments []ReviewComment
	for _, c := range s.published(nil) {
		where, current := s.place(c.thread.anchor)
		comments = append(comments, ReviewComment{
			ID: c.id, ReviewID: c.review.id, InReplyTo: c.replyTo, Author: c.author, Body: c.body, Path: c.thread.path, Line: where.line,
			StartLine: where.start, Side: c.thread.side, File: c.thread.line == 0, Outdated: !current, Minimized: c.minimized, ResolvedBy: c.thread.resolvedBy,
		})
	}
	return comments
}

// IssueComments returns the comments on the pull request as a whole, the oldest first.
func (s *Server) IssueComments() []IssueComment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var comments []IssueComment
	for _, c := range s.issueComments {
		comments = append(comments, IssueComment{ID: c.id, Author: c.author, Body: c.body, Minimized: c.minimized})
	}
	return comments
}

// Reviews returns all reviews, the oldest first.
func (s *Server) Reviews() []Review {
	s.mu.Lock()
	defer s.mu.Unlock()
	var reviews []Review
	for _, r := range s.reviews {
		reviews = append(reviews, Review{ID: r.id, Author: r.author, Body: r.body, State: r.state, Commit: r.commit})
	}
	return reviews
}

// Comment has a person comment on the pull request as a whole and returns the comment's id.
func (s *Server) Comment(login, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addIssueComment(login, body).id
}

// Reply has a person answer the first comment of a thread and returns the reply's id.
func (s *Server) Reply(login string, comment int64, body string) int64 {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := s.addReply(login, comment, body)
	if reply == nil {
		s.tb.Errorf("githubtest: no thread begins with the comment %d", comment)
		return 0
	}
	return reply.id
}

// Resolve has a person resolve the thread of a comment.
func (s *Server) Resolve(login string, comment int64) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.commentOf(fmt.Sprint(comment))
	if c == nil {
		s.tb.Errorf("githubtest: there is no comment %d", comment)
		return
	}
	c.thread.resolvedBy = login
}
