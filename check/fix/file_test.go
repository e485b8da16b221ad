package fix

import (
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// valueAt is the change that writes Always at a path of the file f.yaml.
func valueAt(t *testing.T, path string) Change {
	t.Helper()
	parsed, err := yamldoc.ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	return Change{Value: &Value{File: "f.yaml", Path: parsed, Text: "Always"}}
}

// replaced is the change that puts a text in the place of a part of f.yaml.
func replaced(f *file, start, end int, text string) Change {
	edit := f.text.Edit("f.yaml", start, end, text)
	return Change{Edit: &edit}
}

// TestChangesTogether holds each change to its edit alone, and all changes together to one text in which they share keys.
func TestChangesTogether(t *testing.T) {
	patch := func(name string) Change {
		return Change{Item: &Item{File: "f.yaml", List: "patches", Lines: []string{"- target:", "    name: " + name}}}
	}
	for _, test := range []struct {
		name, text string
		changes    func(*file) []Change
		alone      []string // the new text of each change alone
		want       string
	}{
		{"keys below a missing key", "x: 1\n", func(*file) []Change { return []Change{valueAt(t, "db.b"), valueAt(t, "db.a")} },
			[]string{"db:\n  b: Always\n", "db:\n  a: Always\n"}, "x: 1\ndb:\n  a: Always\n  b: Always\n"},
		{"keys below a null", "db: null\n", func(*file) []Change { return []Change{valueAt(t, "db.b"), valueAt(t, "db.a")} },
			[]string{"{b: Always}", "{a: Always}"}, "db: {a: Always, b: Always}\n"},
		{"items of a list", "", func(*file) []Change { return []Change{patch("b"), patch("a")} },
			[]string{"patches:\n- target:\n    name: b\n", "patches:\n- target:\n    name: a\n"}, "patches:\n- target:\n    name: a\n- target:\n    name: b\n"},
		{"a value and a part of a line", "a: {b: 1}\nc: 2\n", func(f *file) []Change { return []Change{replaced(f, 13, 14, "3"), valueAt(t, "a.d")} },
			[]string{"3", ", d: Always"}, "a: {b: 1, d: Always}\nc: 3\n"},
		{"one value in two ways", "a: 1\n", func(f *file) []Change { return []Change{replaced(f, 3, 4, "Always"), valueAt(t, "a")} },
			[]string{"Always", "Always"}, "a: Always\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := openFile(fstest.MapFS{"f.yaml": {Data: []byte(test.text)}}, "f.yaml")
			if err != nil {
				t.Fatal(err)
			}
			var all []intent
			for n, c := range test.changes(f) {
				i, err := f.intent(c)
				if err != nil {
					t.Fatal(err)
				}
				if i.alone.NewText != test.alone[n] {
					t.Errorf("change %d alone writes %q, want %q", n, i.alone.NewText, test.alone[n])
				}
				if f.conflicts(i) {
					t.Errorf("change %d conflicts", n)
				}
				f.claim(i)
				all = append(all, i)
			}
			if got, err := f.write(all); err != nil || string(got) != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestConflicts claims one part of a file, and asks about others.
func TestConflicts(t *testing.T) {
	const text = "0123456789"
	for _, test := range []struct {
		claimed, other [2]int
		want           bool
	}{
		{[2]int{2, 5}, [2]int{5, 7}, false},
		{[2]int{2, 5}, [2]int{0, 2}, false},
		{[2]int{2, 5}, [2]int{4, 7}, true},
		{[2]int{2, 5}, [2]int{3, 4}, true},
		{[2]int{2, 5}, [2]int{0, 9}, true},
		{[2]int{2, 5}, [2]int{2, 5}, true},
		{[2]int{2, 5}, [2]int{2, 2}, false},
		{[2]int{2, 5}, [2]int{3, 3}, true},
		{[2]int{2, 5}, [2]int{5, 5}, false},
		{[2]int{3, 3}, [2]int{3, 3}, false},
		{[2]int{3, 3}, [2]int{2, 5}, true},
		{[2]int{3, 3}, [2]int{3, 5}, false},
		{[2]int{3, 3}, [2]int{1, 3}, false},
	} {
		f, err := openFile(fstest.MapFS{"f.yaml": {Data: []byte(text)}}, "f.yaml")
		if err != nil {
			t.Fatal(err)
		}
		intentOf := func(part [2]int, text string) intent {
			i, err := f.intent(replaced(f, part[0], part[1], text))
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		claimed, other := intentOf(test.claimed, "x"), intentOf(test.other, "y")
		f.claim(claimed)
		if got := f.conflicts(other); got != test.want {
			t.Errorf("%v conflicts with %v: %v, want %v", test.other, test.claimed, got, test.want)
		}
		if f.conflicts(claimed) {
			t.Errorf("%v conflicts with itself", test.claimed)
		}
		f.claim(claimed)
		f.release(claimed)
		if got := f.conflicts(other); got != test.want {
			t.Errorf("%v is claimed twice and released once, and %v conflicts: %v, want %v", test.claimed, test.other, got, test.want)
		}
		f.release(claimed)
		if f.conflicts(other) {
			t.Errorf("%v is released, and %v conflicts", test.claimed, test.other)
		}
	}
}

// TestChangedFile: a change that was made for another text of the file fails.
func TestChangedFile(t *testing.T) {
	before, err := openFile(fstest.MapFS{"f.yaml": {Data: []byte("a: 1\n")}}, "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	now, err := openFile(fstest.MapFS{"f.yaml": {Data: []byte("b: 2\n")}}, "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := now.intent(replaced(before, 3, 4, "Always")); err == nil {
		t.Error("there is no error")
	}
}
