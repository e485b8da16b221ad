package printable

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// printed returns what a Writer prints.
func printed(t *testing.T, text string, styled bool) string {
	t.Helper()
	var b strings.Builder
	w := Writer{To: &b, Styled: styled}
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
	return b.String()
}

// TestText has texts, how they are printed within a line, and as lines.
func TestText(t *testing.T) {
	for _, test := range []struct{ name, text, line, lines string }{
		{"plain", `charts/übel/名前.yaml: "a" \n 100% 😀`, `charts/übel/名前.yaml: "a" \n 100% 😀`, `charts/übel/名前.yaml: "a" \n 100% 😀`},
		{"combining mark", "e\u0301", "e\u0301", "e\u0301"},
		{"line feed and tab", "a\n\tb", `a\n\tb`, "a\n\tb"},
		{"carriage return", "a\rb\r\n", `a\rb\r\n`, "a\\rb\\r\n"},
		{"terminal", "\x1b[31m\a\b\x00\x7f\u009b31m", `\x1b[31m\a\b\x00\x7f\u009b31m`, `\x1b[31m\a\b\x00\x7f\u009b31m`},
		{"a style", Red + "a" + Plain, `\x1b[1;31ma\x1b[0m`, `\x1b[1;31ma\x1b[0m`},
		{"bidi", "\u202a\u202e\u2066\u2069\u200e\u061c", `\u202a\u202e\u2066\u2069\u200e\u061c`, `\u202a\u202e\u2066\u2069\u200e\u061c`},
		{"zero width", "a\u200bb\u200d\u2060\ufeff\u00ad\u034f", `a\u200bb\u200d\u2060\ufeff\u00ad\u034f`, `a\u200bb\u200d\u2060\ufeff\u00ad\u034f`},
		{"fillers and selectors", "\u3164\uffa0\u115f\ufe0f\U000e0100", `\u3164\uffa0\u115f\ufe0f\U000e0100`, `\u3164\uffa0\u115f\ufe0f\U000e0100`},
		{"tags", "\U000e0001\U000e0041\U000e007f", `\U000e0001\U000e0041\U000e007f`, `\U000e0001\U000e0041\U000e007f`},
		{"line ends of Unicode", "\u2028\u2029\u0085", `\u2028\u2029\u0085`, `\u2028\u2029\u0085`},
		{"spaces", "a\u00a0b\u3000c", `a\u00a0b\u3000c`, `a\u00a0b\u3000c`},
		{"private use and unassigned", "\ue000\U0010ffff", `\ue000\U0010ffff`, `\ue000\U0010ffff`},
		{"no UTF-8", "a\xffb\xc3", `a\xffb\xc3`, `a\xffb\xc3`},
		{"the character for errors", "\ufffd", "\ufffd", "\ufffd"},
		{"command", "::error file=a::b", `\x3a:error file=a::b`, `\x3a:error file=a::b`},
		{"command after white space", " \t::error::", ` \t\x3a:error::`, " \t" + `\x3a:error::`},
		{"command in a later line", "a::b\n ::set-output name=a::b", `a::b\n ::set-output name=a::b`, "a::b\n " + `\x3a:set-output name=a::b`},
		{"command after a soft hyphen", "\u00ad::error::", `\u00ad::error::`, `\u00ad::error::`},
		{"command between soft hyphens", ":\u00ad:error::", `:\u00ad:error::`, `:\u00ad:error::`},
		{"three colons", ":::", `\x3a::`, `\x3a::`},
		{"old command", "a ##[group]b ###[x]", `a \x23#[group]b #\x23#[x]`, `a \x23#[group]b #\x23#[x]`},
		{"command of Azure", "##vso[task.setvariable]", `\x23#vso[task.setvariable]`, `\x23#vso[task.setvariable]`},
		{"heading", "## a [b]", "## a [b]", "## a [b]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Line(test.text); got != test.line {
				t.Errorf("line %q, want %q", got, test.line)
			}
			if got := printed(t, test.text, false); got != test.lines {
				t.Errorf("lines %q, want %q", got, test.lines)
			}
		})
	}
}

// TestOnlyStylesPassAStyledWriter: a styled writer lets the styles of the package through, and a command is one also
// behind a style.
func TestOnlyStylesPassAStyledWriter(t *testing.T) {
	text := Red + "a" + Plain + "\x1b[31m\x1b[8m\n" + Bold + " ::error::"
	want := Red + "a" + Plain + `\x1b[31m\x1b[8m` + "\n" + Bold + ` \x3a:error::`
	if got := printed(t, text, true); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLinesIndentsAllButTheFirst: no line of a message begins where the lines of the program begin.
func TestLinesIndentsAllButTheFirst(t *testing.T) {
	if got, want := Lines("\na\nb\r\n::c\n"), "a\n    b\\r\n    \\x3a:c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzText holds that no text has an effect: it is visible, no line begins a command, and a text that was escaped once
// is not escaped again. JSON keeps its value.
func FuzzText(f *testing.F) {

	f.Fuzz(func(t *testing.T, text string) {
		line, lines := Line(text), printed(t, text, false)
		if strings.ContainsAny(line, "\n\t") {
			t.Errorf("%q is no line", line)
		}
		for _, got := range []string{line, lines, Lines(text)} {
			safe(t, got)
			if again := printed(t, got, false); again != got {
				t.Errorf("%q becomes %q", got, again)
			}
		}
		styled := printed(t, text, true)
		for _, style := range styles {
			styled = strings.ReplaceAll(styled, style, "")
		}
		safe(t, styled)
		jsonKeepsItsValue(t, text)
	})
}

// safe fails the test if a text has a hidden character, or a line that is a command.
func safe(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
			t.Errorf("%q is a command", line)
		}
		for _, r := range line {
			if IsHidden(r) && r != '\t' {
				t.Errorf("%q has the character %U", line, r)
			}
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("%q is no UTF-8", text)
	}
}

func jsonKeepsItsValue(t *testing.T, text string) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	escaped := JSON(b.Bytes())
	safe(t, string(escaped))
	var want, got map[string]string
	if err := json.Unmarshal(b.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(escaped, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %q (%v), want %q", escaped, got, err, want)
	}
}
