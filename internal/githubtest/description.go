package githubtest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// GitHub's description of its REST API (OpenAPI 3.0) and its GraphQL schema, reduced to the operations that are
// simulated. description/README.md says where the two files come from and how to make them again.
var (
	//go:embed description/openapi.json.gz
	openAPI []byte
	//go:embed description/schema.graphql.gz
	schemaGraphQL []byte
)

// description is GitHub's description of its API.
type description struct {
	schema *ast.Schema // of GraphQL
	root   any         // of REST

	mu       sync.Mutex // of compiler
	compiler *jsonschema.Compiler
}

// resourceName is the name of the REST description for the compiler of JSON schemas. With a relative name the
// compiler would look for a file in the working directory.
const resourceName = "file:///openapi.json"

// described returns the description that this package embeds.
var described = sync.OnceValue(func() *description {
	d, err := newDescription(gunzip(openAPI), gunzip(schemaGraphQL))
	if err != nil {
		panic(err) // the data in this package is broken
	}
	return d
})

func gunzip(content []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err == nil {
		content, err = io.ReadAll(reader)
	}
	if err != nil {
		panic(err) // the data in this package is broken
	}
	return content
}

func newDescription(openAPI, schema []byte) (*description, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	if err != nil {
		return nil, err
	}
	d := &description{root: withNulls(document), compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft4) // OpenAPI 3.0 takes its schemas from draft 4 of JSON Schema
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(resourceName, d.root); err != nil {
		return nil, err
	}
	d.schema, err = gqlparser.LoadSchema(&ast.Source{Input: string(schema)})
	return d, err
}

// withNulls rewrites "nullable: true" of OpenAPI, which JSON Schema does not know: the schema becomes a choice
// between the old schema and null.
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

// find follows keys down the REST description, and follows references ("$ref") on the way. The key of a list
// element is its index. It returns the JSON pointer of the place that it reaches, and the value there; the value is
// nil if the description has no such key.
func (d *description) find(keys ...string) (pointer string, value any) {
	value = d.root
	for _, key := range keys {
		switch parent := value.(type) {
		case []any:
			index, _ := strconv.Atoi(key) // of an element that there is
			value = parent[index]
		case map[string]any:
			value = parent[key]
		default:
			return "", nil
		}
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		if path := referenced(value); path != nil {
			pointer, value = d.find(path...)
		}
	}
	return pointer, value
}

// referenced returns the keys in the "$ref" of a value: components, schemas and commit for
// "#/components/schemas/commit". It returns nil if the value is not a reference.
func referenced(value any) []string {
	object, _ := value.(map[string]any)
	reference, ok := object["$ref"].(string)
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimPrefix(reference, "#/"), "/")
}

// check checks JSON against the schema at a place of the description, which keys lead to.
func (d *description) check(content []byte, keys ...string) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return err
	}
	pointer, _ := d.find(keys...)
	d.mu.Lock()
	schema, err := d.compiler.Compile(resourceName + "#" + (&url.URL{Path: pointer}).EscapedPath())
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// operation returns the keys of a route in the description. "GET /user" has the keys paths, /user, get.
func operation(pattern string) []string {
	method, path, _ := strings.Cut(pattern, " ")
	return []string{"paths", path, strings.ToLower(method)}
}

// checkRequest checks the query and the body of a request against the description of its route.
func (d *description) checkRequest(pattern string, query url.Values, body []byte) error {
	operation := operation(pattern)
	var problems []error
	for name, values := range query {
		problems = append(problems, d.checkParameter(operation, name, values[0]))
	}
	if _, wanted := d.find(append(operation, "requestBody")...); wanted != nil {
		operation = append(operation, "requestBody", "content", "application/json", "schema")
		problems = append(problems, d.check(body, operation...))
	} else if len(body) > 0 {
		problems = append(problems, errors.New("it has a body"))
	}
	return errors.Join(problems...)
}

func (d *description) checkParameter(operation []string, name, value string) error {
	content := []byte(value)
	if _, err := strconv.Atoi(value); err != nil {
		content = strconv.AppendQuote(nil, value)
	}
	_, parameters := d.find(append(operation, "parameters")...)
	list, _ := parameters.([]any)
	for i := range list {
		keys := append(operation, "parameters", strconv.Itoa(i))
		_, found := d.find(keys...)
		if parameter, _ := found.(map[string]any); parameter["name"] == name && parameter["in"] == "query" {
			return d.check(content, append(keys, "schema")...)
		}
	}
	return fmt.Errorf("there is no parameter %s", name)
}

// checkAnswer checks an answer of the simulator against the description of its route. GitHub does not describe
// every error of an operation, such as 401. An error that is not described must have the general form of errors.
func (d *description) checkAnswer(pattern string, status int, body []byte) error {
	keys := append(operation(pattern), "responses", strconv.Itoa(status))
	if _, answer := d.find(keys...); answer == nil {
		if status < http.StatusBadRequest {
			return errors.New("GitHub does not answer so")
		}
		return d.check(body, "components", "schemas", "basic-error")
	}
	return d.check(body, append(keys, "content", "application/json", "schema")...)
}
