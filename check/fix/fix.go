// Package fix finds edits that put pull policies right, and proves them by rendering again.
//
// Candidates says which edits might help, for each decision that package origin has found. An edit is an intent
// until it is proven, for example: the value Always at image.pullPolicy in charts/api/values.yaml. Prove tries the
// candidates. It renders every source that reads an edited file again, and accepts an edit only if its finding is
// gone, no new finding has appeared, and nothing but pull policies has changed.
//
// # An example
//
// values.yaml:14 decides for Pod/api and Pod/worker, so both hits have the candidate "set image.pullPolicy to Always".
// The edit of the finding is Always in the place of IfNotPresent on line 14. The chart and its two environments read
// values.yaml. All three are rendered over a tree with the edit. In each of them the hits are gone, no other container
// breaks a rule, and every other value is as before. So the edit becomes the fix of the finding.
//
// # Rounds
//
// An attempt is a finding and its current candidate. Prove works in rounds:
//
//  1. Claim: the ledger takes the edits of each attempt, unless they conflict with the edits of an earlier attempt. Two
//     findings on one line of one file, with different new values, conflict: the second waits for the next round.
//  2. Render: all sources that read an edited file are rendered once, with all edits together.
//  3. Judge: an attempt holds, fails (its finding is still there), or is suspect (a source is worse off, by this
//     attempt or by an attempt that shares the source).
//  4. Culprit: suspects that share sources are a group. Rendering halves of the group shows the attempt at fault.
//  5. Advance: attempts that fail go on to their next candidates, and into the next round.
//
// # Cost
//
// Mostly the first candidates hold. Each affected source is then rendered once for all fixes, and once more where
// values are drawn at random. An attempt at fault costs about log2(group) renders of the sources of its group. If
// there were several rounds, all accepted fixes are rendered once more together. Besides the renders, time and
// memory are linear in findings, sources and files, apart from sorting.
//
// # Limits
//
// A fix changes files that are kept in the tree, and no file through a symbolic link. Findings of
// pull-policy-digest get no fix, because the bytes of their images are fixed. A finding without a fix has the
// reason in FixProblem.
package fix

import (
	"context"
	"io/fs"

	"github.com/pullcheck/pullcheck/check"
)

// Prove gives each finding of a report a proven fix, or else the reason in FixProblem. All fixes of a report work
// together. Prove writes to the report and to the sources, and to no file. It returns the files with all fixes
// made, sorted by path. If the context is canceled, a finding may have neither a fix nor a reason.
func Prove(ctx context.Context, fsys fs.FS, sources []Rendered, options Options, report *check.Report) []File {
	p := newProver(&examiner{ctx, fsys, options, sources, map[check.ContainerRef]bool{}})
	for _, suppressed := range report.Suppressed {
		for _, hit := range suppressed.Finding.Hits {
			p.suppressed[hit.Ref] = true
		}
	}
	var all, open []*attempt
	for i := range report.Findings {
		finding := &report.Findings[i]
		if finding.Rule == check.DigestID {
			continue
		}
		a := newAttempt(finding, p.candidatesOf)
		all = append(all, a)
		if candidates, ok := a.next(); !ok {
			finding.FixProblem = p.whyNoCandidate(finding)
		} else if p.prepare(a, candidates) {
			open = append(open, a)
		}
	}
	rounds := 0
	for ; len(open) > 0 && ctx.Err() == nil; rounds++ {
		open = p.round(open)
	}
	if rounds > 1 {
		p.confirm(all)
	}
	return p.ledger.results()
}
