package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// object is a GraphQL object: its fields by name. A value is a scalar, an object, a list of objects, or a field,
// which is computed.
type object map[string]any

// field computes a value from the arguments of a request, when the request asks for it: the comments of a thread
// depend on the argument first.
type field func(arguments map[string]any) any

// execution is the state of one GraphQL request while it is answered.
type execution struct {
	tb        testing.TB
	schema    *ast.Schema
	pull      *pullRequest
	by        identity // of the token
	variables map[string]any
	errors    []any // of the answer
}

type graphQLRequest struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// operationOf returns the kind and the top fields of a request, "mutation minimizeComment". It returns "" if the
// request is not GraphQL.
func operationOf(body string) string {
	var request graphQLRequest
	if json.Unmarshal([]byte(body), &request) != nil {
		return ""
	}
	document, err := parser.ParseQuery(&ast.Source{Input: request.Query})
	if err != nil || len(document.Operations) != 1 {
		return ""
	}
	var names []string
	for _, selection := range document.Operations[0].SelectionSet {
		if f, ok := selection.(*ast.Field); ok {
			names = append(names, f.Name)
		}
	}
	return string(document.Operations[0].Operation) + " " + strings.Join(names, ",")
}

// serveGraphQL answers a GraphQL request. As with GitHub, the status is 200 even if the answer is an error. A
// request that does not fit the schema fails the test.
func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	var in graphQLRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		write(w, http.StatusBadRequest, failure(http.StatusBadRequest, "Problems parsing JSON"))
		return
	}
	document, problems := gqlparser.LoadQueryWithRules(described().schema, in.Query, nil)
	mutation := problems == nil && document.Operations[0].Operation == ast.Mutation
	by, status, answer := s.admit(r, mutation, w.Header())
	if status != 0 {
		write(w, status, answer)
		return
	}
	err := error(problems)
	if problems == nil {
		in.Variables, err = validator.VariableValues(described().schema, document.Operations[0], in.Variables)
	}
	if len(problems) > 0 || err != nil {
		s.tb.Errorf("githubtest: the GraphQL request does not fit the part of GitHub's schema that is simulated: %v", err)
		write(w, http.StatusOK, map[string]any{"errors": []any{map[string]any{"message": err.Error()}}})
		return
	}
	e := &execution{tb: s.tb, schema: described().schema, pull: s.pull, by: by, variables: in.Variables}
	root := e.query()
	if mutation {
		root = e.mutation()
	}
	result := map[string]any{"data": e.object(root, document.Operations[0].SelectionSet)}
	if len(e.errors) > 0 {
		result["errors"] = e.errors
	}
	write(w, http.StatusOK, result)
}

// fail adds an error to the answer, for the field that is being computed. It returns nil, because the value of such
// a field is null.
func (e *execution) fail(kind, format string, values ...any) any {
	e.errors = append(e.errors, map[string]any{"type": kind, "message": fmt.Sprintf(format, values...)})
	return nil
}

// object returns the fields of an object that a request selects. A field that is not simulated fails the test.
func (e *execution) object(o object, selected ast.SelectionSet) map[string]any {
	answer := map[string]any{}
	for _, selection := range selected {
		f, ok := selection.(*ast.Field)
		if !ok || len(f.Directives) > 0 {
			e.tb.Errorf("githubtest: fragments and directives of GraphQL are not simulated")
			continue
		}
		v, known := o[f.Name]
		if !known {
			e.tb.Errorf("githubtest: the GraphQL field %s.%s is not simulated", f.ObjectDefinition.Name, f.Name)
		}
		if compute, ok := v.(field); ok {
			v = compute(f.ArgumentMap(e.variables))
		}
		if err := e.conforms(v, f.Definition.Type); err != nil && len(e.errors) == 0 { // an error leaves null anywhere
			e.tb.Errorf("githubtest: the GraphQL field %s does not fit GitHub's schema: %v", f.Name, err)
		}
		answer[f.Alias] = e.value(v, f.SelectionSet)
	}
	return answer
}

func (e *execution) value(v any, selected ast.SelectionSet) any {
	switch v := v.(type) {
	case object:
		return e.object(v, selected)
	case []object:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = e.object(item, selected)
		}
		return list
	}
	return v
}

// conforms checks one value of the simulator against its type in GitHub's schema. It does not check the fields of
// an object; object does.
func (e *execution) conforms(v any, kind *ast.Type) error {
	name, ok := kind.NamedType, true
	switch v := v.(type) {
	case nil:
		ok = !kind.NonNull
	case []object:
		ok = kind.Elem != nil
	case object:
		ok = e.schema.Types[name] != nil && e.schema.Types[name].IsCompositeType()
	case string:
		definition := e.schema.Types[name]
		ok = definition != nil && name != "Int" && name != "Boolean" && definition.IsLeafType() &&
			(definition.Kind != ast.Enum || definition.EnumValues.ForName(v) != nil)
	case int:
		ok = name == "Int"
	case bool:
		ok = name == "Boolean"
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%v is not a %s", v, kind)
	}
	return nil
}

// connection returns a field that lists items in pages. As with GitHub, a request must give first or last, from 1
// to 100.
func connection[T any](e *execution, name string, items []T, shape func(T) object) field {
	return func(arguments map[string]any) any {
		first, last := integer(arguments["first"]), integer(arguments["last"])
		size := first + last
		switch {
		case first != 0 && last != 0, arguments["before"] != nil, last != 0 && arguments["after"] != nil:
			e.tb.Errorf("githubtest: paging backwards through %s is not simulated", name)
			return nil
		case size == 0:
			return e.fail("MISSING_PAGINATION_BOUNDARIES",
				"You must provide a `first` or `last` value to properly paginate the `%s` connection.", name)
		case size < 0 || size > 100:
			return e.fail("EXCESSIVE_PAGINATION",
				"Requesting %d records on the `%s` connection exceeds the `first` limit of 100 records.", size, name)
		}
		begin := 0
		if cursor, ok := arguments["after"].(string); ok {
			begin, _ = strconv.Atoi(cursor) // made below
		}
		if last != 0 {
			begin = max(0, len(items)-last)
		}
		begin = min(begin, len(items))
		end := min(begin+size, len(items))
		nodes := make([]object, 0, end-begin)
		for _, item := range items[begin:end] {
			nodes = append(nodes, shape(item))
		}
		page := object{"endCursor": strconv.Itoa(end), "hasNextPage": end < len(items)}
		return object{"nodes": nodes, "totalCount": len(items), "pageInfo": page}
	}
}

// integer returns a number from the text of a query (int64) or from its variables (float64); 0 if there is none.
func integer(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return 0
}
