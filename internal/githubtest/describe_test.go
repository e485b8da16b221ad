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
			if kept := unzip(part.embedded); !bytes.Equal(part.cut(kept), kept) {
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
	var root map[string]any
	if err := json.Unmarshal(full, &root); err != nil {
		t.Fatal(err)
	}
	cut := map[string]any{"openapi": root["openapi"], "paths": map[string]any{}, "components": map[string]any{}}
	var keep func(keys []string)
	// refer keeps what a value refers to, and takes out of the value what is there for people alone.
	var refer func(v any, names bool) any
	refer = func(v any, names bool) any {
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = refer(v[i], false)
			}
		case map[string]any:
			for key := range v {
				documents := slices.Contains([]string{"title", "description", "summary", "tags", "example", "examples", "externalDocs", "headers", "deprecated"}, key)
				if !names && (documents || strings.HasPrefix(key, "x-")) || strings.HasPrefix(key, "application/vnd.github.") {
					delete(v, key)
					continue
				}
				v[key] = refer(v[key], key == "properties")
			}
			if path := referenced(v); path != nil {
				keep(path)
			}
		}
		return v
	}
	keep = func(keys []string) {
		from, to := root, cut
		for i, key := range keys {
			if i == len(keys)-1 {
				if _, done := to[key]; !done {
					to[key] = true // while it refers to itself
					if _, there := from[key]; !there {
						t.Fatalf("GitHub does not describe %s", strings.Join(keys, " "))
					}
					to[key] = refer(from[key], false)
				}
				return
			}
			if to[key] == nil {
				to[key] = map[string]any{}
			}
			from, _ = from[key].(map[string]any)
			to = to[key].(map[string]any)
		}
	}
	for pattern := range routes {
		keep(operation(pattern))
	}
	keep([]string{"components", "schemas", "basic-error"})
	content, err := json.MarshalIndent(cut, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(content, '\n')
}

// cutSchema keeps the fields that some operations select, with their arguments, and the types of both. Of a type that
// is not an input it keeps nothing else.
func cutSchema(t *testing.T, full []byte, operations string) []byte {
	t.Helper()
	list, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Input: string(full)})
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range list.Definitions { // GitHub has been seen to define a field twice
		all := definition.Fields
		definition.Fields = slices.DeleteFunc(slices.Clone(all), func(f *ast.FieldDefinition) bool { return all.ForName(f.Name) != f })
	}
	schema, err := validator.ValidateSchemaDocument(list)
	if err != nil {
		t.Fatal(err)
	}
	document, problems := gqlparser.LoadQueryWithRules(schema, operations, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	cut := map[string]*ast.Definition{}
	keep := func(name string) *ast.Definition {
		full := schema.Types[name]
		if cut[name] == nil && !full.BuiltIn {
			cut[name] = &ast.Definition{Kind: full.Kind, Name: name}
			for _, value := range full.EnumValues {
				cut[name].EnumValues = append(cut[name].EnumValues, &ast.EnumValueDefinition{Name: value.Name})
			}
		}
		return cut[name]
	}
	var input func(name string)
	input = func(name string) {
		if cut[name] != nil || schema.Types[name].BuiltIn {
			return
		}
		definition := keep(name)
		for _, f := range schema.Types[name].Fields {
			definition.Fields = append(definition.Fields, &ast.FieldDefinition{Name: f.Name, Type: f.Type, DefaultValue: f.DefaultValue})
			input(f.Type.Name())
		}
	}
	var selection func(ast.SelectionSet)
	selection = func(selected ast.SelectionSet) {
		for _, s := range selected {
			f := s.(*ast.Field) // the operations have no fragments
			if f.Name == "__typename" {
				continue
			}
			if parent := keep(f.ObjectDefinition.Name); parent.Fields.ForName(f.Name) == nil {
				kept := &ast.FieldDefinition{Name: f.Name, Type: f.Definition.Type}
				for _, argument := range f.Definition.Arguments {
					kept.Arguments = append(kept.Arguments, &ast.ArgumentDefinition{Name: argument.Name, Type: argument.Type, DefaultValue: argument.DefaultValue})
					input(argument.Type.Name())
				}
				parent.Fields = append(parent.Fields, kept)
			}
			keep(f.Definition.Type.Name())
			selection(f.SelectionSet)
		}
	}
	for _, operation := range document.Operations {
		selection(operation.SelectionSet)
	}
	list = &ast.SchemaDocument{}
	for _, name := range slices.Sorted(maps.Keys(cut)) {
		list.Definitions = append(list.Definitions, cut[name])
	}
	var content bytes.Buffer
	formatter.NewFormatter(&content).FormatSchemaDocument(list)
	return content.Bytes()
}
