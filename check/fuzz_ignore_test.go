package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// FuzzIgnore holds that a directive is found within its line, and that one which ignores a rule names the rule and gives
// a reason.
func FuzzIgnore(f *testing.F) {
	for _, line := range []string{
		"a: b # pullcheck: ignore[pull-policy-not-always] why", "# pullcheck: ignore[] x", "{{- /* pullcheck: ignore[pull-policy-unset] why */}}", "a: 'pullcheck: ignore'", "# noqa # pullcheck ignore", "a: \"#\" # pullcheck: ignore[x",
		"a: don't # pullcheck: ignore[pull-policy-not-always, pull-policy-digest]: why", "{{ /* # pullcheck:ignore[*] */ }}", "a: {{ \"#\" }}# pullcheck: ignore[pull-policy-not-always] \u00a0", "é # pullcheck: ignore[pull-policy-not-always]\u200bwhy",
	} {
		f.Add(line, "a: b")
		f.Add("a: b", line)
	}
	f.Fuzz(func(t *testing.T, line, above string) {
		for i, c := range directives(yamldoc.Location{Path: "a.yaml", Line: 7, Column: 1, Snippet: line, Above: above}) {
			text := line
			if c.location.Line == 6 {
				text = above
			}
			if c.location.Column < 1 || c.location.EndColumn < c.location.Column || c.location.EndColumn > len(text)+1 || i > 1 {
				t.Fatalf("%q: the directive is at %+v", text, c.location)
			}
			if !strings.Contains(text, c.text) {
				t.Errorf("%q has no %q", text, c.text)
			}
			for _, rule := range Rules {
				reason, err := c.ignores(rule.ID)
				if err == nil && (strings.TrimSpace(reason) == "" || !strings.Contains(text, rule.ID) || !strings.Contains(text, reason)) {
					t.Errorf("%q ignores %s for %q", text, rule.ID, reason)
				}
				if err == nil && !slices.ContainsFunc([]string{"#", "/*"}, func(mark string) bool { return strings.Contains(text, mark) }) {
					t.Errorf("%q is no comment", text)
				}
			}
		}
	})
}

// FuzzEffective holds that a written policy always wins, that the other ones are by default, and that whatever refers to
// the tag latest, and to nothing else, is Always.
func FuzzEffective(f *testing.F) {
	for _, image := range []string{"", "a", "a:latest", "a:1", "h:5000/a", "a@sha256:" + strings.Repeat("0", 64), "a:latest@sha256:" + strings.Repeat("0", 64), "A", "a:", "a:b:c", strings.Repeat("a", 300), "docker.io/a:latest", "é", strings.Repeat("a", 64)} {
		f.Add(image, "")
	}
	f.Add("a", "always")
	f.Fuzz(func(t *testing.T, image, written string) {
		got := Effective(image, written)
		if written != "" && got != written || written == "" && got != Always && got != IfNotPresent {
			t.Errorf("%q with %q is %q", image, written, got)
		}
		tag, pinned := parseImage(image)
		if written == "" && got == Always && (tag != "latest" || strings.ContainsAny(image, " \n")) {
			t.Errorf("%q is Always, its tag is %q", image, tag)
		}
		if pinned && !strings.Contains(image, "@") {
			t.Errorf("%q has a digest", image)
		}
	})
}
