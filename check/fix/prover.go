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

// noProof says why no candidate was accepted, and what else would help.
const noProof = "every edit that was tried changes something else too, or does not render; " +
	"a Helm post-renderer or a patch in a kustomization can set it"

// whyNoCandidate says why there is no candidate for a finding, and what would help.
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
func (p *prover) candidatesOf(place check.ContainerRef) []Candidate {
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

// round tries all attempts together, accepts those that hold, and returns the others with what to try next: the same
// without the one that was at fault, or their next candidates.
func (p *prover) round(open []*attempt) []*attempt {
	var together, later []*attempt
	for _, a := range open {
		if p.ledger.claim(a) {
			together = append(together, a)
		} else {
			later = append(later, a)
		}
	}
	if len(together) == 0 { // They conflict with what is accepted.
		return p.advance(later[:1], later[1:])
	}
	var failed, suspects []*attempt
	verdicts := p.render(together)
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

// accept makes what an attempt tries the fix of its finding.
func (p *prover) accept(a *attempt) {
	p.ledger.accept(a)
	a.finding.Fix = &check.Fix{Message: a.message, Proven: true, Edits: a.edits()}
}

// culprit finds by halves the attempt at fault, if there is one, accepts those that hold on the way, and returns the
// others. Of eight suspects it tries four, of these two, of these one: three renders of the affected sources, and one more
// for the suspect alone.
func (p *prover) culprit(suspects []*attempt) (bad *attempt, rest []*attempt) {
	for len(suspects) > 1 {
		half := suspects[:len(suspects)/2]
		verdicts := p.render(half)
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
	if p.verdictOn(suspects[0], p.render(suspects)) == holds { // Another attempt was at fault, which is given up anyway.
		p.accept(suspects[0])
		return nil, rest
	}
	return suspects[0], rest
}

// confirm renders once more what several rounds have accepted: what held beside edits that were given up need not hold
// without them. A finding whose sources are then worse off has no fix.
func (p *prover) confirm(all []*attempt) {
	fixed := slices.DeleteFunc(slices.Clone(all), func(a *attempt) bool { return a.finding.Fix == nil })
	verdicts := p.render(fixed)
	p.ledger.forget()
	for _, a := range fixed {
		if a.finding.Fix = nil; p.verdictOn(a, verdicts) == holds {
			p.accept(a)
		} else {
			a.finding.FixProblem = noProof
		}
	}
}

// advance goes on to the next candidates of what failed, and returns it behind the rest.
func (p *prover) advance(failed, rest []*attempt) []*attempt {
	for _, a := range failed {
		if candidates, ok := a.next(); !ok {
			a.finding.FixProblem = noProof
		} else if p.set(a, candidates) {
			rest = append(rest, a)
		}
	}
	return rest
}

// verdictOn says what became of an attempt. It fails if its finding has a hit in a source that does not read the edited files.
func (p *prover) verdictOn(a *attempt, verdicts map[int]*verdict) verdictKind {
	for source := range a.hits {
		if i, ok := p.byID[source]; !ok || !isIn(a.affected, i) {
			return fails // The source does not read the file.
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

// render renders the sources that attempts affect, with the accepted intents and those of the attempts. It returns nothing
// if the edits cannot be made.
func (p *prover) render(attempts []*attempt) map[int]*verdict {
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

type verdictKind int

const (
	holds   verdictKind = iota
	fails               // the finding is still there
	suspect             // a source that reads the files is worse off, by this attempt or by others
)

// isIn reports whether a number is among sorted numbers.
func isIn(sorted []int, number int) bool {
	_, ok := slices.BinarySearch(sorted, number)
	return ok
}
