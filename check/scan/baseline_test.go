package scan

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestSuppressedByChange: the change suppresses a finding if it adds the line of the ignore comment or of the decision.
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
			r := &check.Report{Suppressed: []check.Suppression{{Finding: check.Finding{Decision: yamldoc.Location{Path: test.path, Line: test.decision}}, Location: yamldoc.Location{Path: test.path, Line: test.comment}}}}
			own := (&Baseline{Files: files, DistrustComments: !trusted}).suppressedByChange(fsys, r)
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
