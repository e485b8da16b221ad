package yamldoc

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	kubeyaml "sigs.k8s.io/yaml"
)

// texts are seeds of YAML and JSON for the fuzz targets.
var texts = []string{
	"", "a: 1\n", "a:\n  b: {c: ~}\n", `{"a": {}}{"b": "\ud83d\ude00"}`, "a: &x {b: 1}\r\nc: {<<: *x, d: *x}\r\n", "- a\n- [b, {c: d}]\n",
	"a: |\n  b: c\n---\n'd': \"e\\n\" # f\n...\n", "\ufeffa: é\n", "&a [*a]", "&a {<<: *a}", "a: !!binary aGk=\n", "a\n b: {", "? a\n: - b\n", "%YAML 1.1\n---\na: 1\n", "\xff\xfea\x00",
	"a: >-\n  b\n\n  c\nd: 'e''f'\n", "a: [1,\n 2]\n#b\n", "a:\n- b:\n  - c:\n    - d\n", "\"a\":\t1\n", "a: \u2028b\u0085c\rd: e\n",
}

// FuzzParse holds that any text is parsed or refused, that a walk over the nodes ends, and that locations are in the text.
func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		nodes, err := ParseStream(data)
		if err != nil {
			located := (*Error)(nil)
			if !errors.As(ParseError("f.yaml", data, err), &located) {
				t.Fatalf("%v has no location", err)
			}
			checkWithin(t, data, located.Location)
			return
		}
		text, steps := NewText(data), 0
		for _, node := range nodes {
			walk(node, &steps, func(node *yaml.Node) {
				if start, end, ok := text.Bounds(node); ok {
					if start < 0 || end < start || end > len(data) {
						t.Fatalf("%q stands from %d to %d of %d bytes", node.Value, start, end, len(data))
					}
					checkWithin(t, data, text.Span(node))
				}
			})
		}
	})
}

// walk visits a node and all below it, as the program does: aliases are followed, and merge keys too.
func walk(node *yaml.Node, steps *int, visit func(*yaml.Node)) {
	if *steps++; *steps > 10_000 {
		return // It would end, but later.
	}
	visit(node)
	node = Resolve(node)
	switch node.Kind {
	case yaml.MappingNode:
		Duplicates(node)
		for key, value := range Fields(node) {
			if Field(node, key.Value) != Resolve(value) {
				panic("Field and Fields differ for " + key.Value)
			}
			walk(value, steps, visit)
		}
	case yaml.SequenceNode:
		for _, item := range node.Content {
			walk(item, steps, visit)
		}
	}
}

// checkWithin holds that a location is in a text.
func checkWithin(t *testing.T, data []byte, at Location) {
	t.Helper()
	lines := strings.Split(string(data), "\n")
	if at.Line < 1 || at.Line > len(lines) || at.Column < 1 || at.Column > len(lines[at.Line-1])+len("\ufeff")+1 {
		t.Fatalf("%q: the location %s is not in the text", data, at)
	}
}

// FuzzPath holds that a path that parses is written in a form that parses to the same path.
func FuzzPath(f *testing.F) {
	for _, text := range []string{"a.b[0].c", "a[b].c", `["a.b"][3]`, "[", "a.", `a["\x00"]`, "a[-1]", "a[0x1]", "[\"\"]", "a[99999999999999999999]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := ParsePath(text)
		if err != nil {
			return
		}
		for _, form := range []string{path.String(), path.Named()} {
			again, err := ParsePath(form)
			if err != nil {
				t.Fatalf("%q is written as %q: %v", text, form, err)
			}
			if again.Named() != path.Named() && again.String() != path.String() {
				t.Errorf("%q is written as %q, which is %#v and not %#v", text, form, again, path)
			}
		}
		path.Last()
		Lookup(&yaml.Node{Kind: yaml.MappingNode}, path)
	})
}

// FuzzSet writes a value into any mapping, and holds that the text then has the value at its path, and otherwise
// decodes to the same. It leaves out aliases, which repeat the change, keys that are there twice, and a block scalar at
// the end of a file without a line end, which gets one: the proof of a fix refuses that.
func FuzzSet(f *testing.F) {
	for _, text := range texts {
		f.Add(text, "a.b.c")
		f.Add(text, "a")
		f.Add(text, "z")
	}
	f.Fuzz(func(t *testing.T, text, at string) {
		path, err := ParsePath(at)
		if err != nil || strings.ContainsAny(text, "*&!?") || !utf8.ValidString(at) || len(at) > 100 ||
			strings.ContainsAny(text, "|>") && !strings.HasSuffix(text, "\n") {
			return
		}
		for _, step := range path {
			if !reflect.DeepEqual(step, Key(step.Key)) || step.Key == "" || step.Key == "<<" || yaml.IsValueNonString(step.Key) {
				return // The number 00 and the text 0 are one key when they are decoded.
			}
		}
		d, err := Open(NewText([]byte(text)), Place{})
		if err != nil || !d.IsWhole() || d.Root() != nil && hasQuoteInKey(d.Root()) {
			return
		}
		var before, after map[string]any
		if kubeyaml.UnmarshalStrict([]byte(text), &before) != nil {
			return
		}
		slot, ok := d.Slot(path)
		if !ok {
			return
		}
		edited := Apply([]byte(text), d.Write("f.yaml", []Setting{{slot, "Always"}}))
		if err := kubeyaml.UnmarshalStrict(edited, &after); err != nil {
			t.Fatalf("%q becomes %q: %v", text, edited, err)
		}
		if !set(&before, path) || !reflect.DeepEqual(before, after) {
			t.Errorf("%q becomes %q by %s: got %v, want %v", text, edited, path, after, before)
		}
	})
}

// hasQuoteInKey reports whether a key has a quote in it, as a" of {a":}. There, parsers differ in what the key is.
func hasQuoteInKey(root *yaml.Node) bool {
	found, steps := false, 0
	walk(root, &steps, func(node *yaml.Node) {
		for i := 0; node.Kind == yaml.MappingNode && i < len(node.Content); i += 2 {
			found = found || strings.ContainsAny(node.Content[i].Value, "\"'")
		}
	})
	return found
}

// set makes the value at a path of decoded values Always. It reports false if the keys of the path are not strings.
func set(values *map[string]any, path Path) bool {
	if *values == nil {
		*values = map[string]any{}
	}
	if len(path) == 1 {
		(*values)[path[0].Key] = "Always"
		return true
	}
	below, _ := (*values)[path[0].Key].(map[string]any)
	ok := set(&below, path[1:])
	(*values)[path[0].Key] = below
	return ok
}
