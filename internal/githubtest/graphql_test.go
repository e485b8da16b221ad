package githubtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestViewer(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for token, login := range map[string]string{BotToken: BotLogin, ReadToken: BotLogin, s.Token("alice", true): "alice"} {
		data, problems := query(t, s, token, `{ viewer { login __typename } }`, nil)
		equal(t, "problems", problems, nil)
		equal(t, "viewer", data, map[string]any{"viewer": map[string]any{"login": login, "__typename": "User"}})
	}
	if status, _, _ := send(t, s, "ghs_wrong", "POST", "/../graphql", `{"query":"{viewer{login}}"}`); status != 401 {
		t.Errorf("a wrong token: %d", status)
	}
}

const threadsQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 2, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved isOutdated line startLine path diffSide subjectType resolvedBy { login }
          comments(first: 10) { nodes { ...comment } }
        }
      }
    }
  }
}
fragment comment on PullRequestReviewComment {
  id databaseId fullDatabaseId body isMinimized minimizedReason viewerDidAuthor outdated
  author { login __typename ... on Bot { databaseId } }
  replyTo { databaseId }
  pullRequestReview { state }
}`

func listThreads(t *testing.T, s *Server, after any) map[string]any {
	t.Helper()
	data, problems := query(t, s, BotToken, threadsQuery, map[string]any{"owner": Owner, "name": Repository, "number": Number, "after": after})
	equal(t, "problems", problems, nil)
	return data["repository"].(map[string]any)["pullRequest"].(map[string]any)["reviewThreads"].(map[string]any)
}

func TestThreads(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, comment("app.yaml", 10, "one"), comment("app.yaml", 11, "two"), comment("app.yaml", 28, "three")); err != nil {
		t.Fatal(err)
	}
	c := s.ReviewComments()
	s.Reply("alice", c[0].ID, "why?")
	s.Resolve("alice", c[1].ID)
	s.Push(s.Commit(s.Head(), map[string]string{"app.yaml": "new\n" + lines(40, map[int]string{10: "again\n", 30: ""})}))

	page := listThreads(t, s, nil)
	equal(t, "count", page["totalCount"], any(3))
	nodes := page["nodes"].([]any)
	first, second := nodes[0].(map[string]any), nodes[1].(map[string]any)
	equal(t, "first", []any{first["isResolved"], first["isOutdated"], first["line"]}, []any{false, true, nil})
	equal(t, "second", []any{second["isResolved"], second["isOutdated"], second["line"], second["resolvedBy"]}, []any{true, false, 12, map[string]any{"login": "alice"}})
	comments := first["comments"].(map[string]any)["nodes"].([]any)
	bot, person := comments[0].(map[string]any), comments[1].(map[string]any)
	equal(t, "the bot's author", bot["author"].(map[string]any), map[string]any{"login": "github-actions", "__typename": "Bot", "databaseId": number(BotLogin)})
	equal(t, "authors", []any{bot["viewerDidAuthor"], person["viewerDidAuthor"]}, []any{true, false})
	equal(t, "reply", person["replyTo"], any(map[string]any{"databaseId": c[0].ID}))

	page = listThreads(t, s, page["pageInfo"].(map[string]any)["endCursor"])
	equal(t, "second page", []any{len(page["nodes"].([]any)), page["pageInfo"].(map[string]any)["hasNextPage"]}, []any{1, false})
}

func TestMutations(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, comment("app.yaml", 10, "one"), comment("app.yaml", 11, "two")); err != nil {
		t.Fatal(err)
	}
	summary := s.Comment(BotLogin, "summary")
	c := s.ReviewComments()
	before := len(s.Notifications())
	mutate := func(token, name, input, payload string, variables map[string]any) []string {
		t.Helper()
		_, problems := query(t, s, token, fmt.Sprintf("mutation($id: ID!) { %s(input: {%s}) { %s } }", name, input, payload), variables)
		return problems
	}
	id := func(prefix string, id int64) map[string]any { return map[string]any{"id": nodeID(prefix, id)} }
	minimize := "subjectId: $id, classifier: OUTDATED"
	payload := "minimizedComment { isMinimized minimizedReason ... on Node { id } }"
	for _, target := range []map[string]any{id("PRRC", c[0].ID), id("IC", summary), id("PRR", c[0].ReviewID)} {
		equal(t, "minimize", mutate(BotToken, "minimizeComment", minimize, payload, target), nil)
	}
	equal(t, "minimized", []string{s.ReviewComments()[0].Minimized, s.IssueComments()[0].Minimized}, []string{"outdated", "outdated"})
	equal(t, "unminimize", mutate(BotToken, "unminimizeComment", "subjectId: $id", "unminimizedComment { isMinimized }", id("IC", summary)), nil)
	equal(t, "minimized", s.IssueComments()[0].Minimized, "")
	missing := []string{"NOT_FOUND: Could not resolve to a node with the global id of 'PRRC_1'."}
	equal(t, "minimize nothing", mutate(BotToken, "minimizeComment", minimize, payload, id("PRRC", 1)), missing)
	equal(t, "minimize, read-only", mutate(ReadToken, "minimizeComment", minimize, payload, id("IC", summary)), []string{"FORBIDDEN: " + notAccessible})

	resolve := func(token string) []string {
		return mutate(token, "resolveReviewThread", "threadId: $id", "thread { isResolved }", id("PRRT", s.threads[0].id))
	}
	equal(t, "resolve as a workflow", resolve(BotToken), []string{"FORBIDDEN: " + notAccessible})
	equal(t, "resolve as a person", resolve(s.Token("alice", true)), nil)
	equal(t, "resolved", s.ReviewComments()[0].ResolvedBy, "alice")
	equal(t, "unresolve", mutate(s.Token("alice", true), "unresolveReviewThread", "threadId: $id", "thread { isResolved }", id("PRRT", s.threads[0].id)), nil)
	equal(t, "resolved", s.ReviewComments()[0].ResolvedBy, "")

	equal(t, "update", mutate(BotToken, "updateIssueComment", `id: $id, body: "new"`, "issueComment { body }", id("IC", summary)), nil)
	equal(t, "blank", mutate(BotToken, "updatePullRequestReviewComment", `pullRequestReviewCommentId: $id, body: " "`, "pullRequestReviewComment { body }", id("PRRC", c[1].ID)),
		[]string{"UNPROCESSABLE: [map[code:custom field:body message:body can't be blank resource:PullRequestReviewComment]]"})
	equal(t, "body", s.IssueComments()[0].Body, "new")
	equal(t, "delete", mutate(BotToken, "deletePullRequestReviewComment", "id: $id", "clientMutationId", id("PRRC", c[0].ID)), nil)
	equal(t, "delete", mutate(BotToken, "deleteIssueComment", "id: $id", "clientMutationId", id("IC", summary)), nil)
	equal(t, "left", []int{len(s.ReviewComments()), len(s.IssueComments())}, []int{1, 0})
	equal(t, "notifications", len(s.Notifications()), before)
}

// TestReviewByThreads: comments on files and on lines in one review, which REST cannot.
func TestReviewByThreads(t *testing.T) {
	t.Parallel()
	s := opened(t)
	pending, _, err := client(t, s, BotToken).PullRequests.CreateReview(context.Background(), Owner, Repository, Number, &github.PullRequestReviewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(where string) any {
		t.Helper()
		data, problems := query(t, s, BotToken, `mutation($id: ID!) { addPullRequestReviewThread(input: {pullRequestReviewId: $id, body: "hello", path: "app.yaml", `+where+`}) { thread { subjectType line startLine } } }`,
			map[string]any{"id": pending.GetNodeID()})
		equal(t, "problems", problems, nil)
		return data["addPullRequestReviewThread"].(map[string]any)["thread"]
	}
	equal(t, "on lines", add("startLine: 8, line: 10, side: RIGHT"), any(map[string]any{"subjectType": "LINE", "line": 10, "startLine": 8}))
	equal(t, "on the file", add("subjectType: FILE"), any(map[string]any{"subjectType": "FILE", "line": nil, "startLine": nil}))
	equal(t, "outside the diff", add("line: 20"), nil)
	_, problems := query(t, s, BotToken, `mutation($id: ID!) { submitPullRequestReview(input: {pullRequestReviewId: $id, event: COMMENT}) { pullRequestReview { state comments(first: 5) { totalCount } } } }`,
		map[string]any{"id": pending.GetNodeID()})
	equal(t, "problems", problems, nil)
	equal(t, "comments", len(s.ReviewComments()), 2)
	equal(t, "notifications", s.Notifications(), []Notification{{BotLogin, "review", pending.GetID()}})
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for text, want := range map[string]string{
		`{ repository(owner: "acme", name: "none") { id } }`:                                                            "NOT_FOUND: Could not resolve to a Repository with the name 'acme/none'.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 7) { id } } }`:                                 "NOT_FOUND: Could not resolve to a PullRequest with the number of 7.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 1) { comments { totalCount } } } }`:            "MISSING_PAGINATION_BOUNDARIES: You must provide a `first` or `last` value to properly paginate the `comments` connection.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 1) { reviews(first: 101) { totalCount } } } }`: "EXCESSIVE_PAGINATION: Requesting 101 records on the `reviews` connection exceeds the `first` limit of 100 records.",
		`{ node(id: "X") { id } }`: "NOT_FOUND: Could not resolve to a node with the global id of 'X'.",
	} {
		_, problems := query(t, s, BotToken, text, nil)
		equal(t, text, problems, []string{want})
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for i := range 3 {
		s.Comment("alice", fmt.Sprint(i))
	}
	last := nodeID("IC", s.IssueComments()[2].ID)
	data, _ := query(t, s, BotToken, `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on IssueComment { body } } }`, map[string]any{"ids": []string{last}})
	equal(t, "nodes", data["nodes"], any([]any{map[string]any{"id": last, "body": "2"}}))
	data, _ = query(t, s, BotToken, `{ repository(owner: "acme", name: "apps") { pullRequest(number: 1) { headRefOid comments(last: 2) { nodes { body } pageInfo { hasPreviousPage } } } } }`, nil)
	want := map[string]any{"headRefOid": s.Head(), "comments": map[string]any{
		"nodes": []any{map[string]any{"body": "1"}, map[string]any{"body": "2"}}, "pageInfo": map[string]any{"hasPreviousPage": true}}}
	equal(t, "last", data["repository"].(map[string]any)["pullRequest"], any(want))
}
