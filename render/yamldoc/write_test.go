package yamldoc

import (
	"bytes"
	"strings"
	"testing"
)

// open opens the mapping at a place of a text.
func open(t *testing.T, text, at string, document int) *Document {
	t.Helper()
	path, err := ParsePath(at)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(NewText([]byte(text)), Place{document, path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write writes Always at paths of a document and returns the text after it. A path without a slot is left out.
func write(t *testing.T, d *Document, paths ...string) string {
	t.Helper()
	var settings []Setting
	for _, text := range paths {
		path, err := ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		if slot, ok := d.Slot(path); ok {
			settings = append(settings, Setting{slot, "Always"})
		}
	}
	return string(Apply(d.text.bytes, d.Write("f.yaml", settings)))
}

// TestWriteKeepsTheStyleOfTheMapping writes Always at the paths of the second column, separated by spaces, and reads them back.
func TestWriteKeepsTheStyleOfTheMapping(t *testing.T) {
	for _, test := range []struct{ name, text, paths, want string }{
		{"plain", "a: b # why\n", "a", "a: Always # why\n"},
		{"single quotes", "a: 'b'\n", "a", "a: 'Always'\n"},
		{"double quotes", `{"a": "b"}`, "a", `{"a": "Always"}`},
		{"anchor", "a: &x b\n", "a", "a: &x Always\n"},
		{"null", "a: null # why\n", "a", "a: Always # why\n"},
		{"tilde", "a: {b: ~}\n", "a.b", "a: {b: Always}\n"},
		{"empty quotes", "a: \"\"\n", "a", "a: \"Always\"\n"},
		{"no value", "a:\nb: 1\n", "a", "a: Always\nb: 1\n"},
		{"no value, and a key below", "a: # why\nb: 1\n", "a.b", "a: {b: Always} # why\nb: 1\n"},
		{"no value, and keys below", "a:\n", "a.b a.c.d", "a: {b: Always, c: {d: Always}}\n"},
		{"null, and keys below", "a: null\n", "a.c a.b", "a: {b: Always, c: Always}\n"},
		{"null, and a key below in JSON", `{"a": null}`, "a.b", `{"a": {"b": "Always"}}`},

		{"empty file", "", "a.b", "a:\n  b: Always\n"},
		{"comments alone", "# why\n", "a", "# why\na: Always\n"},
		{"comments alone without a final newline", "# why", "a", "# why\na: Always"},
		{"end of the file", "x: 1\n\n# why\n", "a", "x: 1\n\n# why\na: Always\n"},
		{"end of the file without a newline", "x: 1", "a b", "x: 1\na: Always\nb: Always"},
		{"before an end marker", "x: 1\n...\n", "a", "x: 1\na: Always\n...\n"},
		{"one level", "", "db.b db.a", "db:\n  a: Always\n  b: Always\n"},
		{"two levels", "x: 1\n", "db.image.a db.image.b", "x: 1\ndb:\n  image:\n    a: Always\n    b: Always\n"},
		{"different keys", "x: 1\n", "b a", "x: 1\na: Always\nb: Always\n"},
		{"an indented file", "  x: 1\n", "a", "  x: 1\n  a: Always\n"},
		{"keys that are no strings without quotes", "", "y.1 y.null", "\"y\":\n  \"1\": Always\n  \"null\": Always\n"},
		{"CRLF", "x: 1\r\n", "db.a db.b", "x: 1\r\ndb:\r\n  a: Always\r\n  b: Always\r\n"},

		{"behind the tag", "i:\n  repository: x\n  tag: 1 # why\n  z: 2\n", "i.a", "i:\n  repository: x\n  tag: 1 # why\n  a: Always\n  z: 2\n"},
		{"behind the first scalars", "i:\n  x: 1\n  y:\n  z: {}\n", "i.a i.b", "i:\n  x: 1\n  y:\n  a: Always\n  b: Always\n  z: {}\n"},
		{"before a mapping", "i:\n  x:\n    y: 1\n", "i.a.b i.a.c", "i:\n  a:\n    b: Always\n    c: Always\n  x:\n    y: 1\n"},
		{"before a text on several lines", "i:\n  x: 1\n    2\n", "i.a", "i:\n  a: Always\n  x: 1\n    2\n"},
		{"before a text in block style", "i:\n  x: |\n    1\n", "i.a", "i:\n  a: Always\n  x: |\n    1\n"},
		{"in a list", "l:\n  - name: x\n    y: {}\n", "l[0].a l[x].b", "l:\n  - name: x\n    a: Always\n    b: Always\n    y: {}\n"},
		{"indented CRLF", "i:\r\n    x: 1\r\n", "i.a.b", "i:\r\n    x: 1\r\n    a:\r\n      b: Always\r\n"},
		{"an indented key at the end of the file and one of the file", "i:\n  x: 1", "b i.a", "i:\n  x: 1\n  a: Always\nb: Always"},

		{"flow", "i: {}\n", "i.db.a i.db.b i.c", "i: {c: Always, db: {a: Always, b: Always}}\n"},
		{"flow behind a neighbour", "{x: 1}", "db.a db.b", "{x: 1, db: {a: Always, b: Always}}"},
		{"flow behind a key without a value", "{x: }", "a", "{x:, a: Always }"},
		{"flow before a mapping", "{x: {y: 1}}", "b a", "{a: Always, b: Always, x: {y: 1}}"},
		{"JSON", "{\n  \"x\": 1\n}\n", "db.a db.b", "{\n  \"x\": 1,\n  \"db\": {\"a\": \"Always\", \"b\": \"Always\"}\n}\n"},
		{"JSON without white space", `{"x":1}`, "a.b", `{"x":1,"a":{"b":"Always"}}`},
		{"JSON, empty", `{}`, "a", `{"a": "Always"}`},
		{"JSON before a mapping", `{"x": {}}`, "a", `{"a": "Always", "x": {}}`},

		{"keys in quotes", "x: 1\n", `["a#:b"].c`, "x: 1\n\"a#:b\":\n  c: Always\n"},
		{"through an alias", "x: &x\n  a: 1\ny: *x\n", "y.b", "x: &x\n  a: 1\n  b: Always\ny: *x\n"},
		{"through a merge key", "x: &x {a: {b: 1}}\ny:\n  <<: *x\n", "y.a.c", "x: &x {a: {b: 1, c: Always}}\ny:\n  <<: *x\n"},
		{"beside a merge key", "x: &x {a: 1}\ny:\n  z: 1\n  <<: *x\n", "y.b", "x: &x {a: 1}\ny:\n  z: 1\n  b: Always\n  <<: *x\n"},
		{"a byte order mark", "\ufeffi:\n  x: 1\n", "i.a", "\ufeffi:\n  x: 1\n  a: Always\n"},
		{"characters of several bytes", "ü: {é: 1}\n", "ü.a", "ü: {é: 1, a: Always}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := write(t, open(t, test.text, "", 0), strings.Fields(test.paths)...)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			roots, err := Parse([]byte(got))
			if err != nil {
				t.Fatalf("%q is no YAML: %v", got, err)
			}
			for _, text := range strings.Fields(test.paths) {
				if path, err := ParsePath(text); err == nil && ScalarAt(roots[0], path) != "Always" {
					t.Errorf("%q has %q at %s", got, ScalarAt(roots[0], path), text)
				}
			}
		})
	}
}

// TestSlotIsRefusedWhereAnotherValueIsInTheWay: a write to such a path returns the text unchanged.
func TestSlotIsRefusedWhereAnotherValueIsInTheWay(t *testing.T) {
	for _, test := range []struct{ text, path string }{
		{"a: 1\n", "a.b"},
		{"a: [1]\n", "a"},
		{"a: {b: 1}\n", "a"},
		{"a: |\n  text\n", "a"},
		{"a: |\n", "a"},
		{"a: a text\n  goes on\n", "a"},
		{"a: [1]\n", "a[1]"},
		{"a: [1]\n", "a.b"},
		{"a: &x 1\nb: *x\n", "b"},
	} {
		if got := write(t, open(t, test.text, "", 0), test.path); got != test.text {
			t.Errorf("%s in %q: got %q", test.path, test.text, got)
		}
	}
}

// TestOpenFindsTheMappingAtAPlace writes a.b into the mapping at a place of a file.
func TestOpenFindsTheMappingAtAPlace(t *testing.T) {
	for _, test := range []struct {
		name, text string
		document   int
		at, want   string
	}{
		{"second document", "x: 1\n---\ny: 2\n", 1, "", "x: 1\n---\ny: 2\na:\n  b: Always\n"},
		{"mapping", "x:\n  y:\n    z: 1\n", 0, "x.y", "x:\n  y:\n    z: 1\n    a:\n      b: Always\n"},
		{"text", "x: |\n  # why\n  z: 1\ny: 2\n", 0, "x", "x: |\n  # why\n  z: 1\n  a:\n    b: Always\ny: 2\n"},
		{"flow in a text", "x: >-\n  {z: 1}\n", 0, "x", "x: >-\n  {z: 1, a: {b: Always}}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := write(t, open(t, test.text, test.at, test.document), "a.b"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, test := range []struct {
		name, text string
		document   int
		at         string
	}{
		{"no YAML", "a: {", 0, ""},
		{"UTF-16", "\xff\xfe", 0, ""},
		{"no such document", "a: 1\n", 1, ""},
		{"a list", "- a\n", 0, ""},
		{"a scalar", "x: y\n", 0, "x"},
		{"nothing", "x: y\n", 0, "z"},
		{"a text that is no mapping", "x: |\n  - a\n", 0, "x"},
	} {
		path, _ := ParsePath(test.at)
		if _, err := Open(NewText([]byte(test.text)), Place{test.document, path}); err == nil {
			t.Errorf("%s: Open has no error", test.name)
		}
	}
}

// TestIsJSONIsFalseForFlowStyle also holds that isJSON reads each document once.
func TestIsJSONIsFalseForFlowStyle(t *testing.T) {
	const text = "---\n{\"a\": 1}\n---\n{a: 1}\n---\n{\"b\": 2}\n{\"c\": 3}\n---\n{\"d\": 4} # why\n---\n"
	positions := NewText([]byte(text))
	for _, test := range []struct {
		part string
		want bool
	}{{`"a"`, true}, {"a: 1}", false}, {`"b"`, true}, {`"c"`, true}, {`"d"`, false}, {`"a"`, true}} {
		if got := positions.isJSON(strings.Index(text, test.part)); got != test.want {
			t.Errorf("the document around %s: got %v, want %v", test.part, got, test.want)
		}
	}
	if len(positions.regions) != 4 {
		t.Errorf("%d documents were read, want each of 4 once", len(positions.regions))
	}
	if NewText(nil).isJSON(0) {
		t.Error("an empty text is JSON")
	}
}

// TestAppendAddsItemsInBlockStyle adds items to a list of patches.
func TestAppendAddsItemsInBlockStyle(t *testing.T) {
	items := [][]string{{"- patch: |-", "    - b"}, {"- patch: |-", "    - a"}}
	for _, test := range []struct{ name, text, want string }{
		{"empty file", "", "patches:\n- patch: |-\n    - a\n- patch: |-\n    - b\n"},
		{"no list", "x: 1", "x: 1\npatches:\n- patch: |-\n    - a\n- patch: |-\n    - b"},
		{"list", "patches:\n  - x: y\nz: 1\n", "patches:\n  - patch: |-\n      - a\n  - patch: |-\n      - b\n  - x: y\nz: 1\n"},
		{"CRLF", "x: 1\r\n", "x: 1\r\npatches:\r\n- patch: |-\r\n    - a\r\n- patch: |-\r\n    - b\r\n"},
		{"flow", "patches: []\n", ""},
		{"no items", "patches:\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			edit, err := open(t, test.text, "", 0).Append("f.yaml", "patches", items)
			if err != nil {
				if test.want != "" {
					t.Error(err)
				}
				return
			}
			if got := string(Apply([]byte(test.text), []Edit{edit})); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzWrite holds that Write changes nothing outside of the places for which it has edits, and that it has one edit for a
// place. The edits may come in any order.
func FuzzWrite(f *testing.F) {
	for _, text := range []string{"", "a: 1", "a:\n  b: {c: ~}\n", "{\"a\": {}}", "a: &x {b: 1}\r\nc: {<<: *x}\r\n", "- a"} {
		f.Add([]byte(text), "a.b a.b.c", "d a.d")
	}
	f.Fuzz(func(t *testing.T, data []byte, first, second string) {
		d, err := Open(NewText(data), Place{})
		if err != nil {
			return
		}
		original := bytes.Clone(data)
		var settings []Setting
		for _, text := range strings.Fields(first + " " + second) {
			path, err := ParsePath(text)
			if err != nil {
				continue
			}
			if slot, ok := d.Slot(path); ok {
				settings = append(settings, Setting{slot, "Always"})
			}
		}
		edits := d.Write("f.yaml", settings)
		if len(edits) > len(settings) {
			t.Errorf("%d edits for %d settings", len(edits), len(settings))
		}
		from := 0
		for i, e := range edits {
			if e.Start < from || e.End < e.Start || string(data[e.Start:e.End]) != e.OldText {
				t.Fatalf("%q: the edits overlap, or replace what is not there: %+v", data, edits)
			}
			for _, other := range edits[:i] {
				if e.Start == other.Start && e.End == other.End && e.Start < e.End {
					t.Errorf("%q: two edits at %d", data, e.Start)
				}
			}
			from = e.End
		}
		if !bytes.Equal(data, original) {
			t.Errorf("the data were %q and are %q", original, data)
		}
	})
}
