package fix

import (
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// attempt is a finding and the candidates that are tried for it, one after the other.
type attempt struct {
	finding *check.Finding
	// candidates are those of each hit, and hits the hits of each source.
	candidates [][]Candidate
	hits       map[render.ID][]check.ContainerRef

	tried    int
	message  string
	intents  []intent
	affected []int // the subjects that read the files of the intents, in order
}

// newAttempt returns an attempt that has tried nothing yet.
func newAttempt(finding *check.Finding, candidatesOf func(check.ContainerRef) []Candidate) *attempt {
	a := &attempt{finding: finding, hits: map[render.ID][]check.ContainerRef{}}
	for _, hit := range finding.Hits {
		a.candidates = append(a.candidates, candidatesOf(hit.Ref))
		a.hits[hit.Ref.Source] = append(a.hits[hit.Ref.Source], hit.Ref)
	}
	return a
}

// next returns the candidates to try next: for every hit of the finding its next candidate, or its last one. It reports
// false if there is nothing new to try.
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

// set makes candidates what is tried. Each intent comes once.
func (a *attempt) set(candidates []Candidate, intentOf func(Change) (intent, error)) error {
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

// edits returns the edits of the attempt, each as if nothing else in its file changed.
func (a *attempt) edits() []yamldoc.Edit {
	edits := make([]yamldoc.Edit, len(a.intents))
	for n, i := range a.intents {
		edits[n] = i.alone
	}
	return edits
}
