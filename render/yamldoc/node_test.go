package yamldoc

import (
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func TestFieldResolvesAliasesAndMergeKeys(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "a: 1\nb: 2", "2"},
		{"absent", "a: 1", ""},
		{"the last of duplicates", "b: 1\nb: 2", "2"},
		{"alias", "x: &x 2\nb: *x", "2"},
		{"merge key", "x: &x {b: 2}\n<<: *x", "2"},
		{"a merged key wins over one before it", "x: &x {b: 2}\nb: 1\n<<: *x", "2"},
		{"a key wins over a merged one before it", "x: &x {b: 1}\n<<: *x\nb: 2", "2"},
		{"the first of merged mappings", "x: &x {b: 2}\ny: &y {b: 1}\n<<: [*x, *y]", "2"},
		{"a merge of a merge", "x: &x {b: 2}\ny: &y {<<: *x, c: 1}\n<<: *y", "2"},
		{"the last of merge keys", "x: &x {b: 1}\ny: &y {b: 2}\n<<: *x\n<<: *y", "2"},
		{"a quoted << is a key", "\"<<\": {b: 2}", ""},
		{"null", "b: null", ""},
		{"a mapping is no scalar", "b: {c: 1}", ""},
		{"a list has no fields", "- b: 1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var document yaml.Node
			if err := yaml.Unmarshal([]byte(test.text), &document); err != nil {
				t.Fatal(err)
			}
			if got := Scalar(document.Content[0], "b"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFieldsHasEachValueOnceInTheOrderOfTheText(t *testing.T) {
	many := strings.Repeat("x: 0\n", 100)
	for _, test := range []struct{ name, text, want string }{
		{"plain", "b: 1\na: 2", "b:1 a:2"},
		{"the last of duplicates", "b: 1\na: 2\nb: 3", "a:2 b:3"},
		{"the last of many duplicates", many + "a: 1\nx: 2\na: 3", "x:2 a:3"},
		{"merged keys at their place", "d: 0\n<<: {b: 1, c: 2}\na: 3", "d:0 b:1 c:2 a:3"},
		{"a key wins over a merged key before it", "<<: {b: 1, c: 2}\nb: 3", "c:2 b:3"},
		{"a merged key wins over a key before it", "b: 3\nd: 4\n<<: {b: 1, c: 2}", "d:4 b:1 c:2"},
		{"the first of merged mappings", "<<: [{b: 1}, {b: 2, c: 3}]", "b:1 c:3"},
		{"one mapping merged twice", "a: &a {b: 1}\n<<: [*a, *a]", "a: b:1"},
		{"a merge of a merge", "<<: {<<: {b: 1}, c: 2}", "b:1 c:2"},
		{"a merge key with a scalar", "<<: null\na: 1", "a:1"},
		{"an alias is not resolved", "a: &a 1\nb: *a", "a:1 b:a"},
		{"a quoted << is a key", "\"<<\": 1", "<<:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			roots, err := Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for key, value := range Fields(roots[0]) {
				got = append(got, key.Value+":"+value.Value)
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("got %s, want %s", text, test.want)
			}
			for range Fields(roots[0]) {
				break // An iterator that goes on after this panics.
			}
		})
	}
}

func TestDuplicatesCountsRepeatedKeys(t *testing.T) {
	for text, want := range map[string]int{"{}": 0, "{a: 1, b: 2}": 0, "{a: 1, b: 2, a: 3, a: 4}": 2} {
		roots, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := Duplicates(roots[0]); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func TestParseErrorHasTheLineOfTheFault(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"scanner", "a: 1\nb: 2\n  c: 3\n", "f.yaml:3:3: mapping values are not allowed in this context"},
		{"tab", "a:\n\tb: 1\n", "f.yaml:2:2: found character that cannot start any token"},
		{"parser", "a: 1\nb: 2\nc: {d: 1\n  e: 2\n", "f.yaml:3:1: did not find expected ',' or '}'"},
		{"list", "a:\n  - b\n  c\n", "f.yaml:3:3: could not find expected ':'"},
		{"a line that does not belong there", "a:\n  b:\n  - c: d\n    e: f\n   g: h\n", "f.yaml:5:4: did not find expected key"},
		{"first line", "a: {b", "f.yaml:1:1: did not find expected ',' or '}'"},
		{"end of file", "a: 1\nb: [c,\n", "f.yaml:2:1: did not find expected node content"},
		{"tag", "a: 1\nb: !x!y z\nc: 2\n", "f.yaml:2:1: found undefined tag handle"},
		{"directive", "%YAML 1.1\n%YAML 1.1\n---\na: 1\n", "f.yaml:2:1: found duplicate %YAML directive"},
		{"tag directive", "%TAG !x! a\n%TAG !x! b\n---\na: 1\n", "f.yaml:2:1: found duplicate %TAG directive"},
		{"version", "# a\n%YAML 2.0\n---\na: 1\n", "f.yaml:2:1: found incompatible YAML document"},
		{"alias", "a: 1\nb: *c\n", "f.yaml:2:1: unknown anchor 'c' referenced"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var node yaml.Node
			err := yaml.Unmarshal([]byte(test.text), &node)
			if err == nil {
				t.Fatal("the text is no error")
			}
			if got := ParseError("f.yaml", []byte(test.text), err).Error(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
