package report

import (
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// affected returns a container "c" of a Deployment.
func affected(source, environment, name, image string) check.Affected {
	return check.Affected{Source: source, Environment: environment, Kind: "Deployment", Name: name, Container: "c", Field: "f", Image: image, Written: "Never"}
}

// TestEnvironmentsShareALine: environments with the same objects share a line in the list of affected containers.
func TestEnvironmentsShareALine(t *testing.T) {
	sidecar := affected("a", "", "web", "web:1")
	sidecar.Container = "sidecar"
	for _, test := range []struct {
		name     string
		affected []check.Affected
		want     string
	}{
		{"one", []check.Affected{affected("a", "", "web", "web:1")}, `
    a: Deployment/web: c (web:1)
`},
		{"two containers of an object", []check.Affected{affected("a", "", "web", "web:1"), sidecar}, `
    a: Deployment/web: c (web:1), sidecar (web:1)
`},
		{"two objects", []check.Affected{affected("a", "", "db", "db:1"), affected("a", "", "web", "web:1")}, `
    a:
        Deployment/db: c (db:1)
        Deployment/web: c (web:1)
`},
		{"environments, of which one differs", []check.Affected{
			affected("a", "", "web", "web:1"), affected("a", "dev", "web", "web:2"), affected("a", "prod", "web", "web:1"),
		}, `
    a (defaults, prod): Deployment/web: c (web:1)
    a (dev): Deployment/web: c (web:2)
`},
		{"environments without defaults, and another source", []check.Affected{
			affected("a", "dev", "web", "web:1"), affected("a", "prod", "web", "web:1"), affected("b", "", "web", "web:1"),
		}, `
    a (dev, prod): Deployment/web: c (web:1)
    b: Deployment/web: c (web:1)
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			r := &check.Report{Findings: []check.Finding{{Rule: "rule", Message: "message", Decision: yamldoc.Location{Path: "p"}, Exact: true, Affected: test.affected}}}
			if err := Text(&b, r, TextOptions{Quiet: true}); err != nil {
				t.Fatal(err)
			}
			if _, got, _ := strings.Cut(b.String(), "\n"); got != strings.TrimPrefix(test.want, "\n") {
				t.Errorf("got\n%swant%s", got, test.want)
			}
		})
	}
}

// TestTextInColour has all parts of a report in colour.
func TestTextInColour(t *testing.T) {
	decision := at(4, "pullPolicy: «Never»")
	r := &check.Report{
		Findings: []check.Finding{
			{Rule: "one", Severity: check.SeverityError, Message: "wrong", Decision: decision, Exact: true, Affected: []check.Affected{affected("a", "", "web", "web:1")}},
			{Rule: "two", Severity: check.SeverityNote, Message: "odd", Decision: yamldoc.Location{Path: "b.yaml"}, Affected: []check.Affected{affected("b", "", "web", "")}},
		},
		Failures: []check.Failure{{Source: "c", Message: "broken", Location: yamldoc.Location{Path: "c/d.yaml", Line: 3}, Hint: "mend it"}},
		Sources:  []check.SourceStatus{{Path: "e", Status: check.Skipped, Reason: "a library"}},
	}
	const want = `<b>values.yaml:4:13<0>: <red>error<0>: wrong <faint>[one]<0>
<faint>    4 |<0> pullPolicy: Never
<faint>      |<0>             <red>^^^^^<0>
    a: Deployment/web: c (web:1)

<b>b.yaml<0>: <cyan>note<0>: odd <faint>[two]<0>
    the line that decides could not be shown
    b: Deployment/web: c

<b>c/d.yaml:3<0>: <red>failure<0>: broken
    c is not checked
    hint: mend it
e: <faint>skipped<0>: a library
2 findings (1 error, 1 note) in 0 containers; sources: 0 rendered, 0 failed, 1 skipped
`
	var b strings.Builder
	if err := Text(&b, r, TextOptions{Color: true}); err != nil {
		t.Fatal(err)
	}
	got := strings.NewReplacer(printable.Red, "<red>", printable.Cyan, "<cyan>", printable.Bold, "<b>", printable.Faint, "<faint>", printable.Plain, "<0>").Replace(b.String())
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestSuppressedAreCountedAndListed: suppressed findings are in the tally, and in the list if the options ask for it.
// A reason is on one line, whatever it contains.
func TestSuppressedAreCountedAndListed(t *testing.T) {
	kept := check.Finding{Rule: "one", Severity: check.SeverityError, Message: "wrong", Decision: at(4, "pullPolicy: «Never»"), Exact: true, Affected: []check.Affected{affected("a", "", "web", "web:1")}}
	suppression := check.Suppression{Finding: kept, By: check.ByComment, Reason: "why\n::error::", Location: yamldoc.Location{Path: "values.yaml", Line: 3, Column: 1}}
	found := kept
	found.Note = "the comment does not count\r::error::"
	const (
		finding = "values.yaml:4:13: error: wrong [one]\n    4 | pullPolicy: Never\n      |             ^^^^^\n" +
			"    the comment does not count\\r::error::\n    a: Deployment/web: c (web:1)\n"
		listed = "values.yaml:4:13: suppressed: wrong [one]\n    by the comment at values.yaml:3:1: why\\n::error::\n    a: Deployment/web: c (web:1)\n"
		rest   = "in 0 containers; sources: 0 rendered, 0 failed, 0 skipped\n"
	)
	for _, test := range []struct {
		name     string
		findings []check.Finding
		options  TextOptions
		want     string
	}{
		{"tally", nil, TextOptions{}, "0 findings and 2 suppressed " + rest},
		{"tally with findings", []check.Finding{found}, TextOptions{}, finding + "\n1 finding (1 error) and 2 suppressed " + rest},
		{"list", nil, TextOptions{Suppressed: true}, listed + "\n" + listed + "\n0 findings and 2 suppressed " + rest},
		{"list with findings", []check.Finding{found}, TextOptions{Suppressed: true, Quiet: true}, finding + "\n" + listed + "\n" + listed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			r := &check.Report{Findings: test.findings, Suppressed: []check.Suppression{suppression, suppression}}
			if err := Text(&b, r, test.options); err != nil {
				t.Fatal(err)
			}
			if b.String() != test.want {
				t.Errorf("got\n%swant\n%s", b.String(), test.want)
			}
		})
	}
}
