package yamldoc

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func TestSpanIsTheValueInBytes(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       string // line:column-endLine:endColumn of the value of key
	}{
		{"plain", "key: Always\n", "1:6-1:12"},
		{"plain at the end of the text", "key: Always", "1:6-1:12"},
		{"comment", "key: Always # why\n", "1:6-1:12"},
		{"single quotes", "key: 'Al''ways' # why\n", "1:6-1:16"},
		{"double quotes", `key: "Al\"wa\\" # "` + "\n", "1:6-1:16"},
		{"quotes over lines", "key: \"Al\n  ways\"\n", "1:6-2:8"},
		{"plain over lines", "key: Al \n  ways\n", "1:6-1:8"},
		{"block", "key: |- # why\n  Always\n", "1:6-1:14"},
		{"anchor", "key: &a Always\n", "1:9-1:15"},
		{"tag", "key: !!str 'Always'\n", "1:12-1:20"},
		{"anchor and tag on a line before", "key: &a !!str # why\n  Always\n", "2:3-2:9"},
		{"alias", "a: &policy Always\nkey: *policy # why\n", "2:6-2:13"},
		{"mapping", "key: {a: b}\n", "1:6-1:12"},
		{"bytes before", "ü€: x\n\"ü€😀\": {key: Always}\n", "2:20-2:26"},
		{"bytes in it", "key: über # é\n", "1:6-1:11"},
		{"json", "{\n\t\"key\": \"Always\"\n}\n", "2:9-2:17"},
		{"crlf", "a: b\r\nkey: Always\r\nc: d\r\n", "2:6-2:12"},
		{"byte order mark", "\ufeffkey: Always\n", "1:6-1:12"},
		{"byte order mark on the line before", "\ufeffa: b\nkey: Always\n", "2:6-2:12"},
		{"line separator in a comment", "# a\u2028# b\u2029# c\u0085# d\na: b\nkey: Always\n", "3:6-3:12"},
		{"line separator on the line", "a: 'b\u2028  c'\nkey: Always\n", "2:6-2:12"},
		{"carriage returns alone", "a: b\rkey: Always\r", "1:11-1:17"},
		{"second document", "a: b\n---\nkey: Always\n", "3:6-3:12"},
		{"utf-16", string([]byte("\xff\xfek\x00e\x00y\x00:\x00 \x00A\x00\n\x00")), "0:0-0:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			node := find(t, test.text)
			span := NewText([]byte(test.text)).Span(node)
			if got := fmt.Sprintf("%d:%d-%d:%d", span.Line, span.Column, span.EndLine, span.EndColumn); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// find returns the value of the key named key.
func find(t *testing.T, text string) *yaml.Node {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document yaml.Node
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		nodes := []*yaml.Node{&document}
		for len(nodes) > 0 {
			node := nodes[0]
			nodes = append(nodes[1:], node.Content...)
			if value := valueOf(node, "key"); value != nil {
				return value
			}
		}
	}
}

func TestLocationHasItsLineAndTheLineAbove(t *testing.T) {
	for _, test := range []struct{ name, text, above, line string }{
		{"first line", "key: a\nb: c\n", "", "key: a"},
		{"second line", "a: b\nkey: c # d", "a: b", "key: c # d"},
		{"third line", "a: b\n  # c\nkey: d\n", "  # c", "key: d"},
		{"empty line above", "a: b\n\nkey: c\n", "", "key: c"},
		{"crlf", "a: b\r\n# c\r\nkey: d\r\n", "# c", "key: d"},
		{"byte order mark", "\ufeffkey: a\n", "", "key: a"},
		{"byte order mark above", "\ufeff# a\nkey: b\n", "# a", "key: b"},
		{"line separator above", "# a\u2028# b\nkey: c\n", "# a\u2028# b", "key: c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			span := NewText([]byte(test.text)).Span(find(t, test.text))
			if span.Above != test.above || span.Snippet != test.line {
				t.Errorf("got %q and %q, want %q and %q", span.Above, span.Snippet, test.above, test.line)
			}
		})
	}
}

// TestLocationsShareTheirLine holds that many locations on one long line keep one copy of the line together.
func TestLocationsShareTheirLine(t *testing.T) {
	text := NewText([]byte("above\nfirst, second\n"))
	first, second := text.Location(6, 11), text.Location(13, 19)
	if first.Snippet != "first, second" || unsafe.StringData(first.Snippet) != unsafe.StringData(second.Snippet) {
		t.Errorf("the locations have lines of their own: %q and %q", first.Snippet, second.Snippet)
	}
	if first.Above != "above" || unsafe.StringData(first.Above) != unsafe.StringData(second.Above) {
		t.Errorf("the locations have lines above of their own: %q and %q", first.Above, second.Above)
	}
}
