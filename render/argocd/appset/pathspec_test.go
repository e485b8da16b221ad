package appset

import "testing"

// TestPathspec has what git 2.39 lists for `git ls-files -- PATTERN`.
func TestPathspec(t *testing.T) {
	for _, test := range []struct {
		pattern, file string
		want          bool
	}{
		{"a/b.yaml", "a/b.yaml", true},
		{"a", "a/b.yaml", true},
		{"a", "ab", false},
		{"a/", "a/b/c", true},
		{"a/", "a", false},
		{"", "a/b", true},
		{".", "a/b", true},
		{"./a//b", "a/b/c", true},
		{"x/../a", "a/b", true},
		{"*", ".hidden/x", true},
		{"*.json", "a/b/c.json", true},
		{"a/*/c", "a/b/d/c", true},
		{"a/**/c", "a/b/c", true},
		{"a/**/c", "a/c", false},
		{"**/c", "c", false},
		{"a/*/", "a/b/c", false},
		{"*b", "a/b/c", false},
		{"a?b", "a/b", true},
		{"a?b", "ab", false},
		{"[ab]c", "bc", true},
		{"[!ab]c", "bc", false},
		{"[^ab]c", "xc", true},
		{"[a-c]", "b", true},
		{"[]a]x", "]x", true},
		{"[!]a]x", "]x", false},
		{"[[:digit:]]", "7", true},
		{"[a", "[a", true},
		{"[]", "[]", true},
		{"a[b*", "a[bc", false},
		{`[\d]`, "d", true},
		{`[\d]`, "1", false},
		{`[a\-c]`, "b", false},
		{`[\]^]`, "]", true},
		{`*\`, `a\`, false},
		{`a\*b`, "a*b", true},
		{`a\*b`, "axb", false},
		{"{a,b}", "a", false},
		{"{a,b}*", "{a,b}c", true},
		{"a.c", "abc", false},
		{"a+.*", "a+.b", true},
	} {
		matches, err := pathspec(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		if got := matches(test.file); got != test.want {
			t.Errorf("%q matches %q: %v, want %v", test.pattern, test.file, got, test.want)
		}
	}
	for _, pattern := range []string{"/a", "..", "a/../../b", ":!a", "[z-a]"} {
		if _, err := pathspec(pattern); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
}
