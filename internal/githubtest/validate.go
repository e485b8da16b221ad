package githubtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// description is GitHub's description of its REST API.
type description struct {
	root any

	mu       sync.Mutex // of compiler
	compiler *jsonschema.Compiler
}

// resource names the description to the compiler, which would look for a name that is not absolute in the working
// directory of the moment.
const resource = "file:///openapi.json"

// loadDescription reads the file that PULLCHECK_GITHUB_OPENAPI names; nil where it is unset.
var loadDescription = sync.OnceValues(func() (*description, error) {
	content, err := readNamed("PULLCHECK_GITHUB_OPENAPI")
	if content == nil || err != nil {
		return nil, err
	}
	return newDescription(content)
})

// loadSchema reads the GraphQL schema that PULLCHECK_GITHUB_GRAPHQL names; nil where it is unset.
var loadSchema = sync.OnceValues(func() (*ast.Schema, error) {
	content, err := readNamed("PULLCHECK_GITHUB_GRAPHQL")
	if content == nil || err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Input: string(content)})
})

// readNamed reads the file that an environment variable names; nil where it is unset.
func readNamed(variable string) ([]byte, error) {
	path := os.Getenv(variable)
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return content, nil
}

func newDescription(content []byte) (*description, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	root := withNulls(document)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4) // what OpenAPI 3.0 has its schemas from
	compiler.AssertFormat()
	if err := compiler.AddResource(resource, root); err != nil {
		return nil, err
	}
	return &description{root: root, compiler: compiler}, nil
}

// withNulls turns OpenAPI's "nullable" into what JSON Schema knows.
func withNulls(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withNulls(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withNulls(v[key])
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{v, map[string]any{"enum": []any{nil}}}}
		}
	}
	return v
}

// find follows keys down the description, through references, and returns where they lead, as a JSON pointer, and
// what is there.
func (d *description) find(keys ...string) (pointer string, value any) {
	value = d.root
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		if object, ok := value.(map[string]any); ok {
			if reference, ok := object["$ref"].(string); ok {
				pointer, value = d.find(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
			}
		}
	}
	return pointer, value
}

// check holds JSON against the schema that keys lead to.
func (d *description) check(content []byte, keys ...string) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return err
	}
	pointer, _ := d.find(keys...)
	d.mu.Lock()
	schema, err := d.compiler.Compile(resource + "#" + (&url.URL{Path: pointer}).EscapedPath())
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// operation are the keys to a route's operation.
func operation(pattern string) []string {
	method, path, _ := strings.Cut(pattern, " ")
	return []string{"paths", path, strings.ToLower(method)}
}

// checkRequest fails the test where a request is not as described.
func (s *Server) checkRequest(pattern string, r *http.Request, body []byte) {
	d, operation := s.description, operation(pattern)
	if d == nil {
		return
	}
	complain := func(err error) {
		if err != nil {
			s.tb.Errorf("githubtest: request %s %s is not as GitHub describes it: %v", r.Method, r.URL, err)
		}
	}
	for name, values := range r.URL.Query() {
		complain(d.checkParameter(operation, name, values[0]))
	}
	if _, described := d.find(append(operation, "requestBody")...); described == nil {
		if len(body) > 0 {
			complain(errors.New("it has a body"))
		}
		return
	}
	complain(d.check(body, append(operation, "requestBody", "content", "application/json", "schema")...))
}

func (d *description) checkParameter(operation []string, name, value string) error {
	_, parameters := d.find(append(operation, "parameters")...)
	list, _ := parameters.([]any)
	for _, entry := range list {
		parameter, _ := entry.(map[string]any)
		if reference, ok := parameter["$ref"].(string); ok {
			_, found := d.find(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
			parameter, _ = found.(map[string]any)
		}
		if parameter["name"] != name || parameter["in"] != "query" {
			continue
		}
		schema, _ := parameter["schema"].(map[string]any)
		if _, err := strconv.Atoi(value); schema["type"] == "integer" && err != nil {
			return fmt.Errorf("the parameter %s is %q, not a number", name, value)
		}
		if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, any(value)) {
			return fmt.Errorf("the parameter %s is %q, not one of %v", name, value, allowed)
		}
		return nil
	}
	return fmt.Errorf("there is no parameter %s", name)
}

// checkAnswer fails the test where an answer of the simulator is not as described. Errors that are not described for
// an operation, as 401 for most, must be the general one.
func (s *Server) checkAnswer(pattern string, status int, body []byte) {
	d, operation := s.description, operation(pattern)
	if d == nil {
		return
	}
	keys := append(operation, "responses", strconv.Itoa(status))
	if _, described := d.find(keys...); described == nil {
		if status < http.StatusBadRequest {
			s.tb.Errorf("githubtest: GitHub does not answer %s with %d", pattern, status)
			return
		}
		keys = []string{"components", "schemas", "basic-error"}
	} else if _, content := d.find(append(keys, "content")...); content == nil {
		if len(body) > 0 {
			s.tb.Errorf("githubtest: %s, %d: GitHub answers without a body", pattern, status)
		}
		return
	} else {
		keys = append(keys, "content", "application/json", "schema")
	}
	if err := d.check(body, keys...); err != nil {
		s.tb.Errorf("githubtest: %s, %d: the answer is not as GitHub describes it: %v", pattern, status, err)
	}
}

// checkQuery fails the test where a GraphQL request does not fit the schema.
func (s *Server) checkQuery(document *ast.QueryDocument, variables map[string]any) {
	if s.schema == nil {
		return
	}
	if errs := validator.ValidateWithRules(s.schema, document, nil); len(errs) > 0 {
		s.tb.Errorf("githubtest: the GraphQL request does not fit GitHub's schema: %v", errs)
	}
	if _, err := validator.VariableValues(s.schema, document.Operations[0], variables); err != nil {
		s.tb.Errorf("githubtest: the variables of the GraphQL request do not fit GitHub's schema: %v", err)
	}
}

// checkData fails the test where an answer to a GraphQL request that checkQuery has seen does not fit the schema.
// What an error leaves may be anything.
func (s *Server) checkData(document *ast.QueryDocument, answer []byte) {
	if s.schema == nil {
		return
	}
	var in struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		s.tb.Errorf("githubtest: %v", err)
	}
	if len(in.Errors) > 0 {
		return
	}
	if err := conform(s.schema, document.Operations[0].SelectionSet, in.Data); err != nil {
		s.tb.Errorf("githubtest: the GraphQL answer does not fit GitHub's schema: %v", err)
	}
}

func conform(schema *ast.Schema, selected ast.SelectionSet, o map[string]any) error {
	for _, selection := range selected {
		f, ok := selection.(*ast.Field)
		if !ok || f.Definition == nil { // a fragment, whose type may be another
			continue
		}
		if err := conformValue(schema, f.Definition.Type, f.SelectionSet, o[f.Alias]); err != nil {
			return fmt.Errorf("%s: %w", f.Alias, err)
		}
	}
	return nil
}

func conformValue(schema *ast.Schema, kind *ast.Type, selected ast.SelectionSet, v any) error {
	if v == nil {
		if kind.NonNull {
			return fmt.Errorf("null is not a %s", kind)
		}
		return nil
	}
	ok := true
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := conformValue(schema, kind.Elem, selected, item); err != nil {
				return err
			}
		}
	case map[string]any:
		return conform(schema, selected, v)
	case string:
		definition := schema.Types[kind.NamedType]
		ok = definition != nil && !slices.Contains([]string{"Int", "Boolean"}, kind.NamedType) &&
			(definition.Kind != ast.Enum || definition.EnumValues.ForName(v) != nil)
	case float64:
		ok = kind.NamedType == "Int"
	case bool:
		ok = kind.NamedType == "Boolean"
	}
	if !ok {
		return fmt.Errorf("%v is not a %s", v, kind)
	}
	return nil
}
