package check

import (
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestWritesPolicy has lines with a word between « and », and whether the word is meant as a pull policy.
func TestWritesPolicy(t *testing.T) {
	for _, test := range []struct {
		line string
		want bool
	}{
		{`imagePullPolicy: «IfNotPresent»`, true},
		{`  - pullPolicy: «Never» # why`, true},
		{`"imagePullPolicy": «"Never"»,`, true},
		{`"imagePullPolicy": "«Never»",`, true},
		{`{image: a, imagePullPolicy: «Never», restartPolicy: Always}`, true},
		{`{imagePullPolicy: Always, restartPolicy: «Never»}`, false},
		{`image-pull-policy: «Never»`, true},
		{`IMAGE_PULL_POLICY: «Never»`, true},
		{`sidecarPullPolicy : &p «Never»`, true},
		{`imagePullPolicy: !!str «Never»`, true},
		{`policy: «IfNotPresent»`, true},
		{`policy: «Never»`, false},
		{`restartPolicy: «Never»`, false},
		{`default: «IfNotPresent»`, false},
		{`enum: [Always, «IfNotPresent», Never]`, false},
		{`- «IfNotPresent»`, false},
		{`description: one of Always, «IfNotPresent»`, false},
		{`pullPolicy: one of Always, «IfNotPresent»`, false},
		{`# imagePullPolicy: «IfNotPresent»`, false},
		{`image: a # imagePullPolicy: «IfNotPresent»`, false},
		{`name: PULL_POLICY, value: «IfNotPresent»`, false},
		{`{op: add, path: /spec/containers/0/imagePullPolicy, value: «Never»}`, true},
		{`{"op": "add", "path": "/spec/restartPolicy", "value": «"Never"»}`, false},
		{`imagePullPolicy: {{ .Values.p | default «"Never"» }}`, true},
		{`restartPolicy: {{ .Values.p | default «"Never"» }}`, false},
		{`{{- $policy := default «"IfNotPresent"» .Values.p }}`, true},
		{`imagePullPolicy: {{ if .a }}Always{{ else }}«Never»{{ end }}`, true},
		{`restartPolicy: {{ if .a }}Always{{ else }}«Never»{{ end }}`, false},
		{`{{ define "p" }}«IfNotPresent»{{ end }}`, true},
		{`  «IfNotPresent»`, true},
		{`  «IfNotPresent» is the default`, false},
		{`  «Never»`, false},
		{strings.Repeat("x: {a: b}, ", 200) + `imagePullPolicy: «Never»`, true},
	} {
		before, rest, _ := strings.Cut(test.line, "«")
		word, after, _ := strings.Cut(rest, "»")
		at := yamldoc.Location{Column: len(before) + 1, Snippet: before + word + after}
		if got := WritesPolicy(strings.Trim(word, `"`), at); got != test.want {
			t.Errorf("%s: got %t", test.line, got)
		}
	}
	patch := yamldoc.Location{Column: 8, Snippet: "value: Never", Above: "  path: /spec/containers/0/imagePullPolicy"}
	if !WritesPolicy(Never, patch) {
		t.Error("the value in a JSON patch in YAML is a policy")
	}
}

// TestUnreached: the findings are in the order of the files, their fingerprints differ and hold no line, and an ignore
// comment suppresses.
func TestUnreached(t *testing.T) {
	kept := yamldoc.Location{Path: "a", Line: 1, Column: 5, Tracked: true, Snippet: "a: Never # pullcheck: ignore[pull-policy-unreached] why"}
	found, suppressed := Unreached([]yamldoc.Location{{Path: "b", Line: 2}, kept, {Path: "b", Line: 1}, {Path: "b", Line: 3, Key: "k"}})
	if len(found) != 3 || len(suppressed) != 1 || suppressed[0].Reason != "why" {
		t.Fatalf("%d findings, %d suppressed", len(found), len(suppressed))
	}
	moved, _ := Unreached([]yamldoc.Location{{Path: "b", Line: 12}, {Path: "b", Line: 11}, {Path: "b", Line: 13, Key: "k"}})
	seen := map[string]bool{}
	for i, f := range found {
		if f.Decision.Line != i+1 || f.Fingerprint != moved[i].Fingerprint || seen[f.Fingerprint] || f.Severity != SeverityNote || f.Affected == nil {
			t.Errorf("finding %d: %+v", i, f)
		}
		seen[f.Fingerprint] = true
	}
	report := &Report{Findings: []Finding{{Decision: yamldoc.Location{Path: "b", Line: 2, Column: 1}}}}
	report.Add(found, suppressed)
	for i := range report.Findings[1:] {
		if compareLocations(report.Findings[i].Decision, report.Findings[i+1].Decision) > 0 {
			t.Errorf("%s comes before %s", report.Findings[i].Decision, report.Findings[i+1].Decision)
		}
	}
	if len(report.Findings) != 4 || len(report.Suppressed) != 1 || report.Suppressed[0].Finding.Decision.Path != "a" {
		t.Errorf("%d findings, %d suppressed", len(report.Findings), len(report.Suppressed))
	}
}
