package githubtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

var (
	openAPIFile = flag.String("openapi", "", "GitHub's `description` of its REST API, to be cut into description/openapi.json.gz")
	schemaFile  = flag.String("graphql", "", "GitHub's GraphQL `schema`, to be cut into description/schema.graphql.gz")
)

// TestDescriptionIsCut cuts GitHub's descriptions to the operations that are simulated: with the flags, the given
// files, which replace those in the directory description; without, those in the directory, which must stay as they
// are.
func TestDescriptionIsCut(t *testing.T) {
	operations, err := os.ReadFile("description/operations.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		given, kept string
		embedded    []byte
		cut         func([]byte) []byte
	}{
		{*openAPIFile, "description/openapi.json.gz", openAPI, func(full []byte) []byte { return cutOpenAPI(t, full) }},
		{*schemaFile, "description/schema.graphql.gz", schemaGraphQL, func(full []byte) []byte { return cutSchema(t, full, string(operations)) }},
	} {
		if part.given == "" {
			if kept := gunzip(part.embedded); !bytes.Equal(part.cut(kept), kept) {
				t.Errorf("%s has not exactly the operations that are simulated: make it again as description/README.md says", part.kept)
			}
			continue
		}
		full, err := os.ReadFile(part.given)
		if err != nil {
			t.Fatal(err)
		}
		var zipped bytes.Buffer
		writer, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // a level that there is
		_, _ = writer.Write(part.cut(full))                             // into memory
		_ = writer.Close()
		if err := os.WriteFile(part.kept, zipped.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// cutOpenAPI keeps the operations in routes, the general error, and the components that they refer to.
func cutOpenAPI(t *testing.T, full []byte) []byte {
	t.Helper()
	c := openAPICut{t: t}
	if err := json.Unmarshal(full, &c.full); err != nil {
		t.Fatal(err)
	}
	c.cut = map[string]any{"openapi": c.full["openapi"]}
	for pattern := range routes {
		c.keep(operation(pattern))
	}
	c.keep([]string{"components", "schemas", "basic-error"})
	content, err := json.MarshalIndent(c.cut, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(content, '\n')
}

// openAPICut is a description of REST and the part of it that is kept so far.
type openAPICut struct {
	t         *testing.T
	full, cut map[string]any
}

// keep keeps what is at the end of keys, and everything that it refers to.
func (c openAPICut) keep(keys []string) {
	from, to := c.full, c.cut
	last := keys[len(keys)-1]
	for _, key := range keys[:len(keys)-1] {
		if to[key] == nil {
			to[key] = map[string]any{}
		}
		from, _ = from[key].(map[string]any)
		to = to[key].(map[string]any)
	}
	if _, done := to[last]; done {
		return
	}
	if _, there := from[last]; !there {
		c.t.Fatalf("GitHub does not describe %s", strings.Join(keys, " "))
	}
	to[last] = nil // it may refer to itself
	to[last] = c.strip(from[last], false)
}

// documentation are the keys that say nothing about the form of a request or an answer.
var documentation = []string{
	"title", "description", "summary", "tags", "example", "examples", "externalDocs", "headers", "deprecated",
}

// strip takes the documentation out of a value and keeps what the value refers to. The keys of a map of properties are
// names: a property may be called "title".
func (c openAPICut) strip(v any, names bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = c.strip(v[i], false)
		}
	case map[string]any:
		for key := range v {
			if !names && (slices.Contains(documentation, key) || strings.HasPrefix(key, "x-")) ||
				strings.HasPrefix(key, "application/vnd.github.") {
				delete(v, key)
				continue
			}
			v[key] = c.strip(v[key], key == "properties")
		}
		if path := referenced(v); path != nil {
			c.keep(path)
		}
	}
	return v
}

// cutSchema keeps the fields that some operations select, with their arguments, and the types of both. It keeps
// inputs and enumerations whole, and nothing else.
func cutSchema(t *testing.T, full []byte, operations string) []byte {
	t.Helper()
	document, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Input: string(full)})
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range document.Definitions { // GitHub has been seen to define a field twice
		all := definition.Fields
		definition.Fields = slices.DeleteFunc(slices.Clone(all), func(f *ast.FieldDefinition) bool { return all.ForName(f.Name) != f })
	}
	schema, err := validator.ValidateSchemaDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	queries, problems := gqlparser.LoadQueryWithRules(schema, operations, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	c := schemaCut{full: schema, cut: map[string]*ast.Definition{}}
	for _, operation := range queries.Operations {
		c.selection(operation.SelectionSet)
	}
	kept := &ast.SchemaDocument{}
	for _, name := range slices.Sorted(maps.Keys(c.cut)) {
		kept.Definitions = append(kept.Definitions, c.cut[name])
	}
	var content bytes.Buffer
	formatter.NewFormatter(&content).FormatSchemaDocument(kept)
	return content.Bytes()
}

// schemaCut is a GraphQL schema and the types of it that are kept so far, by name.
type schemaCut struct {
	full *ast.Schema
	cut  map[string]*ast.Definition
}

// keep keeps a type without its fields. It is nil for a type that every schema has, such as String.
func (c schemaCut) keep(name string) *ast.Definition {
	full := c.full.Types[name]
	if c.cut[name] == nil && !full.BuiltIn {
		c.cut[name] = &ast.Definition{Kind: full.Kind, Name: name}
		for _, value := range full.EnumValues {
			c.cut[name].EnumValues = append(c.cut[name].EnumValues, &ast.EnumValueDefinition{Name: value.Name})
		}
	}
	return c.cut[name]
}

// input keeps an input, an enumeration or a scalar with everything in it.
func (c schemaCut) input(name string) {
	if c.cut[name] != nil || c.keep(name) == nil {
		return
	}
	for _, f := range c.full.Types[name].Fields {
		c.cut[name].Fields = append(c.cut[name].Fields, &ast.FieldDefinition{Name: f.Name, Type: f.Type, DefaultValue: f.DefaultValue})
		c.input(f.Type.Name())
	}
}

// selection keeps the fields that an operation selects.
func (c schemaCut) selection(selected ast.SelectionSet) {
	for _, s := range selected {
		f := s.(*ast.Field) // the operations have no fragments
		if f.Name == "__typename" {
			continue
		}
		if parent := c.keep(f.ObjectDefinition.Name); parent.Fields.ForName(f.Name) == nil {
			kept := &ast.FieldDefinition{Name: f.Name, Type: f.Definition.Type}
			for _, a := range f.Definition.Arguments {
				kept.Arguments = append(kept.Arguments, &ast.ArgumentDefinition{Name: a.Name, Type: a.Type, DefaultValue: a.DefaultValue})
				c.input(a.Type.Name())
			}
			parent.Fields = append(parent.Fields, kept)
		}
		c.keep(f.Definition.Type.Name())
		c.selection(f.SelectionSet)
	}
}
