package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// object is a value with fields: a scalar, an object, a list, or a field that is worked out when it is asked for.
type object map[string]any

// field works out a value from its arguments.
type field func(arguments map[string]any) any

// execution answers one GraphQL request.
type execution struct {
	*Server
	by        identity
	document  *ast.QueryDocument
	variables map[string]any
	path      []any
	errors    []any
}

type graphQLRequest struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// operationOf tells a request's kind and top fields, or "" where it cannot be read.
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

// serveGraphQL answers 200 also where it has nothing but errors, as GitHub does.
func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, header: w.Header()}
	var in graphQLRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		write(w, http.StatusBadRequest, failure(http.StatusBadRequest, "Problems parsing JSON"))
		return
	}
	document, err := parser.ParseQuery(&ast.Source{Input: in.Query})
	mutation := err == nil && len(document.Operations) == 1 && document.Operations[0].Operation == ast.Mutation
	if status, answer := s.admit(c, mutation); status != 0 {
		write(w, status, answer)
		return
	}
	if err != nil || len(document.Operations) != 1 {
		write(w, http.StatusOK, map[string]any{"errors": []any{map[string]any{"message": fmt.Sprintf("one operation was expected: %v", err)}}})
		return
	}
	s.checkQuery(document, in.Variables)
	e := &execution{Server: s, by: c.by, document: document, variables: in.Variables}
	root := e.query()
	if mutation {
		root = e.mutation()
	}
	answer := map[string]any{"data": e.object(root, document.Operations[0].SelectionSet)}
	if len(e.errors) > 0 {
		answer["errors"] = e.errors
	}
	s.checkData(document, write(w, http.StatusOK, answer))
}

// fail adds an error at the field being answered, whose value is then null.
func (e *execution) fail(kind, format string, values ...any) any {
	e.errors = append(e.errors, map[string]any{"type": kind, "path": slices.Clone(e.path), "message": fmt.Sprintf(format, values...)})
	return nil
}

// value projects a value onto what was selected of it.
func (e *execution) value(v any, selected ast.SelectionSet) any {
	switch v := v.(type) {
	case object:
		return e.object(v, selected)
	case []object:
		list := make([]any, len(v))
		for i, item := range v {
			e.path = append(e.path, i)
			list[i] = e.object(item, selected)
			e.path = e.path[:len(e.path)-1]
		}
		return list
	}
	return v
}

func (e *execution) object(o object, selected ast.SelectionSet) map[string]any {
	answer := map[string]any{}
	e.project(o, selected, answer)
	return answer
}

func (e *execution) project(o object, selected ast.SelectionSet, answer map[string]any) {
	for _, selection := range selected {
		switch selection := selection.(type) {
		case *ast.Field:
			e.path = append(e.path, selection.Alias)
			answer[selection.Alias] = e.field(o, selection)
			e.path = e.path[:len(e.path)-1]
		case *ast.InlineFragment:
			if o.is(selection.TypeCondition) {
				e.project(o, selection.SelectionSet, answer)
			}
		case *ast.FragmentSpread:
			if fragment := e.document.Fragments.ForName(selection.Name); fragment != nil && o.is(fragment.TypeCondition) {
				e.project(o, fragment.SelectionSet, answer)
			}
		}
	}
}

func (e *execution) field(o object, selected *ast.Field) any {
	v, known := o[selected.Name]
	if !known || len(selected.Directives) > 0 {
		e.tb.Errorf("githubtest: the field %s of the GraphQL type %s is not simulated", selected.Name, o["__typename"])
		return e.fail("undefinedField", "Field '%s' doesn't exist on type '%s'", selected.Name, o["__typename"])
	}
	if work, ok := v.(field); ok {
		arguments := map[string]any{}
		for _, argument := range selected.Arguments {
			value, err := argument.Value.Value(e.variables)
			if err != nil {
				return e.fail("argumentLiteralsIncompatible", "Argument '%s': %v", argument.Name, err)
			}
			arguments[argument.Name] = value
		}
		v = work(arguments)
	}
	return e.value(v, selected.SelectionSet)
}

// is reports whether a fragment on a type applies. The interfaces apply to everything that is asked for them.
func (o object) is(condition string) bool {
	return condition == "" || condition == o["__typename"] || slices.Contains([]string{"Node", "Actor", "Minimizable"}, condition)
}

// connection makes a field that lists items by pages. GitHub insists on first or last, from 1 to 100.
func connection[T any](e *execution, name string, items []T, shape func(T) object) field {
	return func(arguments map[string]any) any {
		first, last := integer(arguments["first"]), integer(arguments["last"])
		size := first + last
		switch {
		case first != 0 && last != 0, arguments["before"] != nil, last != 0 && arguments["after"] != nil:
			e.tb.Errorf("githubtest: paging backwards through %s is not simulated", name)
			return nil
		case size == 0:
			return e.fail("MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value to properly paginate the `%s` connection.", name)
		case size < 0 || size > 100:
			return e.fail("EXCESSIVE_PAGINATION", "Requesting %d records on the `%s` connection exceeds the `first` limit of 100 records.", size, name)
		}
		begin := 0
		if cursor, ok := arguments["after"].(string); ok {
			begin, _ = strconv.Atoi(cursor) // its own cursor
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
		return object{
			"__typename": "Connection", "nodes": nodes, "totalCount": len(items),
			"pageInfo": object{
				"__typename": "PageInfo", "endCursor": strconv.Itoa(end), "hasNextPage": end < len(items),
				"hasPreviousPage": begin > 0, "startCursor": strconv.Itoa(begin),
			},
		}
	}
}

// integer reads a number from a literal or from JSON, 0 where there is none.
func integer(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return 0
}
