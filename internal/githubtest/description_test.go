package githubtest

import (
	"net/url"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const smallOpenAPI = `{"paths": {"/comments": {
  "get": {"parameters": [{"$ref": "#/components/parameters/page"}], "responses": {"200": {"content": {"application/json": {"schema":
    {"type": "array", "items": {"type": "object", "properties": {"body": {"type": "integer", "nullable": true}}}}}}}}},
  "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["body"],
    "properties": {"body": {"type": "string", "nullable": true}}}}}}, "responses": {"201": {"content": {"application/json": {"schema": {}}}}}}}},
 "components": {"parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
  "schemas": {"basic-error": {"type": "object", "required": ["message"]}}}}`

// TestRESTIsChecked: a request or an answer that GitHub does not describe is an error.
func TestRESTIsChecked(t *testing.T) {
	t.Parallel()
	d, err := newDescription([]byte(smallOpenAPI), []byte("type Query { id: ID }"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, pattern, query, body, want string }{
		{"as described", "GET /comments", "page=1", "", ""},
		{"unknown parameter", "GET /comments", "per_page=1", "", "there is no parameter per_page"},
		{"parameter of another type", "GET /comments", "page=x", "", "got string, want integer"},
		{"body where none belongs", "GET /comments", "", "{}", "it has a body"},
		{"missing field", "POST /comments", "", `{}`, "missing property 'body'"},
		{"field of another type", "POST /comments", "", `{"body": 1}`, "got number, want string"},
		{"null", "POST /comments", "", `{"body": null}`, ""},
	} {
		query, _ := url.ParseQuery(test.query)
		checkError(t, test.name, d.checkRequest(test.pattern, query, []byte(test.body)), test.want)
	}
	for _, test := range []struct {
		name, pattern string
		status        int
		body, want    string
	}{
		{"as described", "GET /comments", 200, `[{"body": null}, {"body": 1}]`, ""},
		{"another type", "GET /comments", 200, `[{"body": "x"}]`, "got string, want integer"},
		{"undescribed success", "POST /comments", 200, `{}`, "GitHub does not answer so"},
		{"undescribed error", "POST /comments", 422, `{"message": "x"}`, ""},
		{"undescribed error of another form", "POST /comments", 422, `{}`, "missing property 'message'"},
	} {
		checkError(t, test.name, d.checkAnswer(test.pattern, test.status, []byte(test.body)), test.want)
	}
}

func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

// TestGraphQLAnswersAreChecked: a value that does not have its type in the schema fails the test.
func TestGraphQLAnswersAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		schema string
		login  any
		want   string
	}{
		{"type Query { login: String! }", "me", ""},
		{"type Query { login: String! }", nil, "<nil> is not a String!"},
		{"type Query { login: String }", nil, ""},
		{"type Query { login: Int! }", "me", "me is not a Int!"},
		{"type Query { login: String! }", 1, "1 is not a String!"},
		{"type Query { login: Login } enum Login { NOBODY }", "me", "me is not a Login"},
		{"type Query { login: Login } enum Login { NOBODY }", "NOBODY", ""},
		{"type Query { login: String }", true, "true is not a String"},
		{"type Query { login: [Query!]! }", []object{}, ""},
		{"type Query { login: String }", []object{}, "[] is not a String"},
	} {
		schema, err := gqlparser.LoadSchema(&ast.Source{Input: test.schema})
		if err != nil {
			t.Fatal(err)
		}
		e := &execution{schema: schema}
		checkError(t, test.schema, e.conforms(test.login, schema.Query.Fields.ForName("login").Type), test.want)
	}
}

// TestGraphQLRequestsAreChecked: a request that does not fit the schema fails the test.
func TestGraphQLRequestsAreChecked(t *testing.T) {
	t.Parallel()
	const update = "mutation($input: UpdateIssueCommentInput!) { updateIssueComment(input: $input) { clientMutationId } }"
	for _, test := range []struct {
		query     string
		variables map[string]any
		want      string
	}{
		{"{ viewer { name } }", nil, `Cannot query field "name"`},
		{update, nil, "must be defined"},
		{update, map[string]any{"input": map[string]any{"id": "IC_1"}}, "body"},
		{update, map[string]any{"input": map[string]any{"id": "IC_1", "body": "x", "text": "y"}}, "unknown field"},
		{update, map[string]any{"input": map[string]any{"id": "IC_1", "body": "x"}}, ""},
		{`mutation { minimizeComment(input: {subjectId: "IC_1", classifier: UNKNOWN}) { clientMutationId } }`, nil, "UNKNOWN"},
	} {
		r := &recorder{TB: t}
		s := opened(r)
		query(t, s, BotToken, test.query, test.variables)
		if all := strings.Join(r.failures, "\n"); !strings.Contains(all, test.want) || (test.want == "") != (all == "") {
			t.Errorf("%s: failures %q, want %q", test.query, all, test.want)
		}
	}
}
