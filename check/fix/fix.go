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
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Rendered is a source that was rendered and checked, or one that a fix may affect.
type Rendered struct {
	Source render.Source
	// Reads are the files that the source was rendered from. If it was not rendered, Reach has the files that it can be
	// rendered from.
	Reads []string
	Reach *render.Reach
	// Before is what the source was rendered to; nil if that was not kept.
	Before *Snapshot
	// Candidates are the candidates for the hits of the source, the first to try first.
	Candidates map[check.Place][]Candidate

	// volatile are the values that differ from render to render; nil until they are needed.
	volatile map[difference]bool
}

// Options say how Prove works.
type Options struct {
	// Jobs is how many sources are rendered at a time; at least 1.
	Jobs int
	// HandsOn reports whether an object hands a field on to the sources that it declares, such as an Application of Argo CD
	// its Helm values. A change of such a field shows in these sources. It may be nil.
	HandsOn func(manifest render.Manifest, path yamldoc.Path) bool
}

// File is a file of the tree and what all fixes together make of it.
type File struct {
	Path          string
	Before, After []byte
}

// Prove gives each finding of a report a fix, if one can be proven, or else the reason in FixProblem. It writes to the report
// and to the sources, and to no file. The fixes of a report hold together. It returns the files with all fixes made, sorted
// by path. If the context is canceled, findings may have neither a fix nor a reason.
func Prove(ctx context.Context, fsys fs.FS, sources []Rendered, options Options, report *check.Report) []File {
	p := newProver(&examiner{ctx, fsys, options, sources, map[check.Place]bool{}})
	for _, suppressed := range report.Suppressed {
		for _, hit := range suppressed.Finding.Hits {
			p.suppressed[hit.Place] = true
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

// noProof says why no candidate was accepted, and what else would help.
const noProof = "every edit that was tried changes something else too, or does not render; " +
	"a Helm post-renderer or a patch in a kustomization can set it"

// whyNoCandidate says why there is no candidate for a finding, and what would help.
func (p *prover) whyNoCandidate(finding *check.Finding) string {
	at := finding.Decision
	of := finding.Hits[0].Place.Source
	values := path.Join(of.Path, "values.yaml")
	_, err := fs.Stat(p.tree, values)
	switch real := tree.Follow(p.tree, at.Path); {
	case finding.Exact && at.Line == 0 && strings.HasPrefix(at.Path, "--"):
		return "the flag decides; give it another value"
	case real != at.Path:
		return "a symbolic link leads to " + real + ", and no file is written through one; check that"
	case !finding.Exact:
		return "what decides could not be shown; a Helm post-renderer or a patch in a kustomization can set it"
	case isChart(of) && !at.Tracked && path.Base(at.Path) == "values.yaml" && errors.Is(err, fs.ErrNotExist):
		return "the file is not kept in this repository, and " + values + ", which could set it, is not there; create that"
	}
	return "no edit of a file of this repository sets it; a Helm post-renderer or a patch in a kustomization can"
}

// prover proves the fixes of one report.
type prover struct {
	*examiner
	ledger *ledger
	index  readers
	byID   map[render.ID]int
}

func newProver(e *examiner) *prover {
	p := &prover{examiner: e, ledger: newLedger(e.tree), index: newReaders(e.sources), byID: map[render.ID]int{}}
	for i := range e.sources {
		p.byID[e.sources[i].Source.ID()] = i
	}
	return p
}

// candidatesOf returns the candidates for a hit.
func (p *prover) candidatesOf(place check.Place) []Candidate {
	if i, ok := p.byID[place.Source]; ok {
		return p.sources[i].Candidates[place]
	}
	return nil
}

// set makes candidates what an attempt tries. Where their files are no longer what they were, it goes on to the next ones. It
// reports false if nothing is left; the finding then has no fix.
func (p *prover) set(a *attempt, candidates []Candidate) bool {
	for ok := true; ok; candidates, ok = a.next() {
		if a.set(candidates, p.ledger.intent) == nil {
			a.affected = p.affected(a)
			return true
		}
	}
	a.finding.FixProblem = noProof
	return false
}

// affected returns the sources that read a file of an attempt, in order.
func (p *prover) affected(a *attempt) []int {
	var all []int
	seen := map[string]bool{}
	for _, i := range a.intents {
		if name := i.file(); !seen[name] {
			seen[name] = true
			all = append(all, p.index.of(name)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
