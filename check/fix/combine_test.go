package fix

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// editsOf makes edits of parts, which have two bytes for each: how far behind the one before it begins, and how long it
// is. None overlaps another one, and several may insert at one place.
func editsOf(data, parts []byte, texts ...string) []yamldoc.Edit {
	var edits []yamldoc.Edit
	from := 0
	for i := 0; i+1 < len(parts); i += 2 {
		start := min(from+int(parts[i]), len(data))
		from = min(start+int(parts[i+1]), len(data))
		edits = append(edits, yamldoc.Edit{Start: start, End: from, OldText: string(data[start:from]), NewText: texts[i/2%len(texts)]})
	}
	return edits
}

// keeps reports whether a text is the data with edits made, in their order: between the new texts stands, byte for
// byte, what stood between the parts.
func keeps(t *testing.T, text, data []byte, edits []yamldoc.Edit) {
	t.Helper()
	rest, from := text, 0
	ok := true
	next := func(want []byte) {
		if ok = ok && bytes.HasPrefix(rest, want); ok {
			rest = rest[len(want):]
		}
	}
	for _, e := range edits {
		next(data[from:e.Start])
		next([]byte(e.NewText))
		from = e.End
	}
	next(data[from:])
	if !ok || len(rest) > 0 {
		t.Errorf("%q became %q by %+v", data, text, edits)
	}
}

// FuzzApply holds that edits change no byte outside of their parts, in whatever order they are given.
func FuzzApply(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, parts []byte, text string) {
		edits, original := editsOf(data, parts, text, "", text+text), bytes.Clone(data)
		keeps(t, yamldoc.Apply(data, edits), data, edits)
		distinct := slices.CompactFunc(slices.Clone(edits), func(a, b yamldoc.Edit) bool { return a.Start == b.Start })
		shuffled := slices.Clone(distinct)
		slices.Reverse(shuffled)
		keeps(t, yamldoc.Apply(data, shuffled), data, distinct)
		if !bytes.Equal(data, original) {
			t.Errorf("the data were %q and are %q", original, data)
		}
	})
}

// FuzzCombine holds that edits that are made one of others change the same parts, and that only insertions are.
func FuzzCombine(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, parts []byte, first, second string) {
		edits := editsOf(data, parts, first, second)
		combined := combine(edits)
		keeps(t, yamldoc.Apply(data, combined), data, combined)
		type part struct{ start, end int }
		partsOf := func(edits []yamldoc.Edit) []part {
			var all []part
			for _, e := range edits {
				all = append(all, part{e.Start, e.End})
			}
			return slices.Compact(all)
		}
		if before, after := partsOf(edits), partsOf(combined); !slices.Equal(before, after) {
			t.Errorf("the parts of %+v are %v, and then %v", edits, before, after)
		}
		for _, e := range combined {
			if e.Start < e.End && e.NewText != first && e.NewText != second {
				t.Errorf("%+v made %q of what replaces something", edits, e.NewText)
			}
		}
	})
}

// TestCombine inserts keys below mappings that are missing, and reads them back.
func TestCombine(t *testing.T) {
	for _, test := range []struct{ name, data, first, second, want string }{
		{"one level", "", "db:\n  a: 1\n", "db:\n  b: 2\n", "db:\n  a: 1\n  b: 2\n"},
		{"two levels", "x: 1\n", "db:\n  image:\n    a: 1\n", "db:\n  image:\n    b: 2\n", "x: 1\ndb:\n  image:\n    a: 1\n    b: 2\n"},
		{"different keys", "x: 1\n", "a: 1\n", "b: 2\n", "x: 1\na: 1\nb: 2\n"},
		{"different keys without a final newline", "x: 1", "\na: 1", "\nb: 2", "x: 1\na: 1\nb: 2"},
		{"indented", "top:\n  x: 1", "\n  db:\n    a: 1", "\n  db:\n    b: 2", "top:\n  x: 1\n  db:\n    a: 1\n    b: 2"},
		{"CRLF", "x: 1\r\n", "db:\r\n  a: 1\r\n", "db:\r\n  b: 2\r\n", "x: 1\r\ndb:\r\n  a: 1\r\n  b: 2\r\n"},
		{"patches", "", "patches:\n- patch: |-\n    - a\n", "patches:\n- patch: |-\n    - b\n", "patches:\n- patch: |-\n    - a\n- patch: |-\n    - b\n"},
		{"flow", "{}", "db: {a: 1}", "db: {b: 2}", "{db: {a: 1, b: 2}}"},
		{"flow with a neighbour", "{x: 1}", "db: {a: 1}, ", "db: {b: 2}, ", "{db: {a: 1, b: 2}, x: 1}"},
		{"flow behind a neighbour", "{x: 1}", ", db: {a: 1}", ", db: {b: 2}", "{x: 1, db: {a: 1, b: 2}}"},
		{"flow behind a neighbour on its line", "{\n  \"x\": 1}", ",\n  \"db\": {\"a\": 1}", ",\n  \"db\": {\"b\": 2}", "{\n  \"x\": 1,\n  \"db\": {\"a\": 1, \"b\": 2}}"},
		{"flow behind a neighbour, different keys", "{x: 1}", ", a: 1", ", b: 2", "{x: 1, a: 1, b: 2}"},
		{"flow, different keys", "{}", "a: {x: 1}", "b: {x: 2}", "{a: {x: 1}, b: {x: 2}}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := len(test.data)
			if len(test.data) > 0 && test.data[0] == '{' {
				at = 1
			}
			if test.first[0] == ',' {
				at = len(test.data) - 1
			}
			data := []byte(test.data)
			got := yamldoc.Apply(data, combine([]yamldoc.Edit{{Start: at, End: at, NewText: test.first}, {Start: at, End: at, NewText: test.second}}))
			if string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			var value any
			if err := yaml.Unmarshal(got, &value); err != nil {
				t.Errorf("%q is no YAML: %v", got, err)
			}
		})
	}
}
