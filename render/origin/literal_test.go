package origin

import (
	"slices"
	"strings"
	"testing"
)

// TestLiterals has files, and the literals in them as VALUE@LINE:COLUMN, with the key where it is known.
func TestLiterals(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"yaml", "# Never\na:\n  p: Never # Never\n  q: 'Never'\n  Never: x\n", "Never@3:6 a.p,Never@4:6 a.q"},
		{"json", `{"a": {"p": "Never"}}`, "Never@1:13 a.p"},
		{"alias", "a: &x Never\nb: *x\n", "Never@1:7 a"},
		{"block scalar", "a: |\n  p: Never\n", "Never@2:6 a"},
		{"template", "{{/* Never */}}\np: {{ .x | default \"Never\" }}\n{{ if eq .y \"Never\" }}p: Never{{ end }}\n", "Never@2:20,Never@3:26"},
		{"several documents", "a: b\n---\np: Never\n", "Never@3:4 p"},
		{"another value", "p: Always\n", ""},
		{"no YAML", "p: Never\n\t- }", "Never@1:4"},
		{"UTF-16", "\xff\xfep\x00:\x00", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, l := range Literals("a.yaml", []byte(test.text), "Never", "IfNotPresent") {
				got = append(got, strings.TrimSpace(l.Value+"@"+strings.TrimPrefix(l.Location.String(), "a.yaml:")+" "+l.Location.Key))
			}
			slices.Sort(got)
			if strings.Join(got, ",") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzLiterals holds that every literal stands where its location says, whatever the file is.
func FuzzLiterals(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, l := range Literals("a.yaml", data, "Never", "IfNotPresent") {
			at := l.Location
			if at.Line < 1 || at.Column < 1 || at.Column-1 > len(at.Snippet) {
				t.Fatalf("%+v", at)
			}
			if l.Value != "Never" && l.Value != "IfNotPresent" {
				t.Errorf("%q is no value", l.Value)
			}
			plain := at.EndLine == at.Line && at.EndColumn-1 <= len(at.Snippet) && !strings.Contains(string(data), "\\")
			if plain && !strings.Contains(at.Snippet[at.Column-1:at.EndColumn-1], l.Value) {
				t.Errorf("%q is not at %d to %d of %q", l.Value, at.Column, at.EndColumn, at.Snippet)
			}
		}
	})
}
