package githubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// rules are where a comment may stand in the pull request of opened.
var rules = []struct {
	name   string
	draft  github.DraftReviewComment
	review string // the error for a review, empty where it is allowed
	field  string // of the error for a single comment
}{
	{"changed line", at("app.yaml", "", 10), "", ""},
	{"context above", at("app.yaml", "", 7), "", ""},
	{"context below", at("app.yaml", "RIGHT", 13), "", ""},
	{"above the hunk", at("app.yaml", "", 6), "Line could not be resolved", "pull_request_review_thread.line"},
	{"between the hunks", at("app.yaml", "", 20), "Line could not be resolved", "pull_request_review_thread.line"},
	{"deleted line", at("app.yaml", "LEFT", 30), "", ""},
	{"context on the left", at("app.yaml", "LEFT", 9), "Line could not be resolved", "pull_request_review_thread.line"},
	{"untouched file", at("other.yaml", "", 1), "Path could not be resolved", "pull_request_review_thread.path"},
	{"no file", at("none.yaml", "", 1), "Path could not be resolved", "pull_request_review_thread.path"},
	{"lines", span(8, 11), "", ""},
	{"from a deleted line", github.DraftReviewComment{Path: github.String("app.yaml"), StartLine: github.Int(10), StartSide: github.String("LEFT"), Line: github.Int(11), Side: github.String("RIGHT")}, "", ""},
	{"start at the end", span(10, 10), "Pull request review thread start line must precede the end line.", "pull_request_review_thread.start_line"},
	{"start below the end", span(11, 10), "Pull request review thread start line must precede the end line.", "pull_request_review_thread.start_line"},
	{"two hunks", span(12, 28), "Pull request review thread start line must be part of the same hunk as the line.", "pull_request_review_thread.start_line"},
	{"start outside", span(3, 8), "Pull request review thread start line must be part of the same hunk as the line.", "pull_request_review_thread.start_line"},
}

func at(path, side string, line int) github.DraftReviewComment {
	draft := github.DraftReviewComment{Path: &path, Line: &line}
	if side != "" {
		draft.Side = &side
	}
	return draft
}

func span(start, line int) github.DraftReviewComment {
	draft := at("app.yaml", "RIGHT", line)
	draft.StartLine = &start
	return draft
}

func TestPlacesInReviews(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			comments, notifications := len(s.ReviewComments()), len(s.Notifications())
			rule.draft.Body = github.String("hello")
			err := post(t, s, comment("app.yaml", 10, "a good one"), &rule.draft)
			if rule.review == "" {
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "line", s.ReviewComments()[comments+1].Line, *rule.draft.Line)
				return
			}
			var answer *github.ErrorResponse
			if !errors.As(err, &answer) || answer.Response.StatusCode != 422 {
				t.Fatalf("got %v, want 422", err)
			}
			equal(t, "message", []string{answer.Message, answer.Errors[0].Message}, []string{"Unprocessable Entity", rule.review})
			equal(t, "comments, as a review is all or nothing", len(s.ReviewComments()), comments)
			equal(t, "notifications", len(s.Notifications()), notifications)
		})
	}
}

func TestPlacesOfSingleComments(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			d := rule.draft
			_, _, err := client(t, s, BotToken).PullRequests.CreateComment(context.Background(), Owner, Repository, Number, &github.PullRequestComment{
				CommitID: github.String(s.Head()), Body: github.String("hello"), Path: d.Path, Line: d.Line, Side: d.Side, StartLine: d.StartLine, StartSide: d.StartSide,
			})
			if rule.review == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var answer *github.ErrorResponse
			if !errors.As(err, &answer) || answer.Response.StatusCode != 422 {
				t.Fatalf("got %v, want 422", err)
			}
			equal(t, "error", []string{answer.Message, answer.Errors[0].Resource, answer.Errors[0].Field}, []string{"Validation Failed", "PullRequestReviewComment", rule.field})
		})
	}
}

func TestCommentOnFile(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken)
	single := func(path string) error {
		_, _, err := c.PullRequests.CreateComment(context.Background(), Owner, Repository, Number, &github.PullRequestComment{
			CommitID: github.String(s.Head()), Body: github.String("hello"), Path: &path, SubjectType: github.String("file"),
		})
		return err
	}
	if err := single("app.yaml"); err != nil {
		t.Fatal(err)
	}
	got := s.ReviewComments()[0]
	equal(t, "comment", got, ReviewComment{ID: got.ID, ReviewID: got.ReviewID, Author: BotLogin, Body: "hello", Path: "app.yaml", Side: "RIGHT", File: true})
	if err := single("other.yaml"); err == nil {
		t.Error("a comment on a file that the pull request does not touch was taken")
	}
	status, _, answer := send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", `{"event":"COMMENT","comments":[{"path":"app.yaml","body":"x","subject_type":"file"}]}`)
	if status != 422 {
		t.Errorf("subject_type in a review: %d %s", status, answer)
	}
}

func TestReviewRules(t *testing.T) {
	t.Parallel()
	s := opened(t)
	long := strings.Repeat("é", bodyLimit+1)
	for _, test := range []struct{ name, body, message string }{
		{"nothing said", `{"event":"COMMENT"}`, "Body can't be blank"},
		{"blank comment", `{"event":"COMMENT","comments":[{"path":"app.yaml","line":10,"body":" "}]}`, "Body can't be blank"},
		{"changes requested without a word", `{"event":"REQUEST_CHANGES","comments":[{"path":"app.yaml","line":10,"body":"x"}]}`, "Body can't be blank"},
		{"long body", `{"event":"COMMENT","body":"` + long + `"}`, "too long"},
		{"long comment", `{"event":"COMMENT","comments":[{"path":"app.yaml","line":10,"body":"` + long + `"}]}`, "too long"},
		{"body at the limit", `{"event":"COMMENT","body":"` + long[:2*bodyLimit] + `"}`, ""},
		{"foreign commit", `{"event":"COMMENT","body":"x","commit_id":"` + strings.Repeat("1", 40) + `"}`, "not part of the pull request"},
		{"comments alone", `{"event":"COMMENT","comments":[{"path":"app.yaml","line":10,"body":"x"}]}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, _, answer := send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", test.body)
			if want := map[bool]int{true: 200, false: 422}[test.message == ""]; status != want || !strings.Contains(answer, test.message) {
				t.Errorf("%d %s, want %d %q", status, answer, want, test.message)
			}
		})
	}
}

func TestLongIssueComment(t *testing.T) {
	t.Parallel()
	s := opened(t)
	body := `{"body":"` + strings.Repeat("x", bodyLimit) + `x"}`
	if status, _, answer := send(t, s, BotToken, "POST", repo+"/issues/1/comments", body); status != 422 || !strings.Contains(answer, "too long") {
		t.Errorf("%d %s", status, answer)
	}
	id := s.Comment(BotLogin, "short")
	if status, _, answer := send(t, s, BotToken, "PATCH", repo+"/issues/comments/"+strings.TrimPrefix(nodeID("", id), "_"), body); status != 422 {
		t.Errorf("%d %s", status, answer)
	}
	equal(t, "body", s.IssueComments()[0].Body, "short")
}

func TestTooManyComments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ count, status int }{{commentsInReview, 200}, {commentsInReview + 1, 502}} {
		s := opened(t)
		comments := make([]*github.DraftReviewComment, test.count)
		for i := range comments {
			comments[i] = comment("app.yaml", 10, "hello")
		}
		status := 200
		if err := post(t, s, comments...); err != nil {
			status = err.(*github.ErrorResponse).Response.StatusCode
		}
		equal(t, "status", status, test.status)
		equal(t, "posted all the same", len(s.ReviewComments()), test.count)
		equal(t, "notifications", len(s.Notifications()), 1)
	}
}

func TestPendingReview(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken).PullRequests
	ctx := context.Background()
	pending, _, err := c.CreateReview(ctx, Owner, Repository, Number, &github.PullRequestReviewRequest{Comments: []*github.DraftReviewComment{comment("app.yaml", 10, "hello")}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "state", pending.GetState(), "PENDING")
	equal(t, "notifications", len(s.Notifications()), 0)
	equal(t, "comments that others see", len(s.ReviewComments()), 0)
	others, _, err := client(t, s, s.Token("alice", true)).PullRequests.ListReviews(ctx, Owner, Repository, Number, nil)
	if err != nil || len(others) != 0 {
		t.Errorf("reviews that others see: %v, %v", others, err)
	}
	own, _, err := c.ListReviews(ctx, Owner, Repository, Number, nil)
	if err != nil || len(own) != 1 || own[0].GetID() != pending.GetID() {
		t.Errorf("reviews that the author sees: %v, %v", own, err)
	}
	if err := post(t, s, comment("app.yaml", 10, "hello")); err == nil || !strings.Contains(err.Error(), "one pending review") {
		t.Errorf("a second review: %v", err)
	}
	if status, _, _ := send(t, s, BotToken, "POST", repo+"/pulls/1/comments", `{"body":"x","path":"app.yaml","line":10,"commit_id":"`+s.Head()+`"}`); status != 422 {
		t.Errorf("a single comment beside a pending review: %d", status)
	}
	submitted, _, err := c.SubmitReview(ctx, Owner, Repository, Number, pending.GetID(), &github.PullRequestReviewRequest{Event: github.String("REQUEST_CHANGES"), Body: github.String("no")})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "state", submitted.GetState(), "CHANGES_REQUESTED")
	equal(t, "notifications", s.Notifications(), []Notification{{BotLogin, "review", pending.GetID()}})
	if _, _, err := c.DeletePendingReview(ctx, Owner, Repository, Number, pending.GetID()); err == nil {
		t.Error("a submitted review was deleted")
	}
	if _, _, err := c.SubmitReview(ctx, Owner, Repository, Number, pending.GetID(), &github.PullRequestReviewRequest{Event: github.String("COMMENT")}); err == nil {
		t.Error("a submitted review was submitted")
	}
	dismissed, _, err := c.DismissReview(ctx, Owner, Repository, Number, pending.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.String("done")})
	if err != nil || dismissed.GetState() != "DISMISSED" {
		t.Errorf("dismissed: %v, %v", dismissed, err)
	}
	if _, _, err := c.DismissReview(ctx, Owner, Repository, Number, pending.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.String("done")}); err == nil {
		t.Error("a review was dismissed twice")
	}
}

func TestDeletePendingReview(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken).PullRequests
	pending, _, err := c.CreateReview(context.Background(), Owner, Repository, Number, &github.PullRequestReviewRequest{Comments: []*github.DraftReviewComment{comment("app.yaml", 10, "hello")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.DeletePendingReview(context.Background(), Owner, Repository, Number, pending.GetID()); err != nil {
		t.Fatal(err)
	}
	if err := post(t, s, comment("app.yaml", 10, "again")); err != nil {
		t.Error(err)
	}
	equal(t, "comments", len(s.ReviewComments()), 1)
	equal(t, "reviews", len(s.Reviews()), 1)
}

func TestCommentsLive(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, comment("app.yaml", 10, "first"), comment("app.yaml", 11, "second")); err != nil {
		t.Fatal(err)
	}
	c := client(t, s, BotToken).PullRequests
	ctx := context.Background()
	first := s.ReviewComments()[0].ID
	answer := func(to int64) int {
		status, _, _ := send(t, s, BotToken, "POST", fmt.Sprintf("%s/pulls/1/comments/%d/replies", repo, to), `{"body":"answer"}`)
		return status
	}
	equal(t, "a reply", answer(first), http.StatusCreated)
	reply := s.ReviewComments()[2].ID
	s.Reply("alice", first, "thanks")
	if _, _, err := c.EditComment(ctx, Owner, Repository, first, &github.PullRequestComment{Body: github.String("edited")}); err != nil {
		t.Fatal(err)
	}
	equal(t, "a reply to a reply", answer(reply), http.StatusNotFound)
	if _, err := c.DeleteComment(ctx, Owner, Repository, first); err != nil {
		t.Fatal(err)
	}
	var got []string
	list, _, err := c.ListComments(ctx, Owner, Repository, Number, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		got = append(got, c.GetUser().GetLogin()+": "+c.GetBody())
		if c.GetID() == reply {
			equal(t, "in_reply_to_id", c.GetInReplyTo(), first)
		}
	}
	equal(t, "comments", got, []string{BotLogin + ": second", BotLogin + ": answer", "alice: thanks"})
	var kinds []string
	for _, n := range s.Notifications() {
		kinds = append(kinds, n.Kind)
	}
	equal(t, "notifications", kinds, []string{"review", "reply", "reply"})
	if _, err := c.DeleteComment(ctx, Owner, Repository, first); err == nil {
		t.Error("a comment was deleted twice")
	}
}

func TestCommentFields(t *testing.T) {
	t.Parallel()
	s := opened(t)
	draft := span(8, 10)
	draft.Body = github.String("hello")
	if err := post(t, s, &draft); err != nil {
		t.Fatal(err)
	}
	list, _, err := client(t, s, BotToken).PullRequests.ListComments(context.Background(), Owner, Repository, Number, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := list[0]
	equal(t, "hunk", c.GetDiffHunk(), "@@ -7,7 +7,7 @@ line 6\n line 7\n line 8\n line 9\n-line 10\n+changed")
	equal(t, "numbers", []int{c.GetStartLine(), c.GetLine(), c.GetPosition(), c.GetOriginalStartLine(), c.GetOriginalLine(), c.GetOriginalPosition()}, []int{8, 10, 5, 8, 10, 5})
	equal(t, "words", []string{c.GetSide(), c.GetStartSide(), c.GetSubjectType(), c.GetCommitID()}, []string{"RIGHT", "RIGHT", "line", s.Head()})
}

func TestIssueComments(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken).Issues
	ctx := context.Background()
	created, _, err := c.CreateComment(ctx, Owner, Repository, Number, &github.IssueComment{Body: github.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.EditComment(ctx, Owner, Repository, created.GetID(), &github.IssueComment{Body: github.String("two")}); err != nil {
		t.Fatal(err)
	}
	equal(t, "body", s.IssueComments()[0].Body, "two")
	equal(t, "notifications, as an edit sends none", len(s.Notifications()), 1)
	for range 2 {
		_, err = c.DeleteComment(ctx, Owner, Repository, created.GetID())
	}
	if err == nil {
		t.Error("a comment was deleted twice")
	}
}
