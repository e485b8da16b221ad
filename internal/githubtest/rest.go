package githubtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// rest has the handlers of the REST API.
type rest struct {
	tb       testing.TB
	pull     *pullRequest
	api, web string // the addresses of the API and of the pages for people
}

// call is one REST request after its token was checked.
type call struct {
	*http.Request
	body []byte
	by   identity // of the token
}

// routes are the simulated operations of the REST API, by their names in GitHub's description. A handler returns a
// status, and a value that is written as JSON.
var routes = map[string]func(*rest, *call) (status int, answer any){
	"GET /repos/{owner}/{repo}/compare/{basehead}":                                 (*rest).compare,
	"POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews":                       (*rest).createReview,
	"DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}":         (*rest).deletePendingReview,
	"POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events":    (*rest).submitReview,
	"PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals": (*rest).dismissReview,
	"POST /repos/{owner}/{repo}/issues/{issue_number}/comments":                    (*rest).createIssueComment,
}

// decode reads a JSON body into v. The test fails if the body has a field that v does not have, because this field
// is not simulated.
func (a *rest) decode(c *call, v any) {
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		a.tb.Errorf("githubtest: %s %s is not simulated: %v", c.Method, c.URL.Path, err)
	}
}

// failure returns the body of an error of GitHub. A detail is a string or an object: it differs by endpoint.
func failure(status int, message string, details ...any) map[string]any {
	body := map[string]any{
		"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	}
	if len(details) > 0 {
		body["errors"] = details
	}
	return body
}

func notFound() (int, any) { return http.StatusNotFound, failure(http.StatusNotFound, "Not Found") }

func unprocessable(err error) (int, any) {
	return http.StatusUnprocessableEntity, failure(http.StatusUnprocessableEntity, "Unprocessable Entity", err.Error())
}

// createReview creates a review. GitHub was seen to answer 502 to a review with more than 32 comments, and to
// create the review: https://github.com/src-d/lookout/issues/264. The simulator does the same.
func (a *rest) createReview(c *call) (int, any) {
	var in draftReview
	a.decode(c, &in)
	r, err := a.pull.createReview(c.by.login, in)
	switch {
	case err != nil:
		return unprocessable(err)
	case len(in.Comments) > commentsInReview:
		return http.StatusBadGateway, failure(http.StatusBadGateway, "Server Error")
	}
	return http.StatusOK, a.reviewJSON(r)
}

// changeReview changes the review that the path of the request names, and answers with the review.
func (a *rest) changeReview(c *call, change func(*review) error) (int, any) {
	r := a.pull.reviewWith(c.PathValue("review_id"), c.by.login)
	if r == nil {
		return notFound()
	}
	if err := change(r); err != nil {
		return unprocessable(err)
	}
	return http.StatusOK, a.reviewJSON(r)
}

func (a *rest) deletePendingReview(c *call) (int, any) {
	return a.changeReview(c, a.pull.deletePendingReview)
}

func (a *rest) submitReview(c *call) (int, any) {
	var in struct {
		Body  string `json:"body"`
		Event string `json:"event"`
	}
	a.decode(c, &in)
	return a.changeReview(c, func(r *review) error { return a.pull.submit(r, in.Body, in.Event) })
}

func (a *rest) dismissReview(c *call) (int, any) {
	return a.changeReview(c, a.pull.dismiss)
}

func (a *rest) createIssueComment(c *call) (int, any) {
	var in struct {
		Body string `json:"body"`
	}
	a.decode(c, &in)
	comment, err := a.pull.addIssueComment(c.by.login, in.Body)
	if err != nil {
		field := "body"
		if errors.Is(err, longRefused) {
			field = "data"
		}
		detail := map[string]any{"resource": "IssueComment", "code": "custom", "field": field, "message": err.Error()}
		return http.StatusUnprocessableEntity, failure(http.StatusUnprocessableEntity, "Validation Failed", detail)
	}
	return http.StatusCreated, a.issueCommentJSON(comment)
}

// compare compares two commits or branches of the repository. Its answer has the first page of commits, and no
// files.
func (a *rest) compare(c *call) (int, any) {
	query, git := c.URL.Query(), a.pull.git
	if page := query.Get("page"); page != "" && page != "1" {
		a.tb.Errorf("githubtest: %s: page %s is not simulated", c.URL.Path, page)
	}
	basehead := c.PathValue("basehead")
	from, to, _ := strings.Cut(basehead, "...")
	output, err := git.run("", "merge-base", "--end-of-options", from, to)
	if err != nil {
		return notFound()
	}
	common := strings.TrimSpace(output)
	ahead, behind := a.commits(common+".."+to), a.commits(common+".."+from)
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil {
		size = 30
	}
	page := a.page("/compare/" + basehead)
	return http.StatusOK, map[string]any{
		"url": a.url(repo + "/compare/" + basehead), "html_url": page, "permalink_url": page,
		"diff_url": page + ".diff", "patch_url": page + ".patch",
		"base_commit": a.commits("-1", from)[0], "merge_base_commit": a.commits("-1", common)[0],
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": ahead[:min(len(ahead), size)],
	}
}
