package report

import (
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// at returns the location of the text between « and », in a line of values.yaml.
func at(line int, text string) yamldoc.Location {
	before, rest, _ := strings.Cut(text, "«")
	inside, after, _ := strings.Cut(rest, "»")
	return yamldoc.Location{
		Path: "values.yaml", Line: line, Column: len(before) + 1, EndLine: line, EndColumn: len(before+inside) + 1,
		Snippet: before + inside + after,
	}
}

// why returns the text of Why for a trace, without the first two lines.
func why(t *testing.T, trace Trace) string {
	t.Helper()
	var b strings.Builder
	if err := Why(&b, "title", trace, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return strings.SplitN(b.String(), "\n", 3)[2]
}

// TestMarksAreBelowTheLocation has lines, how a frame shows them, and the marks below.
func TestMarksAreBelowTheLocation(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, test := range []struct{ name, snippet, source, marks string }{
		{"plain", `key: «Always» # why`, `key: Always # why`, `     ^^^^^^`},
		{"tabs", "\t\"a\":\t«\"b\"»,", `    "a":    "b",`, `            ^^^`},
		{"tab inside", "«a\tb»", "a    b", "^^^^^^"},
		{"several bytes", `ü€: «é»x`, `ü€: éx`, `    ^`},
		{"combining mark", "e\u0301: «e\u0301»", "e\u0301: e\u0301", "   ^"},
		{"wide characters", "名前: «値»", "名前: 値", "      ^^"},
		{"emoji", "😀: «b»", "😀: b", "    ^"},
		{"control characters", "a\x1b[31m: «b\a»", `a\x1b[31m: b\a`, `           ^^^`},
		{"order of writing", "a\u202e: «b»", `a\u202e: b`, `         ^`},
		{"space that is none", "a:\u00a0«b»", `a:\u00a0b`, `        ^`},
		{"no UTF-8", "\xff: «b»", `\xff: b`, `      ^`},
		{"empty", `{«»}`, `{}`, ` ^`},
		{"empty at the end", `key:«»`, `key:`, `    ^`},
		{"long", long + `: «Always», ` + long, "…" + long[:28] + ": Always, " + long[:82] + "…", strings.Repeat(" ", 31) + "^^^^^^"},
		{"long and near the start", `key: «Always» # ` + long + long, "key: Always # " + long + "aaaaaa…", "     ^^^^^^"},
		{"long and near the end", long + long + `: «Always»`, "…" + long[:28] + ": Always", strings.Repeat(" ", 31) + "^^^^^^"},
		{"long value", `key: «` + long + long + `» # why`, "key: " + long + "aaaaaaaaaaaaaaa…", "     " + strings.Repeat("^", 115)},
		{"wide where it is cut", strings.Repeat("値", 100) + `«b»`, "…" + strings.Repeat("値", 15) + "b", strings.Repeat(" ", 31) + "^"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := why(t, Trace{Field: "f", Decisions: []yamldoc.Location{at(7, test.snippet)}, Exact: true})
			want := "    7 | " + test.source + "\n      | " + test.marks + "\n"
			if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestLocationOverLinesIsMarkedInTheFirst: a location that goes on in the next line is marked to the end of its first
// line.
func TestLocationOverLinesIsMarkedInTheFirst(t *testing.T) {
	place := at(1, `key: «"Al`)
	place.EndLine, place.EndColumn = 2, 3
	want := "    1 | key: \"Al\n      |      ^^^\n"
	if got := why(t, Trace{Field: "f", Decisions: []yamldoc.Location{place}, Exact: true}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestFrameNamesTheUnsetKey: the frame of a missing field names the key that would set it.
func TestFrameNamesTheUnsetKey(t *testing.T) {
	const field = "spec.containers[0].imagePullPolicy"
	for _, test := range []struct{ name, key, snippet, want string }{
		{"the mapping in a values file", "image.pullPolicy", `«image»:`, "image.pullPolicy is not set here"},
		{"an item of a list in a values file", "sidecars[log].imagePullPolicy", `- «name»: log`, "sidecars[log].imagePullPolicy is not set here"},
		{"a key with nothing", "image.pullPolicy", `  «pullPolicy:»`, ""},
		{"a key with null", "image.pullPolicy", `  "pullPolicy": «null»`, ""},
		{"a text in a values file", "extraContainers", `«image: example/a:1»`, "imagePullPolicy is not set here"},
		{"a manifest", "spec.containers[web].imagePullPolicy", `«image: example/a:1»`, "imagePullPolicy is not set here"},
		{"a template", "", `«image: {{ .Values.image }}»`, "imagePullPolicy is not set here"},
		{"a line that writes nothing", "", `«imagePullPolicy: {{ .Values.policy }}»`, ""},
		{"a longer key", "", `«imagePullPolicyOfOthers: x»`, "imagePullPolicy is not set here"},
		{"another container on the line", "", `[{imagePullPolicy: Always}, {«image: b»}]`, "imagePullPolicy is not set here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			place := at(1, test.snippet)
			place.Key = test.key
			trace := Trace{Field: field, Missing: true, Decisions: []yamldoc.Location{place}, Exact: true}
			lines := strings.Split(why(t, trace), "\n")
			_, got, _ := strings.Cut(lines[1], "^ ")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			trace.Missing = false
			if text := why(t, trace); strings.Contains(text, "is not set") {
				t.Errorf("a field that is there is not set:\n%s", text)
			}
		})
	}
}

// TestWhyListsDecisionsAndVia has all parts of an answer.
func TestWhyListsDecisionsAndVia(t *testing.T) {
	replicas := at(120, "  replicas: «3»")
	replicas.Key = "web.replicas"
	written := at(6, "  «replicas: {{ .Values.web.replicas }}»")
	written.Path = "templates/a.yaml"
	named := yamldoc.Location{Path: "kustomization.yaml", Line: 2}
	flag := yamldoc.Location{Path: "--set web.replicas", Key: "web.replicas"}
	for _, test := range []struct {
		name  string
		trace Trace
		want  string
	}{
		{"a value and two places on the way", Trace{Decisions: []yamldoc.Location{replicas}, Via: []yamldoc.Location{written, named}, Exact: true}, `Deployment/a spec.replicas = 3
values.yaml:120:13: web.replicas
    120 |   replicas: 3
        |             ^
    via templates/a.yaml:6:3
      6 |   replicas: {{ .Values.web.replicas }}
    via kustomization.yaml:2
`},
		{"two values", Trace{Decisions: []yamldoc.Location{replicas, replicas}, Exact: true}, `Deployment/a spec.replicas = 3
values.yaml:120:13: web.replicas
    120 |   replicas: 3
        |             ^
values.yaml:120:13: web.replicas
    120 |   replicas: 3
        |             ^
`},
		{"a flag", Trace{Decisions: []yamldoc.Location{flag}, Via: []yamldoc.Location{written}, Exact: true}, `Deployment/a spec.replicas = 3
--set web.replicas
    via templates/a.yaml:6:3
    6 |   replicas: {{ .Values.web.replicas }}
`},
		{"only the line that writes", Trace{Decisions: []yamldoc.Location{written}}, `Deployment/a spec.replicas = 3
templates/a.yaml:6:3
    6 |   replicas: {{ .Values.web.replicas }}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    this line writes the field; the line that decides could not be shown
`},
		{"only the file", Trace{Decisions: []yamldoc.Location{{Path: "templates/a.yaml"}}}, `Deployment/a spec.replicas = 3
templates/a.yaml
    the line that decides could not be shown
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.trace.Field = "spec.replicas"
			var b strings.Builder
			if err := Why(&b, "Deployment/a spec.replicas = 3", test.trace, TextOptions{}); err != nil {
				t.Fatal(err)
			}
			if b.String() != test.want {
				t.Errorf("got\n%swant\n%s", b.String(), test.want)
			}
		})
	}
}
