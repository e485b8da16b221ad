package origin

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// MaxRenders is how often a source is rendered for its queries at most.
const MaxRenders = 24

// run renders one source again and again, with tokens at sites. It knows the inputs and sites that it has seen so far. It is
// for one goroutine.
type run struct {
	charts
	tokens
	ctx     context.Context
	targets *targets
	renders int // so far
	// isWhole is true once all templates of a chart are rendered, and not only those that the targets need.
	isWhole bool
}

func newRun(ctx context.Context, s subject, t *targets) *run {
	return &run{ctx: ctx, targets: t, charts: newCharts(s)}
}

// picked says what is written at a site in one render; it reports false for a site that is left as it is.
type picked func(*Site) (value string, ok bool)

// tokensAt picks the tokens of some sites.
func tokensAt(sites []*Site) picked {
	set := setOf(sites)
	return func(s *Site) (string, bool) { return s.token(), set[s] }
}

// tokensOf picks the tokens of the sites of some kind.
func tokensOf(isPicked func(*Site) bool) picked {
	return func(s *Site) (string, bool) { return s.token(), isPicked(s) }
}

// setOf returns sites as a set.
func setOf(sites []*Site) map[*Site]bool {
	set := make(map[*Site]bool, len(sites))
	for _, s := range sites {
		set[s] = true
	}
	return set
}

// isSpent reports whether there are no renders left.
func (r *run) isSpent() bool { return r.renders >= MaxRenders }

// render renders the source with what is picked at its sites, and returns the objects that may be asked for. Templates that
// are not needed are left empty, unless the run is whole. A panic of the engine is an error: a token may be its cause.
func (r *run) render(pick picked) (manifests []render.Manifest, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	if r.isSpent() {
		return nil, fmt.Errorf("more than %d renders", MaxRenders)
	}
	r.renders++
	result, err := r.subject.render(r.ctx, func(in render.Input) []byte {
		if in.Use == render.UseInflated {
			return anchorsToSiblings(in.Data)
		}
		seen := r.input(in)
		seen.isPruned = !r.isWhole && r.isChart() && in.Use == render.UseTemplate && !r.targets.needs(in)
		if seen.isPruned {
			return []byte{}
		}
		return r.write(seen, pick)
	})
	if err != nil {
		return nil, err
	}
	return result.Manifests(r.targets.couldHoldObject)
}

// add adds a site to its input and gives the site its token.
func (r *run) add(s *Site) {
	s.number = len(r.tokens)
	r.tokens = append(r.tokens, s)
	s.Input.sites = append(s.Input.sites, s)
}

// write returns the text of an input with what is picked at its sites.
func (r *run) write(in *Input, pick picked) []byte {
	if !in.isScanned {
		in.isScanned = true
		found := scan(in, r.targets)
		for _, s := range found.sites {
			r.add(s)
		}
		r.reads = append(r.reads, found.reads...)
		for _, key := range found.keys {
			r.keys[key] = true
		}
	}
	var edits []yamldoc.Edit
	var missing []yamldoc.Setting
	for _, s := range in.sites {
		switch value, ok := pick(s); {
		case ok && s.Kind == KeyInsertion:
			missing = append(missing, yamldoc.Setting{Slot: s.slot, Value: value})
		case ok:
			edits = append(edits, yamldoc.Edit{Start: s.Start, End: s.End, NewText: s.encode(value)})
		}
	}
	if len(missing) > 0 {
		edits = append(edits, r.valuesIn(in).document.Write(in.Path, missing)...)
	}
	if len(edits) == 0 {
		return in.Data
	}
	return yamldoc.Apply(in.Data, withoutOverlaps(edits))
}

// withoutOverlaps sorts edits and leaves out those that begin inside of another one, as sites do in texts that are found to
// be YAML and text.
func withoutOverlaps(edits []yamldoc.Edit) []yamldoc.Edit {
	yamldoc.SortEdits(edits)
	from := 0
	return slices.DeleteFunc(edits, func(e yamldoc.Edit) bool {
		if e.Start < from {
			return true
		}
		from = e.End
		return false
	})
}

// anchorsToSiblings turns the anchors of lines, in what a chart of a kustomization has rendered to, into keys beside what
// the lines write: kustomize drops anchors.
func anchorsToSiblings(data []byte) []byte {
	roots, err := yamldoc.Parse(data)
	if err != nil {
		return data
	}
	var text bytes.Buffer
	for _, root := range roots {
		addSiblings(root)
		part, err := yaml.Marshal(root)
		if err != nil {
			return data
		}
		fmt.Fprintf(&text, "---\n%s", part)
	}
	return text.Bytes()
}

// addSiblings adds the keys to the mappings at and below a node.
func addSiblings(node *yaml.Node) {
	var added []*yaml.Node
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && tokenPattern.MatchString(child.Anchor) {
			added = append(added, yaml.NewScalarRNode(child.Anchor).YNode(), yaml.NewStringRNode("").YNode())
			child.Anchor = ""
		}
		addSiblings(child)
	}
	node.Content = append(node.Content, added...)
}
