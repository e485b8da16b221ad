package githubtest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

// rules are where a comment may stand in the pull request of opened.
var rules = []struct {
	name   string
	draft  github.DraftReviewComment
	review string // the error for a review, empty where it is allowed
}{
	{"changed line", at("app.yaml", 10), ""},
	{"context above", at("app.yaml", 7), ""},
	{"context below", at("app.yaml", 13), ""},
	{"above the hunk", at("app.yaml", 6), "Line could not be resolved"},
	{"between the hunks", at("app.yaml", 20), "Line could not be resolved"},
	{"untouched file", at("other.yaml", 1), "Path could not be resolved"},
	{"no file", at("none.yaml", 1), "Path could not be resolved"},
	{"lines", span(8, 11), ""},
	{"start at the end", span(10, 10), "Pull request review thread start line must precede the end line."},
	{"start below the end", span(11, 10), "Pull request review thread start line must precede the end line."},
	{"two hunks", span(12, 28), "Pull request review thread start line must be part of the same hunk as the line."},
	{"start outside", span(3, 8), "Pull request review thread start line must be part of the same hunk as the line."},
}

func at(path string, line int) github.DraftReviewComment {
	return github.DraftReviewComment{Path: &path, Line: &line}
}

func span(start, line int) github.DraftReviewComment {
	draft := at("app.yaml", line)
	draft.StartLine = &start
	return draft
}

func TestCommentsMustBeInTheDiff(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			comments, notifications := len(s.ReviewComments()), len(s.Notifications())
			rule.draft.Body = github.String("hello")
			err := post(t, s, onLine("app.yaml", 10, "a good one"), &rule.draft)
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

// TestFileComments: a comment on a file is added to a pending review over GraphQL; REST does not take one.
func TestFileComments(t *testing.T) {
	t.Parallel()
	s := opened(t)
	status, _, answer := send(t, s, BotToken, "POST", repo+"/pulls/1/reviews", `{"event":"COMMENT","comments":[{"path":"app.yaml","body":"x","subject_type":"file"}]}`)
	if status != 422 {
		t.Errorf("subject_type in a review: %d %s", status, answer)
	}
	pending, _, err := client(t, s, BotToken).PullRequests.CreateReview(context.Background(), Owner, Repository, Number, &github.PullRequestReviewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(token, review, path, body string) (any, []string) {
		t.Helper()
		data, problems := query(t, s, token, `mutation($input: AddPullRequestReviewThreadInput!) { addPullRequestReviewThread(input: $input) { thread { id } } }`,
			map[string]any{"input": map[string]any{"pullRequestReviewId": review, "path": path, "body": body, "subjectType": "FILE"}})
		if data["addPullRequestReviewThread"] == nil {
			return nil, problems
		}
		return data["addPullRequestReviewThread"].(map[string]any)["thread"], problems
	}
	if thread, problems := add(BotToken, pending.GetNodeID(), "app.yaml", "hello"); thread == nil || problems != nil {
		t.Errorf("a changed file: %v %v", thread, problems)
	}
	if thread, problems := add(BotToken, pending.GetNodeID(), "other.yaml", "hello"); thread != nil || problems != nil {
		t.Errorf("a file that the pull request does not touch: %v %v", thread, problems)
	}
	_, problems := add(BotToken, pending.GetNodeID(), "app.yaml", " ")
	equal(t, "a blank body", problems, []string{"UNPROCESSABLE: Body can't be blank"})
	_, problems = add(s.Token("alice"), pending.GetNodeID(), "app.yaml", "hello")
	equal(t, "somebody else's review", problems, []string{"NOT_FOUND: Could not resolve to a node with the global id of '" + pending.GetNodeID() + "'."})
	if _, _, err := client(t, s, BotToken).PullRequests.SubmitReview(context.Background(), Owner, Repository, Number, pending.GetID(), &github.PullRequestReviewRequest{Event: github.String("COMMENT")}); err != nil {
		t.Fatal(err)
	}
	equal(t, "comments", s.ReviewComments(), []ReviewComment{{ID: s.ReviewComments()[0].ID, Author: BotLogin, Body: "hello", Path: "app.yaml", File: true}})
	equal(t, "notifications", s.Notifications(), []Notification{{BotLogin, "review", pending.GetID()}})
}

func TestWrongReviewIsRefused(t *testing.T) {
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

func TestLongIssueCommentIsRefused(t *testing.T) {
	t.Parallel()
	s := opened(t)
	body := `{"body":"` + strings.Repeat("x", bodyLimit) + `x"}`
	if status, _, answer := send(t, s, BotToken, "POST", repo+"/issues/1/comments", body); status != 422 || !strings.Contains(answer, "too long") {
		t.Errorf("%d %s", status, answer)
	}
	s.Comment(BotLogin, "short")
	_, problems := query(t, s, BotToken, `mutation($input: UpdateIssueCommentInput!) { updateIssueComment(input: $input) { clientMutationId } }`,
		map[string]any{"input": map[string]any{"id": nodeID("IC", s.IssueComments()[0].ID), "body": strings.Repeat("x", bodyLimit+1)}})
	if len(problems) != 1 || !strings.Contains(problems[0], "too long") {
		t.Errorf("%q", problems)
	}
	equal(t, "body", s.IssueComments()[0].Body, "short")
}

func TestTooManyCommentsArePostedWith502(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ count, status int }{{commentsInReview, 200}, {commentsInReview + 1, 502}} {
		s := opened(t)
		comments := make([]*github.DraftReviewComment, test.count)
		for i := range comments {
			comments[i] = onLine("app.yaml", 10, "hello")
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

func TestPendingReviewIsItsAuthorsAlone(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken).PullRequests
	ctx := context.Background()
	pending, _, err := c.CreateReview(ctx, Owner, Repository, Number, &github.PullRequestReviewRequest{Comments: []*github.DraftReviewComment{onLine("app.yaml", 10, "hello")}})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "state", pending.GetState(), "PENDING")
	equal(t, "notifications", len(s.Notifications()), 0)
	equal(t, "comments that others see", len(s.ReviewComments()), 0)
	for token, want := range map[string]string{s.Token("alice"): "[]", BotToken: `[{"state":"PENDING"}]`} {
		reviews := fetch(t, s, token, "reviews(last: 100, states: [PENDING]) { nodes { state } }", nil)["nodes"]
		equal(t, "reviews", reviews, any(json.RawMessage(want)))
		comments := fetch(t, s, token, "reviewThreads(first: 100) { nodes { comments(first: 1) { nodes { state } } } }", nil)["nodes"]
		equal(t, "threads, which only their author sees", len(comments.([]any)), map[bool]int{true: 1}[token == BotToken])
	}
	if err := post(t, s, onLine("app.yaml", 10, "hello")); err == nil || !strings.Contains(err.Error(), "one pending review") {
		t.Errorf("a second review: %v", err)
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

func TestDeletedPendingReviewTakesItsComments(t *testing.T) {
	t.Parallel()
	s := opened(t)
	c := client(t, s, BotToken).PullRequests
	pending, _, err := c.CreateReview(context.Background(), Owner, Repository, Number, &github.PullRequestReviewRequest{Comments: []*github.DraftReviewComment{onLine("app.yaml", 10, "hello")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.DeletePendingReview(context.Background(), Owner, Repository, Number, pending.GetID()); err != nil {
		t.Fatal(err)
	}
	if err := post(t, s, onLine("app.yaml", 10, "again")); err != nil {
		t.Error(err)
	}
	equal(t, "comments", len(s.ReviewComments()), 1)
	equal(t, "reviews", len(s.Reviews()), 1)
}

func TestPeopleComment(t *testing.T) {
	t.Parallel()
	s := opened(t)
	s.Review("alice", "COMMENT", "look", DraftComment{Path: "app.yaml", Line: 10, Body: "first"})
	first := s.ReviewComments()[0].ID
	s.Reply("bob", first, "thanks")
	s.Resolve(first)
	s.Hide(first, "OFF_TOPIC")
	s.Comment("carol", "hello")
	var got []string
	for _, c := range s.ReviewComments() {
		got = append(got, c.Author+": "+c.Body+" "+c.Minimized)
	}
	equal(t, "comments", got, []string{"alice: first off-topic", "bob: thanks "})
	equal(t, "reviews", s.Reviews()[0], Review{ID: s.Reviews()[0].ID, Author: "alice", Body: "look", State: "COMMENTED", Commit: s.Head()})
	thread := fetch(t, s, BotToken, "reviewThreads(first: 1) { nodes { isResolved comments(first: 1) { totalCount nodes { isMinimized minimizedReason author { login } } } } }", nil)["nodes"]
	equal(t, "thread", thread, any(json.RawMessage(
		`[{"comments":{"nodes":[{"author":{"login":"alice"},"isMinimized":true,"minimizedReason":"off-topic"}],"totalCount":2},"isResolved":true}]`)))
	var notified []string
	for _, n := range s.Notifications() {
		notified = append(notified, n.By+": "+n.Kind)
	}
	equal(t, "notifications", notified, []string{"alice: review", "bob: reply", "carol: issue comment"})
	equal(t, "requests, as people send none", len(s.Requests()), 1)
}
