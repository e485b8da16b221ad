package check

import (
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// finding is of pull-policy-not-always, decided by line 7 of a file of the repository.
func finding(path, above, line string) Finding {
	return Finding{
		Rule:     notAlways.ID,
		Decision: yamldoc.Location{Path: path, Line: 7, Column: 1, Above: above, Snippet: line, Tracked: true},
		Affected: []Affected{{Name: "web"}},
	}
}

// fileFor returns the name of a template for lines with a comment of a template, and of a values file for others.
func fileFor(lines string) string {
	if strings.Contains(lines, "{{") {
		return "templates/values.yaml"
	}
	return "values.yaml"
}

// TestCommentSuppresses has comments that suppress a finding.
func TestCommentSuppresses(t *testing.T) {
	const short = "policy: Never"
	for _, test := range []struct{ name, above, line, reason, at string }{
		{"behind", "", "policy: Never # pullcheck: ignore[pull-policy-not-always] why", "why", "values.yaml:7:15"},
		{"above", "  # pullcheck: ignore[pull-policy-not-always] why", short, "why", "values.yaml:6:3"},
		{"spaces", "#pullcheck:ignore [ pull-policy-not-always ]why ", short, "why", "values.yaml:6:1"},
		{"tabs", "", "policy: Never\t#\tpullcheck:\tignore[pull-policy-not-always]\twhy", "why", "values.yaml:7:15"},
		{"a colon", "# pullcheck: ignore[pull-policy-not-always]: why: so", short, "why: so", "values.yaml:6:1"},
		{"a dash", "# pullcheck: ignore[pull-policy-not-always] – why", short, "why", "values.yaml:6:1"},
		{"several rules", "# pullcheck: ignore[pull-policy-unset,pull-policy-not-always] why", short, "why", "values.yaml:6:1"},
		{"signs of a comment", "## pullcheck: ignore[pull-policy-not-always] see #12 # and #13", short, "see #12 # and #13", "values.yaml:6:1"},
		{"behind another program's", "# yamllint disable # pullcheck: ignore[pull-policy-not-always] why", short, "why", "values.yaml:6:1"},
		{"letters of any script", "# pullcheck: ignore[pull-policy-not-always] 理由", short, "理由", "values.yaml:6:1"},
		{"quotes", "", `{a: "b # \" c", 'd # ''': e} # pullcheck: ignore[pull-policy-not-always] why`, "why", "values.yaml:7:30"},
		{"quotes inside of words", "", "a: it's, don't # pullcheck: ignore[pull-policy-not-always] why", "why", "values.yaml:7:16"},
		{"quotes inside of an action", "", `p: "{{ .a | default "b # c" }}" # pullcheck: ignore[pull-policy-not-always] why`, "why", "values.yaml:7:33"},
		{"a template's comment", "  {{/* pullcheck: ignore[pull-policy-not-always] why */}}", short, "why", "values.yaml:6:3"},
		{"a template's comment with a sign", "{{- /* # pullcheck: ignore[pull-policy-not-always] why */ -}}", short, "why", "values.yaml:6:1"},
		{"a template's comment before", "", "{{/* pullcheck: ignore[pull-policy-not-always] why */}}policy: {{ .a }}", "why", "values.yaml:7:1"},
		{"a template's comment in a comment", "# {{/* pullcheck: ignore[pull-policy-not-always] why */}}", short, "why", "values.yaml:6:3"},
		{"the second comment of a template", "", "a {{/* b */}} {{/* pullcheck: ignore[pull-policy-not-always] why */}}", "why", "values.yaml:7:15"},
		{"both, of which one counts", "# pullcheck: ignore[pull-policy-not-always] why", "policy: Never # pullcheck: ignore", "why", "values.yaml:6:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			remaining, suppressed := suppress([]Finding{finding(fileFor(test.above+test.line), test.above, test.line)})
			if len(remaining) != 0 || len(suppressed) != 1 {
				t.Fatalf("it stays: %+v", remaining)
			}
			s := suppressed[0]
			at := strings.TrimPrefix(s.Location.String(), "templates/")
			if s.Reason != test.reason || at != test.at || s.By != ByComment || s.Finding.Note != "" {
				t.Errorf("got %+v, want %q at %s", s, test.reason, test.at)
			}
		})
	}
}

// TestCommentWithAFaultSuppressesNothing has comments that suppress no finding, and the note that says why.
func TestCommentWithAFaultSuppressesNothing(t *testing.T) {
	const (
		short = "policy: Never"
		form  = "# pullcheck: ignore[pull-policy-not-always] REASON"
		above = "the comment at values.yaml:6:1 does not count here: "
	)
	for _, test := range []struct{ name, above, line, note string }{
		{"nothing", "# the policy", short, ""},
		{"the program's name", "# as pullcheck: ignore[pull-policy-not-always] says", short,
			"the comment at values.yaml:6:6 does not count here: it stands in a text and not in a comment, expected " + form},
		{"another program with such a name", "# my-pullcheck: on", short, ""},
		{"words", "# pullcheck finds this", short, ""},
		{"no rule", "# pullcheck: ignore why", short, above + "it names no rule, expected " + form},
		{"no rule in brackets", "# pullcheck: ignore[ , ] why", short, above + "it names no rule, expected " + form},
		{"an unknown rule", "# pullcheck: ignore[Pull-Policy-Unset\x1b] why", short,
			above + `there is no rule "Pull-Policy-Unset\x1b", expected one of pull-policy-not-always, pull-policy-unset, pull-policy-invalid, pull-policy-digest, pull-policy-unreached`},
		{"an unknown rule among others", "# pullcheck: ignore[pull-policy-not-always,x] why", short,
			above + `there is no rule "x", expected one of pull-policy-not-always, pull-policy-unset, pull-policy-invalid, pull-policy-digest, pull-policy-unreached`},
		{"another rule", "# pullcheck: ignore[pull-policy-unset] why", short, above + "it ignores pull-policy-unset, and this is pull-policy-not-always"},
		{"no reason", "# pullcheck: ignore[pull-policy-not-always]", short, above + "it gives no reason, expected " + form},
		{"marks for a reason", "# pullcheck: ignore[pull-policy-not-always] -- !", short, above + "it gives no reason, expected " + form},
		{"a template's comment without reason", "{{/* pullcheck: ignore[pull-policy-not-always] */}}", short, above + "it gives no reason, expected " + form},
		{"no colon", "# pullcheck ignore[pull-policy-not-always] why", short, above + `"pullcheck ignore[pull-policy-not-always] why" is not understood, expected ` + form},
		{"another word", "# pullcheck: ignored[pull-policy-not-always] why", short, above + `"pullcheck: ignored[pull-policy-not-always] why" is not understood, expected ` + form},
		{"quotes", `a: "# pullcheck: ignore[pull-policy-not-always] why"`, short,
			"the comment at values.yaml:6:7 does not count here: it stands in a text and not in a comment, expected " + form},
		{"no space before", "", "a: b#pullcheck: ignore[pull-policy-not-always] why",
			"the comment at values.yaml:7:6 does not count here: it stands in a text and not in a comment, expected " + form},
		{"behind another line", "a: b # pullcheck: ignore[pull-policy-not-always] why", short,
			"the comment at values.yaml:6:6 does not count here: it is behind another line, expected " + form + " behind the line that decides, or alone above it"},
		{"beside an action", "{{/* pullcheck: ignore[pull-policy-not-always] why */}}{{ if .a }}", short,
			above + "it is behind another line, expected " + form + " behind the line that decides, or alone above it"},
		{"two faults", "# pullcheck: ignore", "policy: Never # pullcheck: ignore[pull-policy-not-always]",
			"the comment at values.yaml:7:15 does not count here: it gives no reason, expected " + form},
	} {
		t.Run(test.name, func(t *testing.T) {
			remaining, suppressed := suppress([]Finding{finding(fileFor(test.above+test.line), test.above, test.line)})
			if len(remaining) != 1 || len(suppressed) != 0 {
				t.Fatalf("it is suppressed: %+v", suppressed)
			}
			if strings.Replace(remaining[0].Note, "templates/", "", 1) != test.note {
				t.Errorf("got\n%s\nwant\n%s", remaining[0].Note, test.note)
			}
		})
	}
}

// TestTextIsNoIgnoreComment has texts that read like an ignore comment, in a scalar above the line that decides or
// before it. Only in YAML that stands in a block scalar as a whole, such as a patch, is a comment a comment.
func TestTextIsNoIgnoreComment(t *testing.T) {
	const comment = "# pullcheck: ignore[pull-policy-not-always] why\n"
	for _, test := range []struct {
		name, file, text string
		want             bool
	}{
		{"comment", "app.yaml", "a:\n  " + comment + "  policy: Never\n", true},
		{"comment behind a block scalar", "app.yaml", "a: |\n  b\n" + comment + "policy: Never\n", true},
		{"comment behind the item of a block scalar", "app.yaml", "- - a: |\n      b\n    " + comment + "    policy: Never\n", true},
		{"comment in a block scalar with the decision", "app.yaml", "a: |\n  " + comment + "  policy: Never\n", true},
		{"comment behind quotes", "app.yaml", "a: \"b\n  c\"\n" + comment + "policy: Never\n", true},
		{"apostrophe in a text", "app.yaml", "a: don't say 'b\n" + comment + "policy: Never\n", true},
		{"block scalar", "app.yaml", "a: |\n  b\n  " + comment + "policy: Never\n", false},
		{"folded scalar", "app.yaml", "a: &b !!str >-  # c\n  " + comment + "policy: Never\n", false},
		{"item that is a block scalar", "app.yaml", "a:\n- |2-\n  " + comment + "policy: Never\n", false},
		{"block scalar with an empty line", "app.yaml", "a: |\n  b\n\n  " + comment + "policy: Never\n", false},
		{"double quotes", "app.yaml", "a: \"b\n  " + comment + "  c\", policy: Never\n", false},
		{"single quotes", "app.yaml", "{a: 'it''s\n  " + comment + "  c', policy: Never}\n", false},
		{"quotes that end before the decision", "app.yaml", "{a: \"b\n  # pullcheck: ignore[pull-policy-not-always] why\", policy: Never}\n", false},
		{"comment of a template in a manifest", "app.yaml", "a: |\n  {{/* pullcheck: ignore[pull-policy-not-always] why */}}\npolicy: Never\n", false},
		{"comment of a template", "web/templates/app.yaml", "a: |\n  {{/* pullcheck: ignore[pull-policy-not-always] why */}}\npolicy: Never\n", true},
		{"block scalar of a template", "web/templates/app.yaml", "a: |\n{{- if .b }}\n  {{ .c }}\n{{- end }}\n  " + comment + "policy: Never\n", false},
	} {
		text := yamldoc.NewText([]byte(test.text))
		start := strings.Index(test.text, "policy: Never")
		f := finding(test.file, "", "")
		f.Decision = text.Location(start, start+len("policy: Never"))
		f.Decision.Path, f.Decision.Tracked = test.file, true
		remaining, suppressed := suppress([]Finding{f})
		if got := len(suppressed) == 1; got != test.want || !got && remaining[0].Note == "" {
			t.Errorf("%s: suppressed %v, want %v: %+v", test.name, got, test.want, remaining)
		}
	}
}

// TestJSONHasNoIgnoreComments: the note on a comment in a JSON file says that JSON has no comments.
func TestJSONHasNoIgnoreComments(t *testing.T) {
	remaining, _ := suppress([]Finding{finding("values.json", "", `{"//": "# pullcheck: ignore[pull-policy-not-always] why", "policy": "Never"}`)})
	const want = "the comment at values.json:7:11 does not count here: JSON has no comments; where the file is YAML it can have # pullcheck: ignore[pull-policy-not-always] REASON"
	if len(remaining) != 1 || remaining[0].Note != want {
		t.Errorf("got %+v, want %q", remaining, want)
	}
}

// TestDependencySuppressesNothing: a comment in a file that is not in the repository suppresses no finding.
func TestDependencySuppressesNothing(t *testing.T) {
	const comment = "# pullcheck: ignore[pull-policy-not-always] why"
	for _, f := range []Finding{finding("a.tgz/values.yaml", comment, "a"), finding("a.tgz/values.yaml", "", "a "+comment)} {
		f.Decision.Tracked = false
		remaining, suppressed := suppress([]Finding{f})
		if len(suppressed) != 0 || len(remaining) != 1 || remaining[0].Note == "" {
			t.Errorf("%+v: it is suppressed, or nothing is said", f.Decision)
		}
	}
}

// TestCommentOnViaLineSuppressesNothing: a comment on a line of Via does not suppress the finding, and the note names
// the line that decides. A comment in a dependency gets no note, because its author did not write it for this
// repository.
func TestCommentOnViaLineSuppressesNothing(t *testing.T) {
	via := yamldoc.Location{Path: "pod.yaml", Line: 3, Column: 1, Snippet: "a # pullcheck: ignore[pull-policy-not-always] why", Tracked: true}
	for own, want := range map[bool]string{true: "the comment at pod.yaml:3:3 does not count here: the line that decides is values.yaml:7:1", false: ""} {
		f := finding("values.yaml", "", "policy: Never")
		via.Tracked = own
		f.Via = []yamldoc.Location{via}
		remaining, _ := suppress([]Finding{f})
		if len(remaining) != 1 || remaining[0].Note != want {
			t.Errorf("own %v: got %+v, want the note %q", own, remaining, want)
		}
	}
}

// TestSuppressionKeepsFingerprints: a comment changes neither the fingerprint of the finding that it suppresses nor the
// fingerprints of other findings with the same identity.
func TestSuppressionKeepsFingerprints(t *testing.T) {
	pods := func(comment string) []Hit {
		const pod = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: web}\nspec: {containers: [{name: web, image: 'x:1', imagePullPolicy: Never}]}"
		hits := file(t, "app.yaml", pod+comment+"\n---\n"+pod+"\n")
		for i := range hits {
			hits[i].Decision.Tracked = true
		}
		return hits
	}
	before := NewReport(pods(""), nil, nil)
	after := NewReport(pods(" # pullcheck: ignore[pull-policy-not-always] why"), nil, nil)
	if len(before.Findings) != 2 || len(after.Findings) != 1 || len(after.Suppressed) != 1 {
		t.Fatalf("got %+v and then %+v", before, after)
	}
	if before.Findings[1].Fingerprint != after.Findings[0].Fingerprint || before.Findings[0].Fingerprint != after.Suppressed[0].Finding.Fingerprint {
		t.Error("the comment changes the fingerprint of a finding")
	}
}
