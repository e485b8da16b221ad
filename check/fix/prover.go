package fix

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
)

// noProof is the FixProblem of a finding whose candidates all failed.
const noProof = "every edit that was tried changes something else too, or does not render; " +
	"a Helm post-renderer or a patch in a kustomization can set it"

// whyNoCandidate returns the FixProblem of a finding without a candidate: why no edit was tried, and what the user can
// do.
func (p *prover) whyNoCandidate(finding *check.Finding) string {
	at := finding.Decision
	of := finding.Hits[0].Ref.Source
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

// prover proves the fixes of one report. It decides what is tried next; the examiner renders, and the ledger keeps
// the edits.
type prover struct {
	*examiner
	ledger *ledger
	index  readers           // which sources read a file
	byID   map[render.ID]int // the index in sources
}

func newProver(e *examiner) *prover {
	p := &prover{examiner: e, ledger: newLedger(e.tree), index: newReaders(e.sources), byID: map[render.ID]int{}}
	for i := range e.sources {
		p.byID[e.sources[i].Source.ID()] = i
	}
	return p
}

// candidatesOf returns the candidates for a hit, the best first; nil if its source was not given to Prove.
func (p *prover) candidatesOf(place check.ContainerRef) []Candidate {
	if i, ok := p.byID[place.Source]; ok {
		return p.sources[i].Candidates[place]
	}
	return nil
}

// prepare makes the given candidates the current candidates of an attempt. If the text that they replace is no
// longer there, it goes on to the next candidates of the attempt. If no candidates are left, it reports false, and
// the finding has no fix.
func (p *prover) prepare(a *attempt, candidates []Candidate) bool {
	for ok := true; ok; candidates, ok = a.next() {
		if a.prepare(candidates, p.ledger.intent) == nil {
			a.affected = p.affected(a)
			return true
		}
	}
	a.finding.FixProblem = noProof
	return false
}

// affected returns the indexes of the sources that read a file of an attempt, sorted. A shared values file can
// affect a hundred sources.
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

// round tries all open attempts together, and accepts the attempts that hold. It returns the attempts for the next
// round: an attempt that waited because of a conflict, a suspect that is not yet judged, and an attempt that failed
// and has another candidate.
func (p *prover) round(open []*attempt) []*attempt {
	var together, later []*attempt
	for _, a := range open {
		if p.ledger.claim(a) {
			together = append(together, a)
		} else {
			later = append(later, a)
		}
	}
	if len(together) == 0 { // All attempts conflict with accepted edits.
		return p.advance(later[:1], later[1:])
	}
	var failed, suspects []*attempt
	verdicts := p.tryTogether(together)
	for _, a := range together {
		switch p.verdictOn(a, verdicts) {
		case holds:
			p.accept(a)
		case fails:
			failed = append(failed, a)
		case suspect:
			suspects = append(suspects, a)
		}
	}
	for _, group := range related(suspects) {
		bad, rest := p.culprit(group)
		if later = append(later, rest...); bad != nil {
			failed = append(failed, bad)
		}
	}
	for _, a := range together {
		if a.finding.Fix == nil {
			p.ledger.release(a.intents)
		}
	}
	return p.advance(failed, later)
}

// accept makes the edits of an attempt the fix of its finding.
func (p *prover) accept(a *attempt) {
	p.ledger.accept(a)
	a.finding.Fix = &check.Fix{Message: a.message, Proven: true, Edits: a.edits()}
}

// culprit finds the attempt at fault in a group of suspects, by halves. A half that renders well is accepted, and
// the search goes on in the second half. A half that does not is searched further, and the second half goes to the
// next round (rest). Of eight suspects it renders four, two and one, and then the last suspect alone: four renders
// of the affected sources. bad is nil if the last suspect alone holds: it had failed only beside an attempt that is
// now gone.
func (p *prover) culprit(suspects []*attempt) (bad *attempt, rest []*attempt) {
	for len(suspects) > 1 {
		half := suspects[:len(suspects)/2]
		verdicts := p.tryTogether(half)
		if slices.ContainsFunc(half, func(a *attempt) bool { return p.verdictOn(a, verdicts) != holds }) {
			rest = append(rest, suspects[len(half):]...)
			suspects = half
			continue
		}
		for _, a := range half {
			p.accept(a)
		}
		suspects = suspects[len(half):]
	}
	if p.verdictOn(suspects[0], p.tryTogether(suspects)) == holds {
		p.accept(suspects[0])
		return nil, rest
	}
	return suspects[0], rest
}

// confirm renders once more with all accepted edits, after several rounds. An attempt may have held only because of
// an edit that was given up later. A finding whose sources are now worse off loses its fix. It costs one render of
// each source that a fix affects.
func (p *prover) confirm(all []*attempt) {
	fixed := slices.DeleteFunc(slices.Clone(all), func(a *attempt) bool { return a.finding.Fix == nil })
	verdicts := p.tryTogether(fixed)
	p.ledger.forget()
	for _, a := range fixed {
		if a.finding.Fix = nil; p.verdictOn(a, verdicts) == holds {
			p.accept(a)
		} else {
			a.finding.FixProblem = noProof
		}
	}
}

// advance gives failed attempts their next candidates, and returns them behind the rest. An attempt without a next
// candidate is dropped, and its finding gets a FixProblem.
func (p *prover) advance(failed, rest []*attempt) []*attempt {
	for _, a := range failed {
		if candidates, ok := a.next(); !ok {
			a.finding.FixProblem = noProof
		} else if p.prepare(a, candidates) {
			rest = append(rest, a)
		}
	}
	return rest
}

// verdictOn judges an attempt by the verdicts on its sources. It fails also if a source with a hit does not read
// the edited files, because the edit cannot reach this hit.
func (p *prover) verdictOn(a *attempt, verdicts map[int]*verdict) verdictKind {
	for source := range a.hits {
		if i, ok := p.byID[source]; !ok || !isIn(a.affected, i) {
			return fails
		}
	}
	for _, i := range a.affected {
		v := verdicts[i]
		if v == nil || v.isWorse {
			return suspect
		}
		if slices.ContainsFunc(a.hits[p.sources[i].Source.ID()], func(place check.ContainerRef) bool { return v.hits[place] }) {
			return fails
		}
	}
	return holds
}

// tryTogether renders the sources that attempts affect, with all accepted edits and the edits of the attempts. It
// returns the verdicts by the index of the source, or nil if the edits cannot be made together; every attempt is
// then suspect.
func (p *prover) tryTogether(attempts []*attempt) map[int]*verdict {
	var affected []int
	for _, a := range attempts {
		affected = append(affected, a.affected...)
	}
	slices.Sort(affected)
	trial, err := p.ledger.trial(attempts)
	if err != nil {
		return nil
	}
	return p.verdicts(trial, slices.Compact(affected))
}

// verdictKind is the judgement on one attempt.
type verdictKind int

const (
	holds   verdictKind = iota // the finding is gone, and no source is worse off
	fails                      // the finding is still there
	suspect                    // a source is worse off, by this attempt or by an attempt that shares the source
)

// isIn reports whether sorted numbers contain a number.
func isIn(sorted []int, number int) bool {
	_, ok := slices.BinarySearch(sorted, number)
	return ok
}
