package report

import (
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestGitHubWritesAsManyAsGitHubShows: failures come first, then the worst findings, and the last line counts the
// others.
func TestGitHubWritesAsManyAsGitHubShows(t *testing.T) {
	t.Parallel()
	r := &check.Report{Failures: []check.Failure{{Source: "charts/a", Environment: "prod", Message: "two\nlines\r"}}}
	for range 12 {
		r.Findings = append(r.Findings, check.Finding{Rule: "pull-policy-unset", Severity: check.SeverityWarning, Message: "100%",
			Decision: yamldoc.Location{Path: "a,b::c\n::error::d", Line: 3}})
	}
	r.Findings = append(r.Findings, check.Finding{Rule: "pull-policy-not-always", Severity: check.SeverityError, Message: "bad", Decision: yamldoc.Location{Path: "z"}})
	var b strings.Builder
	if err := GitHub(&b, r); err != nil {
		t.Fatal(err)
	}
	want := "::error title=pullcheck%3A not checked::charts/a (prod): two%0Alines\\r\n" +
		"::error title=pullcheck%3A pull-policy-not-always,file=z::bad\n" +
		strings.Repeat("::warning title=pullcheck%3A pull-policy-unset,file=a%2Cb%3A%3Ac%0A%3A%3Aerror%3A%3Ad,line=3::100%25\n", 10) +
		"pullcheck: 2 more have no annotation: GitHub shows 10 of a kind\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestCommandIsNotCutByGitHub: a command is one line that is not too long for GitHub, whatever the report contains.
func TestCommandIsNotCutByGitHub(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("%", 9000), strings.Repeat("é:", 9000), strings.Repeat("a%", 5000)} {
		var b strings.Builder
		r := &check.Report{Findings: []check.Finding{{Rule: text, Severity: check.SeverityNote, Message: text, Decision: yamldoc.Location{Path: text, Line: 1}}}}
		if err := GitHub(&b, r); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(b.String(), "\n")
		if len(line) > 4096 || strings.Contains(line, "\n") || !strings.HasPrefix(line, "::notice ") || strings.Contains(line, "%…") || strings.Contains(line, "%2…") {
			t.Errorf("%d bytes: %.80s … %s", len(line), line, line[len(line)-40:])
		}
	}
}
