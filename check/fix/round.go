package fix

import (
	"slices"

	"github.com/pullcheck/pullcheck/check"
)

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

// related splits attempts into groups that affect the same sources, themselves or through others, in the order of their first
// attempts.
func related(all []*attempt) [][]*attempt {
	parent := map[int]int{} // of a source, another source of its group
	var root func(int) int
	root = func(i int) int {
		next, ok := parent[i]
		if !ok || next == i {
			return i
		}
		parent[i] = root(next)
		return parent[i]
	}
	for _, a := range all {
		for _, i := range a.affected {
			parent[root(i)] = root(a.affected[0])
		}
	}
	byRoot := map[int][]*attempt{}
	var order []int
	for _, a := range all {
		of := root(a.affected[0])
		if byRoot[of] == nil {
			order = append(order, of)
		}
		byRoot[of] = append(byRoot[of], a)
	}
	var groups [][]*attempt
	for _, of := range order {
		groups = append(groups, byDistance(byRoot[of]))
	}
	return groups
}

// byDistance sorts the attempts of a group: the first one, then those that share a source with an attempt before them, in
// passes. Halves of a group then have more in common.
func byDistance(group []*attempt) []*attempt {
	sources := map[int]bool{}
	var sorted []*attempt
	for others := group; len(others) > 0; {
		var left []*attempt
		for _, a := range others {
			if len(sorted) > 0 && !slices.ContainsFunc(a.affected, func(i int) bool { return sources[i] }) {
				left = append(left, a)
				continue
			}
			for _, i := range a.affected {
				sources[i] = true
			}
			sorted = append(sorted, a)
		}
		others = left
	}
	return sorted
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

type verdictKind int

const (
	holds   verdictKind = iota
	fails               // the finding is still there
	suspect             // a source that reads the files is worse off, by this attempt or by others
)

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
		if slices.ContainsFunc(a.hits[p.sources[i].Source.ID()], func(place check.Place) bool { return v.hits[place] }) {
			return fails
		}
	}
	return holds
}

// isIn reports whether a number is among sorted numbers.
func isIn(sorted []int, number int) bool {
	_, ok := slices.BinarySearch(sorted, number)
	return ok
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
