// Package fix proves edits that put pull policies right: it renders every source that reads the edited files again,
// and accepts an edit only if its finding is gone, there is no new one, and nothing but pull policies is different.
package fix

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Subject is a source that was rendered and checked.
type Subject struct {
	Source render.Source
	// Reads are the files that the source was rendered from, Reach, if it was not, those that it can be.
	Reads []string
	Reach *render.Reach
	// Before is what it was rendered to; nil if that was not kept.
	Before *Snapshot

	// volatile is what differs from render to render; nil until it is needed.
	volatile []difference
}

// Prove gives each finding of a report a fix, if one can be proven, or the reason why there is none. The fixes of a
// report hold together. Sources are rendered jobs at a time.
// Findings of pull-policy-digest are left alone: their images do not change. It returns the files with all fixes
// made, sorted by path.
func Prove(ctx context.Context, fsys fs.FS, subjects []Subject, jobs int, report *check.Report) []File {
	p := &prover{kept: map[check.ContainerRef]bool{}, ctx: ctx, tree: fsys, jobs: jobs, subjects: subjects, readers: map[string][]int{}, originals: map[string][]byte{}}
	for i, subject := range subjects {
		for _, name := range subject.Reads {
			p.readers[name] = append(p.readers[name], i)
		}
	}
	for _, suppressed := range report.Suppressed {
		for _, hit := range suppressed.Finding.Hits {
			p.kept[hit.Ref] = true
		}
	}
	var open []*attempt
	for i := range report.Findings {
		finding := &report.Findings[i]
		if finding.Rule == check.DigestID {
			continue
		}
		a := &attempt{finding: finding}
		if a.next() {
			open = append(open, a)
			continue
		}
		finding.Message += " (no fix: " + p.noWay(finding) + ")"
	}
	rounds := 0
	for ; len(open) > 0 && ctx.Err() == nil; rounds++ {
		open = p.round(open)
	}
	if rounds > 1 {
		p.confirm(report.Findings)
	}
	return p.files()
}

// File is a file of the tree and what all fixes together make of it.
type File struct {
	Path          string
	Before, After []byte
}

func (p *prover) files() []File {
	var files []File
	edits := byPath(p.accepted)
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		files = append(files, File{name, p.originals[name], yamldoc.Apply(p.originals[name], edits[name])})
	}
	return files
}

// noProof says in a message why no fix was accepted, and what else would help.
const noProof = " (no fix: every edit that was tried changes something else too, or does not render; a Helm post-renderer or a patch in a kustomization can set it)"

// noWay says why there is no edit to try for a finding, and what would help.
func (p *prover) noWay(finding *check.Finding) string {
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
	case of.Kind == render.Helm && !at.Tracked && path.Base(at.Path) == "values.yaml" && errors.Is(err, fs.ErrNotExist):
		return "the file is not kept in this repository, and " + values + ", which could set it, is not there; create that"
	}
	return "no edit of a file of this repository sets it; a Helm post-renderer or a patch in a kustomization can"
}

// attempt is a finding and the edits that are tried for it.
type attempt struct {
	finding *check.Finding
	tried   int
	message string
	edits   []yamldoc.Edit
}

// next goes on to the edits that were not tried: for every container of the finding its next way, or its last.
func (a *attempt) next() bool {
	a.edits, a.message = nil, ""
	var messages []string
	more := false
	for _, hit := range a.finding.Hits {
		if len(hit.Ways) == 0 {
			return false
		}
		more = more || a.tried < len(hit.Ways)
		way := hit.Ways[min(a.tried, len(hit.Ways)-1)]
		if !slices.Contains(messages, way.Message) {
			messages = append(messages, way.Message)
		}
		for _, edit := range way.Edits {
			if !slices.Contains(a.edits, edit) {
				a.edits = append(a.edits, edit)
			}
		}
	}
	a.tried++
	a.message = strings.Join(messages, " and ")
	return more
}

// prover proves the fixes of one report.
type prover struct {
	ctx       context.Context
	tree      fs.FS
	jobs      int
	subjects  []Subject
	readers   map[string][]int // the subjects that read a file
	accepted  []yamldoc.Edit
	originals map[string][]byte           // the edited files as they were read first
	kept      map[check.ContainerRef]bool // on purpose
}

// round tries the edits of all attempts together, accepts those that hold, and returns the others with what to try
// next: the same without one that was at fault, or the next way.
func (p *prover) round(open []*attempt) []*attempt {
	var together, later []*attempt
	edits := slices.Clone(p.accepted)
	for _, a := range open {
		if overlap(edits, a.edits) {
			later = append(later, a)
			continue
		}
		together = append(together, a)
		edits = merge(edits, a.edits)
	}
	if len(together) == 0 { // They overlap with what is accepted.
		return p.advance(later[:1], later[1:])
	}
	var failed, suspects []*attempt
	verdicts := p.render(edits, together)
	for _, a := range together {
		switch p.judge(a, verdicts) {
		case holds:
			p.accept(a)
		case fails:
			failed = append(failed, a)
		case suspect:
			suspects = append(suspects, a)
		}
	}
	for len(suspects) > 0 {
		var group []*attempt
		group, suspects = p.related(suspects)
		bad, rest := p.culprit(group)
		if later = append(later, rest...); bad != nil {
			failed = append(failed, bad)
		}
	}
	return p.advance(failed, later)
}

func (p *prover) accept(a *attempt) {
	p.accepted = merge(p.accepted, a.edits)
	a.finding.Fix = &check.Fix{Message: a.message, Proven: true, Edits: a.edits}
}

// related splits off those of some attempts that affect the same sources as the first, themselves or through others.
func (p *prover) related(all []*attempt) (group, others []*attempt) {
	sources := map[int]bool{}
	others = all
	for {
		before := len(group)
		others = slices.DeleteFunc(slices.Clone(others), func(a *attempt) bool {
			affected := p.affected(a.edits)
			if len(group) > 0 && !slices.ContainsFunc(affected, func(i int) bool { return sources[i] }) {
				return false
			}
			for _, i := range affected {
				sources[i] = true
			}
			group = append(group, a)
			return true
		})
		if len(group) == before {
			return group, others
		}
	}
}

// culprit finds by halves the attempt at fault, if there is one, accepts those that hold on the way, and returns the
// others.
func (p *prover) culprit(suspects []*attempt) (bad *attempt, rest []*attempt) {
	for len(suspects) > 1 {
		half := suspects[:len(suspects)/2]
		edits := slices.Clone(p.accepted)
		for _, a := range half {
			edits = merge(edits, a.edits)
		}
		verdicts := p.render(edits, half)
		if slices.ContainsFunc(half, func(a *attempt) bool { return p.judge(a, verdicts) != holds }) {
			rest = append(rest, suspects[len(half):]...)
			suspects = half
			continue
		}
		for _, a := range half {
			p.accept(a)
		}
		suspects = suspects[len(half):]
	}
	verdicts := p.render(merge(p.accepted, suspects[0].edits), suspects)
	if p.judge(suspects[0], verdicts) == holds { // It was another that is given up anyway.
		p.accept(suspects[0])
		return nil, rest
	}
	return suspects[0], rest
}

// confirm renders once more what several rounds have accepted: what held beside edits that were given up need not hold
// without them. A finding whose sources are then worse off has no fix.
func (p *prover) confirm(findings []check.Finding) {
	var fixed []*attempt
	for i := range findings {
		if f := &findings[i]; f.Fix != nil {
			fixed = append(fixed, &attempt{finding: f, message: f.Fix.Message, edits: f.Fix.Edits})
		}
	}
	verdicts := p.render(p.accepted, fixed)
	p.accepted = nil
	for _, a := range fixed {
		if p.judge(a, verdicts) == holds {
			p.accept(a)
		} else {
			a.finding.Fix = nil
			a.finding.Message += noProof
		}
	}
}

// advance goes on to the next way of what failed.
func (p *prover) advance(failed, rest []*attempt) []*attempt {
	for _, a := range failed {
		if a.next() {
			rest = append(rest, a)
		} else {
			a.finding.Message += noProof
		}
	}
	return rest
}

type judgement int

const (
	holds   judgement = iota
	fails             // the finding is still there
	suspect           // a source that reads the files is worse off, by these edits or by others
)

func (p *prover) judge(a *attempt, verdicts map[int]*verdict) judgement {
	affected := p.affected(a.edits)
	for _, hit := range a.finding.Hits {
		if !slices.ContainsFunc(affected, func(i int) bool { return p.subjects[i].Source.ID() == hit.Ref.Source }) {
			return fails // The source does not read the file.
		}
	}
	for _, i := range affected {
		v := verdicts[i]
		if v == nil || v.fault {
			return suspect
		}
		for _, hit := range a.finding.Hits {
			if hit.Ref.Source == p.subjects[i].Source.ID() && v.hits[hit.Ref] {
				return fails
			}
		}
	}
	return holds
}

// affected are the subjects that read an edited file.
func (p *prover) affected(edits []yamldoc.Edit) []int {
	var all []int
	for _, edit := range edits {
		all = append(all, p.readers[edit.Path]...)
		for i, subject := range p.subjects {
			if subject.Reach != nil && subject.Reach.Has(edit.Path) {
				all = append(all, i)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// merge adds the edits that are not there.
func merge(edits, more []yamldoc.Edit) []yamldoc.Edit {
	edits = slices.Clone(edits)
	for _, edit := range more {
		if !slices.Contains(edits, edit) {
			edits = append(edits, edit)
		}
	}
	return edits
}

// overlap reports whether edits change what others change: two that insert at one place do not.
func overlap(edits, more []yamldoc.Edit) bool {
	for _, a := range edits {
		for _, b := range more {
			if a != b && a.Path == b.Path && a.Start < b.End && b.Start < a.End {
				return true
			}
		}
	}
	return false
}

// byPath groups edits by file, as they are made together.
func byPath(edits []yamldoc.Edit) map[string][]yamldoc.Edit {
	files := map[string][]yamldoc.Edit{}
	for _, edit := range edits {
		files[edit.Path] = append(files[edit.Path], edit)
	}
	for name := range files {
		files[name] = combine(files[name])
	}
	return files
}
