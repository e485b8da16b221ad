// Package fix finds and proves edits that put pull policies right.
//
// Candidates says, for each decision that package origin has found, which edits might help: the candidates, as intents, for
// example the value Always at image.pullPolicy in charts/api/values.yaml. Prove tries them: it renders every source that
// reads an edited file again, and accepts an edit only if its finding is gone, there is no new finding, and nothing but
// pull policies is different.
//
// # Strategy and cost
//
// The first candidates of all findings are tried together, so that mostly each affected source is rendered once more for
// all of its fixes, and twice where values are drawn at random. Candidates that exclude each other wait for the next
// round. Where a source is worse off, its candidates are halved until the one at fault is found, which costs some
// log2(candidates) renders of the sources that it shares files with; then its finding goes on to its next candidate. If
// there were several rounds, all accepted fixes are rendered once more together. Time and memory beside the renders are
// linear in findings, sources and files, up to sorting.
//
// # Limits
//
// A fix changes files that are kept in the tree, and no file through a symbolic link. Findings of pull-policy-digest are
// left alone, because their images do not change. A finding without a fix gets the reason in FixProblem.
//
// # An example
//
// values.yaml:14 decides for Pod/api and Pod/worker, so both hits have the candidate "set image.pullPolicy to Always". The
// edit of the finding is Always in the place of IfNotPresent on line 14. The chart and its two environments read
// values.yaml. All three are rendered over a tree with the edit: in each of them the hits are gone, no other container
// breaks a rule, and every other value is as before. The edit is the fix of the finding.
package fix

import (
	"context"
	"io/fs"

	"github.com/pullcheck/pullcheck/check"
)

// Prove gives each finding of a report a fix, if one can be proven, or else the reason in FixProblem. It writes to the report
// and to the sources, and to no file. The fixes of a report hold together. It returns the files with all fixes made, sorted
// by path. If the context is canceled, findings may have neither a fix nor a reason.
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
		} else if p.set(a, candidates) {
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
