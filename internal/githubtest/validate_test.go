package githubtest

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const small = `{"paths": {"/repos/{owner}/{repo}/issues/{issue_number}/comments": {
  "get": {"parameters": [{"$ref": "#/components/parameters/page"}], "responses": {"200": {"content": {"application/json": {"schema":
    {"type": "array", "items": {"type": "object", "properties": {"body": {"type": "integer", "nullable": true}}}}}}}}},
  "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["body"],
    "properties": {"body": {"type": "string", "nullable": true}}}}}}, "responses": {"200": {}}}}},
 "components": {"parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}}, "schemas": {"basic-error": {"type": "object"}}}}`

func TestValidation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, method, query, body, want string }{
		{"answer of another type", "GET", "?page=1", "", "the answer is not as GitHub describes it"},
		{"unknown parameter", "GET", "?per_page=1", "", "there is no parameter per_page"},
		{"parameter of another type", "GET", "?page=x", "", "not a number"},
		{"body where none belongs", "GET", "", "{}", "it has a body"},
		{"missing field", "POST", "", `{}`, "missing property 'body'"},
		{"field of another type", "POST", "", `{"body": 1}`, "got number, want string"},
		{"undescribed success", "POST", "", `{"body": "x"}`, "GitHub does not answer"},
		{"undescribed error", "POST", "", `{"body": null}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			s := New(r, map[string]string{"a": "x\n"})
			s.Open(s.Commit(s.Main(), map[string]string{"a": "y\n"}))
			s.Comment("alice", "hello")
			var err error
			if s.description, err = newDescription([]byte(small)); err != nil {
				t.Fatal(err)
			}
			send(t, s, BotToken, test.method, repo+"/issues/1/comments"+test.query, test.body)
			if all := strings.Join(r.failures, "\n"); !strings.Contains(all, test.want) || (test.want == "") != (all == "") {
				t.Errorf("failures %q, want %q", all, test.want)
			}
		})
	}
}

func TestGraphQLValidation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		schema, query string
		variables     map[string]any
		want          string
	}{
		{"type Query { viewer: User! } type User { login: String! }", "{ viewer { login } }", nil, ""},
		{"type Query { viewer: User! } type User { login: Int! }", "{ viewer { login } }", nil, "viewer: login: github-actions[bot] is not a Int!"},
		{"type Query { viewer: User! } enum Login { NOBODY } type User { login: Login }", "{ viewer { login } }", nil, "is not a Login"},
		{"type Query { viewer: User! } type User { name: String! }", "{ viewer { login } }", nil, `Cannot query field "login"`},
		{"type Query { node(id: ID!): User } type User { id: Int! }", "query($id: ID!) { node(id: $id) { id } }", nil, "must be defined"},
		{"type Query { node(id: ID!): User! } type User { id: ID! }", "query($id: ID!) { node(id: $id) { id } }", map[string]any{"id": "PR_1"}, ""},
	} {
		r := &recorder{TB: t}
		s := New(r, map[string]string{"a": "x\n"})
		s.Open(s.Commit(s.Main(), map[string]string{"a": "y\n"}))
		var err error
		if s.schema, err = gqlparser.LoadSchema(&ast.Source{Input: test.schema}); err != nil {
			t.Fatal(err)
		}
		query(t, s, BotToken, test.query, test.variables)
		if all := strings.Join(r.failures, "\n"); !strings.Contains(all, test.want) || (test.want == "") != (all == "") {
			t.Errorf("%s, %s: failures %q, want %q", test.schema, test.query, all, test.want)
		}
	}
}
