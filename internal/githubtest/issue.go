package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

type issueComment struct {
	id               int64
	author, body     string
	created, updated time.Time
	minimized        string
}

func (s *Server) listIssueComments(c *call) (int, any) {
	list := []any{}
	for _, comment := range paginate(s, c, s.issueComments) {
		list = append(list, s.issueCommentJSON(comment))
	}
	return http.StatusOK, list
}

// issueBody reads and checks the body of a comment.
func issueBody(c *call) (body string, status int, answer any) {
	var in struct {
		Body string `json:"body"`
	}
	if status, answer = c.decode(&in); status != 0 {
		return "", status, answer
	}
	if problem := checkBody(in.Body); problem != nil {
		status, answer = commentFailure("IssueComment", problem)
	}
	return in.Body, status, answer
}

func (s *Server) createIssueComment(c *call) (int, any) {
	body, status, answer := issueBody(c)
	if status != 0 {
		return status, answer
	}
	return http.StatusCreated, s.issueCommentJSON(s.addIssueComment(c.by.login, body))
}

func (s *Server) addIssueComment(login, body string) *issueComment {
	comment := &issueComment{id: s.nextID(), author: login, body: body, created: s.now, updated: s.now}
	s.issueComments = append(s.issueComments, comment)
	s.notify(login, "issue comment", comment.id)
	return comment
}

func (s *Server) issueCommentOf(id string) *issueComment {
	for _, comment := range s.issueComments {
		if fmt.Sprint(comment.id) == id {
			return comment
		}
	}
	return nil
}

func (s *Server) updateIssueComment(c *call) (int, any) {
	comment := s.issueCommentOf(c.PathValue("comment_id"))
	if comment == nil {
		return notFound()
	}
	body, status, answer := issueBody(c)
	if status != 0 {
		return status, answer
	}
	comment.body, comment.updated = body, s.now
	return http.StatusOK, s.issueCommentJSON(comment)
}

func (s *Server) deleteIssueComment(c *call) (int, any) {
	comment := s.issueCommentOf(c.PathValue("comment_id"))
	if comment == nil {
		return notFound()
	}
	s.issueComments = slices.DeleteFunc(s.issueComments, func(other *issueComment) bool { return other == comment })
	return http.StatusNoContent, nil
}

func (s *Server) issueCommentJSON(c *issueComment) map[string]any {
	return map[string]any{
		"id": c.id, "node_id": nodeID("IC", c.id), "user": s.user(c.author), "body": c.body, "author_association": s.association(c.author),
		"url": s.url(fmt.Sprintf("%s/issues/comments/%d", repo, c.id)), "html_url": s.page(fmt.Sprintf("/pull/1#issuecomment-%d", c.id)),
		"issue_url": s.url(repo + "/issues/1"), "created_at": stamp(c.created), "updated_at": stamp(c.updated),
	}
}
