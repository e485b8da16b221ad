package scan

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestSuppressedByChange: the change suppresses a finding if it adds the line of the ignore comment or of the decision,
// and the containers of an older comment that the base does not keep.
func TestSuppressedByChange(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"way": {Mode: fs.ModeSymlink, Data: []byte("f")}, "f": {}}
	files := git.Files{{Path: "added", Status: git.Added}, {Path: "binary", Binary: true}, {Path: "f", Hunks: []git.Hunk{{NewStart: 1, NewLines: 3, Rows: []git.Row{
		{Old: 1, New: 1, Text: "old"}, {New: 2, Text: "new"}, {Old: 2, New: 3, Text: "old"},
	}}}}, {Path: "link", Status: git.TypeChanged}, {Path: "renamed", OldPath: "old", Status: git.Renamed}}
	for _, test := range []struct {
		name, path        string
		comment, decision int
		own               int
	}{
		{"an old one", "f", 1, 1, 0}, {"a new comment", "f", 2, 3, 1}, {"a new line below an old comment", "f", 1, 2, 1},
		{"far from the change", "f", 9, 9, 0}, {"in a file that is the same", "other", 1, 1, 0}, {"in a file that has moved", "renamed", 1, 1, 0},
		{"behind a new link", "added", 9, 9, 1}, {"behind what became a link", "link", 9, 9, 1},
		{"in a file without a diff", "binary", 1, 1, 1}, {"behind a link that was there before", "way", 2, 3, 1},
	} {
		for _, trusted := range []bool{true, false} {
			kept := map[exception]bool{exceptionOf("", check.Affected{Image: "a:1"}, test.path): true}
			r := &check.Report{Suppressed: []check.Suppression{{Finding: check.Finding{Affected: []check.Affected{{Image: "a:2"}}, Hits: []check.Hit{{Rule: &check.Rule{}, Affected: check.Affected{Image: "a:2"}}}, Decision: yamldoc.Location{Path: test.path, Line: test.decision}}, Location: yamldoc.Location{Path: test.path, Line: test.comment}}}}
			own := (&Baseline{Files: files, DistrustComments: !trusted}).suppressedByChange(fsys, r, kept)
			findings := 0
			if !trusted {
				findings = test.own
			}
			if len(own) != test.own || len(r.Findings) != findings || len(r.Suppressed) != 1-findings {
				t.Errorf("%s, trusted %t: %d own, %d findings, %d suppressed", test.name, trusted, len(own), len(r.Findings), len(r.Suppressed))
			}
		}
	}
}

// TestOlderCommentKeepsWhatItKept: an older ignore comment does not cover another container, image, policy or file.
func TestOlderCommentKeepsWhatItKept(t *testing.T) {
	t.Parallel()
	old := check.Affected{Source: "s", Kind: "Pod", Name: "a", Container: "c", Image: "example/a:1", Written: "Never"}
	with := func(edit func(*check.Affected)) check.Affected {
		a := old
		edit(&a)
		return a
	}
	for name, test := range map[string]struct {
		now  check.Affected
		path string
		own  bool
	}{
		"the same":           {old, "f", false},
		"another tag":        {with(func(a *check.Affected) { a.Image = "example/a:2" }), "f", false},
		"another image":      {with(func(a *check.Affected) { a.Image = "example/b:1" }), "f", true},
		"another policy":     {with(func(a *check.Affected) { a.Written = "IfNotPresent" }), "f", true},
		"another container":  {with(func(a *check.Affected) { a.Container = "d" }), "f", true},
		"another object":     {with(func(a *check.Affected) { a.Name = "b" }), "f", true},
		"another source":     {with(func(a *check.Affected) { a.Source = "r" }), "f", true},
		"another file":       {old, "g", true},
		"without an image":   {with(func(a *check.Affected) { a.Image = "" }), "f", true},
		"an unparsable name": {with(func(a *check.Affected) { a.Image = "{{ x }}" }), "f", true},
	} {
		for _, distrust := range []bool{false, true} {
			affected := []check.Affected{test.now}
			if test.own && test.path == "f" {
				affected = append(affected, old)
			}
			finding := check.Finding{Rule: "r", Affected: affected, Decision: yamldoc.Location{Path: test.path, Line: 2}}
			for _, a := range affected {
				finding.Hits = append(finding.Hits, check.Hit{Rule: &check.Rule{}, Affected: a})
			}
			report := &check.Report{Suppressed: []check.Suppression{{Finding: finding, Location: yamldoc.Location{Path: test.path, Line: 1}}}}
			kept := map[exception]bool{exceptionOf("r", old, "f"): true}
			own := (&Baseline{DistrustComments: distrust}).suppressedByChange(fstest.MapFS{}, report, kept)
			if (len(own) == 1) != test.own || test.own && (len(own[0].Finding.Affected) != 1 || own[0].Finding.Affected[0] != test.now) {
				t.Errorf("%s: own %+v", name, own)
			}
			findings, suppressed := 0, 1
			if distrust && test.own {
				findings, suppressed = 1, len(finding.Affected)-1
			}
			if len(report.Findings) != findings || len(report.Suppressed) != suppressed {
				t.Errorf("%s, distrusted %t: %d findings, %d suppressed", name, distrust, len(report.Findings), len(report.Suppressed))
			}
		}
	}
}

// TestFindingsHaveALimit: a report has an end, and says that there were more findings.
func TestFindingsHaveALimit(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxFindings, maxFindings + 2} {
		report := &check.Report{}
		for range n {
			report.Findings = append(report.Findings, check.Finding{Affected: []check.Affected{{Source: "web"}}})
		}
		cutFindings(report)
		if len(report.Findings) != maxFindings || len(report.Failures) > 0 != (n > maxFindings) {
			t.Errorf("%d findings: kept %d, failures %v", n, len(report.Findings), report.Failures)
		}
		for _, failure := range report.Failures {
			if !strings.HasPrefix(failure.Message, "2 more findings") || failure.Source != "web" {
				t.Errorf("got %+v", failure)
			}
		}
	}
}
