package githubtest

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// fetch asks for a connection of the pull request and returns it.
func fetch(t testing.TB, s *Server, token, connection string, variables map[string]any) map[string]any {
	t.Helper()
	declared := ""
	if variables != nil {
		declared = "($after: String)"
	}
	data, problems := query(t, s, token, fmt.Sprintf(`query%s { repository(owner: "acme", name: "apps") { pullRequest(number: 1) { it: %s } } }`, declared, connection), variables)
	equal(t, "problems", problems, nil)
	return data["repository"].(map[string]any)["pullRequest"].(map[string]any)["it"].(map[string]any)
}

func TestViewer(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for token, login := range map[string]string{BotToken: BotLogin, ReadToken: BotLogin, s.Token("alice"): "alice"} {
		data, problems := query(t, s, token, `{ viewer { login } }`, nil)
		equal(t, "problems", problems, nil)
		equal(t, "viewer", data, map[string]any{"viewer": map[string]any{"login": login}})
	}
	if status, _, _ := send(t, s, "ghs_wrong", "POST", "/../graphql", `{"query":"{viewer{login}}"}`); status != 401 {
		t.Errorf("a wrong token: %d", status)
	}
}

// TestOperations: the whole query of package review is answered.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, onLine("app.yaml", 10, "one")); err != nil {
		t.Fatal(err)
	}
	s.Comment("alice", "hello")
	s.Review("alice", "REQUEST_CHANGES", "no")
	operations, err := os.ReadFile("description/operations.graphql")
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(operations), "\nmutation ")
	data, problems := query(t, s, BotToken, text, map[string]any{"owner": Owner, "name": Repository, "number": Number})
	equal(t, "problems", problems, nil)
	comments, reviews := s.IssueComments(), s.Reviews()
	equal(t, "answer", any(data), any(json.RawMessage(fmt.Sprintf(`{"repository":{"pullRequest":{`+
		`"comments":{"nodes":[{"author":{"__typename":"User","login":"alice"},"body":"hello","id":"IC_%d"}],"pageInfo":{"endCursor":"1","hasNextPage":false}},`+
		`"headRefOid":"%s",`+
		`"reviewThreads":{"nodes":[{"comments":{"nodes":[{"author":{"__typename":"Bot","login":"github-actions"},"body":"one","id":"PRRC_%d","isMinimized":false,`+
		`"minimizedReason":null,"state":"SUBMITTED"}],"totalCount":1},"isResolved":false}],"pageInfo":{"endCursor":"1","hasNextPage":false}},`+
		`"reviews":{"nodes":[{"author":{"__typename":"User","login":"alice"},"body":"no","fullDatabaseId":"%d","id":"PRR_%d","state":"CHANGES_REQUESTED"}]}}},`+
		`"viewer":{"login":"github-actions[bot]"}}`, comments[0].ID, s.Head(), s.ReviewComments()[0].ID, reviews[1].ID, reviews[1].ID))))
}

func TestPaging(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for i := range 5 {
		s.Comment("alice", fmt.Sprint(i))
	}
	var pages []any
	variables := map[string]any{"after": nil}
	for more := true; more; {
		page := fetch(t, s, BotToken, "comments(first: 2, after: $after) { nodes { body } pageInfo { hasNextPage endCursor } }", variables)
		pages = append(pages, page["nodes"])
		info := page["pageInfo"].(map[string]any)
		more, variables["after"] = info["hasNextPage"].(bool), info["endCursor"]
	}
	equal(t, "pages", any(pages), any(json.RawMessage(`[[{"body":"0"},{"body":"1"}],[{"body":"2"},{"body":"3"}],[{"body":"4"}]]`)))
	last := fetch(t, s, BotToken, "comments(last: 1) { nodes { body } }", nil)
	equal(t, "last", last["nodes"], any(json.RawMessage(`[{"body":"4"}]`)))
}

func TestMutations(t *testing.T) {
	t.Parallel()
	s := opened(t)
	if err := post(t, s, onLine("app.yaml", 10, "one"), onLine("app.yaml", 11, "two")); err != nil {
		t.Fatal(err)
	}
	summary, c := nodeID("IC", s.Comment(BotLogin, "summary")), s.ReviewComments()
	first, second := nodeID("PRRC", c[0].ID), nodeID("PRRC", c[1].ID)
	before := len(s.Notifications())
	mutate := func(token, name, input string) []string {
		t.Helper()
		_, problems := query(t, s, token, fmt.Sprintf("mutation { %s(input: {%s}) { clientMutationId } }", name, input), nil)
		return problems
	}
	for _, id := range []string{first, summary} {
		equal(t, "minimize", mutate(BotToken, "minimizeComment", `classifier: OUTDATED, subjectId: "`+id+`"`), nil)
	}
	equal(t, "minimized", []string{s.ReviewComments()[0].Minimized, s.IssueComments()[0].Minimized}, []string{"outdated", "outdated"})
	missing := []string{"NOT_FOUND: Could not resolve to a node with the global id of 'PRRC_1'."}
	equal(t, "minimize nothing", mutate(BotToken, "minimizeComment", `classifier: OUTDATED, subjectId: "PRRC_1"`), missing)
	equal(t, "minimize, read-only", mutate(ReadToken, "minimizeComment", `classifier: OUTDATED, subjectId: "`+summary+`"`), []string{"FORBIDDEN: " + notAccessible})
	equal(t, "update", mutate(BotToken, "updateIssueComment", `body: "new", id: "`+summary+`"`), nil)
	equal(t, "blank", mutate(BotToken, "updateIssueComment", `body: " ", id: "`+summary+`"`), []string{"UNPROCESSABLE: Body can't be blank"})
	equal(t, "body", s.IssueComments()[0].Body, "new")
	for name, ids := range map[string][2]string{"deletePullRequestReviewComment": {second, summary}, "deleteIssueComment": {summary, first}} {
		id, other := ids[0], ids[1]
		equal(t, "delete another kind", len(mutate(BotToken, name, `id: "`+other+`"`)), 1)
		equal(t, "delete", mutate(BotToken, name, `id: "`+id+`"`), nil)
		equal(t, "delete again", mutate(BotToken, name, `id: "`+id+`"`), []string{"NOT_FOUND: Could not resolve to a node with the global id of '" + id + "'."})
	}
	equal(t, "left", []int{len(s.ReviewComments()), len(s.IssueComments())}, []int{1, 0})
	equal(t, "notifications", len(s.Notifications()), before)
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	s := opened(t)
	for text, want := range map[string]string{
		`{ repository(owner: "acme", name: "none") { pullRequest(number: 1) { headRefOid } } }`:                           "NOT_FOUND: Could not resolve to a Repository with the name 'acme/none'.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 7) { headRefOid } } }`:                           "NOT_FOUND: Could not resolve to a PullRequest with the number of 7.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 1) { comments { nodes { id } } } } }`:            "MISSING_PAGINATION_BOUNDARIES: You must provide a `first` or `last` value to properly paginate the `comments` connection.",
		`{ repository(owner: "acme", name: "apps") { pullRequest(number: 1) { reviews(first: 101) { nodes { id } } } } }`: "EXCESSIVE_PAGINATION: Requesting 101 records on the `reviews` connection exceeds the `first` limit of 100 records.",
	} {
		_, problems := query(t, s, BotToken, text, nil)
		equal(t, text, problems, []string{want})
	}
}
