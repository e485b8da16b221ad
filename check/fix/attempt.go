package fix

import (
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// attempt is a finding and the candidates that are tried for it now. A finding with several hits tries one
// candidate for each hit at the same time. Hits with the same decision mostly have the same edit.
type attempt struct {
	finding *check.Finding
	// candidates has the candidates of each hit, in the order of the hits. hits has the hits by source.
	candidates [][]Candidate
	hits       map[render.ID][]check.ContainerRef

	tried    int      // number of candidates tried so far
	message  string   // of the current candidates
	intents  []intent // of the current candidates
	affected []int    // indexes of the sources that read a file of the intents, sorted
}

// newAttempt returns an attempt that has not tried any candidate.
func newAttempt(finding *check.Finding, candidatesOf func(check.ContainerRef) []Candidate) *attempt {
	a := &attempt{finding: finding, hits: map[render.ID][]check.ContainerRef{}}
	for _, hit := range finding.Hits {
		a.candidates = append(a.candidates, candidatesOf(hit.Ref))
		a.hits[hit.Ref.Source] = append(a.hits[hit.Ref.Source], hit.Ref)
	}
	return a
}

// next returns the candidates to try next: the next candidate of every hit, or the last candidate of a hit that has
// no more. It reports false if no hit has a new candidate, or if a hit has no candidate at all.
func (a *attempt) next() ([]Candidate, bool) {
	var next []Candidate
	isNew := false
	for _, candidates := range a.candidates {
		if len(candidates) == 0 {
			return nil, false
		}
		isNew = isNew || a.tried < len(candidates)
		next = append(next, candidates[min(a.tried, len(candidates)-1)])
	}
	a.tried++
	return next, isNew
}

// prepare makes candidates the current candidates. Hits that share an edit get one intent.
func (a *attempt) prepare(candidates []Candidate, intentOf func(Change) (intent, error)) error {
	a.intents, a.message = nil, ""
	var messages []string
	seen := map[yamldoc.Edit]bool{}
	for _, c := range candidates {
		if !slices.Contains(messages, c.Message) {
			messages = append(messages, c.Message)
		}
		for _, change := range c.Changes {
			i, err := intentOf(change)
			if err != nil {
				return err
			}
			if !seen[i.alone] {
				seen[i.alone] = true
				a.intents = append(a.intents, i)
			}
		}
	}
	a.message = strings.Join(messages, " and ")
	return nil
}

// edits returns the edits of the attempt, each made as if nothing else in its file changed. A report shows these
// edits.
func (a *attempt) edits() []yamldoc.Edit {
	edits := make([]yamldoc.Edit, len(a.intents))
	for n, i := range a.intents {
		edits[n] = i.alone
	}
	return edits
}
