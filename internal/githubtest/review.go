package githubtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// bodyLimit is in characters.
	bodyLimit = 65536
	// commentsInReview is what GitHub takes in one review; see createReview.
	commentsInReview = 32
)

// thread is a conversation on a line, some lines or a file.
type thread struct {
	anchor
	id         int64
	resolvedBy string
	comments   []*reviewComment
}

type reviewComment struct {
	thread           *thread
	review           *review
	id, replyTo      int64
	author, body     string
	created, updated time.Time
	minimized        string
}

type review struct {
	id           int64
	author, body string
	state        string // as REST says it: PENDING, COMMENTED, ...
	commit       string
	submitted    time.Time
	minimized    string
}

var states = map[string]string{"": "PENDING", "COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}

// published returns the comments that everybody can see, the oldest first, of one review or of all (nil).
func (s *Server) published(of *review) []*reviewComment {
	var comments []*reviewComment
	for _, t := range s.threads {
		for _, c := range t.comments {
			if c.review.state != "PENDING" && (of == nil || c.review == of) {
				comments = append(comments, c)
			}
		}
	}
	slices.SortFunc(comments, func(a, b *reviewComment) int { return cmp.Compare(a.id, b.id) })
	return comments
}

func (s *Server) pending(login string) *review {
	for _, r := range s.reviews {
		if r.state == "PENDING" && r.author == login {
			return r
		}
	}
	return nil
}

// reviewFailure is the 422 of the endpoints for reviews, commentFailure that of those for comments.
func reviewFailure(text string) (int, any) {
	return http.StatusUnprocessableEntity, failure(http.StatusUnprocessableEntity, "Unprocessable Entity", text)
}

func commentFailure(resource string, p *problem) (int, any) {
	detail := map[string]any{"resource": resource, "code": "custom", "field": p.field, "message": p.comment}
	return http.StatusUnprocessableEntity, failure(http.StatusUnprocessableEntity, "Validation Failed", detail)
}

const onePending = "can only have one pending review per pull request"

func checkBody(body string) *problem {
	switch {
	case strings.TrimSpace(body) == "":
		return blankProblem
	case utf8.RuneCountInString(body) > bodyLimit:
		return longProblem
	}
	return nil
}

func (s *Server) listReviews(c *call) (int, any) {
	list := []any{}
	visible := slices.DeleteFunc(slices.Clone(s.reviews), func(r *review) bool { return r.state == "PENDING" && r.author != c.by.login })
	for _, r := range paginate(s, c, visible) {
		list = append(list, s.reviewJSON(r))
	}
	return http.StatusOK, list
}

// createReview posts all of a review or nothing. With more than 32 comments GitHub has been seen to post it and to
// answer 502 (https://github.com/src-d/lookout/issues/264), and so it is here.
func (s *Server) createReview(c *call) (int, any) {
	var in struct {
		CommitID string  `json:"commit_id"`
		Body     string  `json:"body"`
		Event    string  `json:"event"`
		Comments []draft `json:"comments"`
	}
	if status, answer := c.decode(&in); status != 0 {
		return status, answer
	}
	commit := cmp.Or(in.CommitID, s.head)
	if text := s.checkReview(c.by.login, commit, in.Body, in.Event, len(in.Comments)); text != "" {
		return reviewFailure(text)
	}
	anchors := make([]anchor, len(in.Comments))
	for i, d := range in.Comments {
		problem := checkBody(d.Body)
		if problem == nil && d.SubjectType != "" {
			problem = fileProblem
		}
		if problem == nil {
			anchors[i], problem = s.anchor(commit, d)
		}
		if problem != nil {
			return reviewFailure(problem.review)
		}
	}
	r := s.addReview(c.by.login, in.Body, states[in.Event], commit)
	for i, d := range in.Comments {
		s.addThread(r, anchors[i], d.Body)
	}
	if r.state != "PENDING" {
		s.notify(r.author, "review", r.id)
	}
	if len(in.Comments) > commentsInReview {
		return http.StatusBadGateway, failure(http.StatusBadGateway, "Server Error")
	}
	return http.StatusOK, s.reviewJSON(r)
}

// checkReview says what is wrong with a review apart from its comments.
func (s *Server) checkReview(login, commit, body, event string, comments int) string {
	_, known := states[event]
	switch {
	case s.pending(login) != nil:
		return "User " + onePending
	case !known:
		return "Event is not included in the list"
	case !s.inPull(commit):
		return notInPull.review
	case utf8.RuneCountInString(body) > bodyLimit:
		return longProblem.review
	case strings.TrimSpace(body) == "" && (event == "REQUEST_CHANGES" || (event == "COMMENT" && comments == 0)):
		return blankProblem.review
	}
	return ""
}

// inPull reports whether a full commit name belongs to the pull request as it is now.
func (s *Server) inPull(commit string) bool {
	return slices.Contains(strings.Fields(s.git("", "rev-list", s.main+".."+s.head)), commit)
}

func (s *Server) addReview(login, body, state, commit string) *review {
	r := &review{id: s.nextID(), author: login, body: body, state: state, commit: commit, submitted: s.now}
	s.reviews = append(s.reviews, r)
	return r
}

func (s *Server) addThread(r *review, a anchor, body string) *thread {
	t := &thread{anchor: a, id: s.nextID()}
	s.threads = append(s.threads, t)
	s.addComment(t, r, body)
	return t
}

func (s *Server) addComment(t *thread, r *review, body string) *reviewComment {
	c := &reviewComment{thread: t, review: r, id: s.nextID(), author: r.author, body: body, created: s.now, updated: s.now}
	if len(t.comments) > 0 {
		c.replyTo = cmp.Or(t.comments[0].replyTo, t.comments[0].id)
	}
	t.comments = append(t.comments, c)
	return c
}

// removeComments also removes the threads that have none left.
func (s *Server) removeComments(which func(*reviewComment) bool) {
	for _, t := range s.threads {
		t.comments = slices.DeleteFunc(t.comments, which)
	}
	s.threads = slices.DeleteFunc(s.threads, func(t *thread) bool { return len(t.comments) == 0 })
}

// reviewOf finds the review that a path names, if the caller can see it.
func (s *Server) reviewOf(c *call) *review {
	for _, r := range s.reviews {
		if fmt.Sprint(r.id) == c.PathValue("review_id") && (r.state != "PENDING" || r.author == c.by.login) {
			return r
		}
	}
	return nil
}

func notFound() (int, any) { return http.StatusNotFound, failure(http.StatusNotFound, "Not Found") }

func (s *Server) deletePendingReview(c *call) (int, any) {
	r := s.reviewOf(c)
	switch {
	case r == nil:
		return notFound()
	case r.state != "PENDING":
		return reviewFailure("Can not delete a non-pending pull request review")
	}
	answer := s.reviewJSON(r)
	s.removeComments(func(c *reviewComment) bool { return c.review == r })
	s.reviews = slices.DeleteFunc(s.reviews, func(other *review) bool { return other == r })
	return http.StatusOK, answer
}

func (s *Server) submitReview(c *call) (int, any) {
	var in struct {
		Body  string `json:"body"`
		Event string `json:"event"`
	}
	if status, answer := c.decode(&in); status != 0 {
		return status, answer
	}
	r := s.reviewOf(c)
	if r == nil {
		return notFound()
	}
	if text := s.submit(r, in.Body, in.Event); text != "" {
		return reviewFailure(text)
	}
	return http.StatusOK, s.reviewJSON(r)
}

// submit publishes a pending review, or says why not.
func (s *Server) submit(r *review, body, event string) string {
	if r.state != "PENDING" || event == "" || states[event] == "" {
		return "Can not submit this pull request review"
	}
	r.body, r.state, r.submitted = cmp.Or(body, r.body), states[event], s.now
	s.notify(r.author, "review", r.id)
	return ""
}

func (s *Server) dismissReview(c *call) (int, any) {
	r := s.reviewOf(c)
	switch {
	case r == nil:
		return notFound()
	case r.state != "CHANGES_REQUESTED" && r.state != "APPROVED":
		return reviewFailure("Can not dismiss a " + strings.ToLower(r.state) + " pull request review")
	}
	r.state = "DISMISSED"
	return http.StatusOK, s.reviewJSON(r)
}

func (s *Server) listReviewComments(c *call) (int, any) {
	list := []any{}
	for _, comment := range paginate(s, c, s.published(nil)) {
		list = append(list, s.commentJSON(comment))
	}
	return http.StatusOK, list
}

const commentResource = "PullRequestReviewComment"

// createReviewComment posts one comment, which makes a review of its own.
func (s *Server) createReviewComment(c *call) (int, any) {
	var in struct {
		draft
		CommitID string `json:"commit_id"`
	}
	if status, answer := c.decode(&in); status != 0 {
		return status, answer
	}
	problem := s.checkSingle(c.by.login, in.Body)
	if problem == nil && !s.inPull(in.CommitID) {
		problem = notInPull
	}
	var a anchor
	if problem == nil {
		a, problem = s.anchor(in.CommitID, in.draft)
	}
	if problem != nil {
		return commentFailure(commentResource, problem)
	}
	t := s.addThread(s.addReview(c.by.login, "", "COMMENTED", in.CommitID), a, in.Body)
	s.notify(c.by.login, "review comment", t.comments[0].id)
	return http.StatusCreated, s.commentJSON(t.comments[0])
}

func (s *Server) checkSingle(login, body string) *problem {
	if s.pending(login) != nil {
		return &problem{field: "user_id", comment: "user_id " + onePending}
	}
	return checkBody(body)
}

// createReply answers a thread's first comment; replies to replies do not exist.
func (s *Server) createReply(c *call) (int, any) {
	var in struct {
		Body string `json:"body"`
	}
	if status, answer := c.decode(&in); status != 0 {
		return status, answer
	}
	if problem := s.checkSingle(c.by.login, in.Body); problem != nil {
		return commentFailure(commentResource, problem)
	}
	to, _ := strconv.ParseInt(c.PathValue("comment_id"), 10, 64) // 0 is no comment
	comment := s.addReply(c.by.login, to, in.Body)
	if comment == nil {
		return notFound()
	}
	return http.StatusCreated, s.commentJSON(comment)
}

func (s *Server) addReply(login string, to int64, body string) *reviewComment {
	i := slices.IndexFunc(s.threads, func(t *thread) bool { return t.comments[0].id == to })
	if i < 0 {
		return nil
	}
	comment := s.addComment(s.threads[i], s.addReview(login, "", "COMMENTED", s.head), body)
	s.notify(login, "reply", comment.id)
	return comment
}

// commentOf finds the published comment with an id, or nil.
func (s *Server) commentOf(id string) *reviewComment {
	for _, c := range s.published(nil) {
		if fmt.Sprint(c.id) == id {
			return c
		}
	}
	return nil
}

func (s *Server) updateReviewComment(c *call) (int, any) {
	var in struct {
		Body string `json:"body"`
	}
	if status, answer := c.decode(&in); status != 0 {
		return status, answer
	}
	comment := s.commentOf(c.PathValue("comment_id"))
	if comment == nil {
		return notFound()
	}
	if problem := checkBody(in.Body); problem != nil {
		return commentFailure(commentResource, problem)
	}
	comment.body, comment.updated = in.Body, s.now
	return http.StatusOK, s.commentJSON(comment)
}

func (s *Server) deleteReviewComment(c *call) (int, any) {
	comment := s.commentOf(c.PathValue("comment_id"))
	if comment == nil {
		return notFound()
	}
	s.removeComments(func(other *reviewComment) bool { return other == comment })
	return http.StatusNoContent, nil
}

func (s *Server) reviewJSON(r *review) map[string]any {
	page, pull := s.page(fmt.Sprintf("/pull/1#pullrequestreview-%d", r.id)), s.url(repo+"/pulls/1")
	answer := map[string]any{
		"id": r.id, "node_id": nodeID("PRR", r.id), "user": s.user(r.author), "body": r.body, "state": r.state, "commit_id": r.commit,
		"html_url": page, "pull_request_url": pull, "author_association": s.association(r.author),
		"_links": map[string]any{"html": link(page), "pull_request": link(pull)},
	}
	if r.state != "PENDING" {
		answer["submitted_at"] = stamp(r.submitted)
	}
	return answer
}

func (s *Server) commentJSON(c *reviewComment) map[string]any {
	t := c.thread
	self, pull := s.url(fmt.Sprintf("%s/pulls/comments/%d", repo, c.id)), s.url(repo+"/pulls/1")
	page := s.page(fmt.Sprintf("/pull/1#discussion_r%d", c.id))
	where, current := s.place(t.anchor)
	commit := t.commit
	if current {
		commit = s.head
	}
	answer := map[string]any{
		"id": c.id, "node_id": nodeID("PRRC", c.id), "pull_request_review_id": c.review.id, "user": s.user(c.author), "body": c.body,
		"path": t.path, "diff_hunk": t.hunk, "commit_id": commit, "original_commit_id": t.commit, "side": t.side, "start_side": orNil(t.startSide),
		"line": orNil(where.line), "start_line": orNil(where.start), "position": orNil(where.position),
		"original_line": orNil(t.line), "original_start_line": orNil(t.start), "original_position": t.position,
		"subject_type": strings.ToLower(t.subject()), "created_at": stamp(c.created), "updated_at": stamp(c.updated),
		"url": self, "html_url": page, "pull_request_url": pull, "author_association": s.association(c.author),
		"_links": map[string]any{"self": link(self), "html": link(page), "pull_request": link(pull)},
	}
	if c.replyTo != 0 {
		answer["in_reply_to_id"] = c.replyTo
	}
	return answer
}

// subject is LINE or FILE, as GraphQL says it.
func (t *thread) subject() string {
	if t.line == 0 {
		return "FILE"
	}
	return "LINE"
}

func nodeID(prefix string, id int64) string { return fmt.Sprintf("%s_%d", prefix, id) }
