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

// MaxRenders is the largest number of renders that Find spends on one source, for all its queries together.
const MaxRenders = 24

// run renders one source again and again, each time with other tokens. It collects the inputs and sites that it
// sees on the way: the first render that uses a file finds the sites of this file. It is for one goroutine.
type run struct {
	charts
	tokens
	ctx     context.Context
	targets *targets
	renders int // number of renders so far
	// isWhole is true once renders need all templates of a chart. Before, they need only the templates of
	// needsTemplate.
	isWhole bool
}

func newRun(ctx context.Context, s tracedSource, t *targets) *run {
	return &run{ctx: ctx, targets: t, charts: newCharts(s)}
}

// picker chooses what one render writes at a site: mostly its token. It reports false for a site that keeps its
// text.
type picker func(*Site) (value string, ok bool)

// tokensAt writes the tokens of the given sites.
func tokensAt(sites []*Site) picker {
	set := setOf(sites)
	return func(s *Site) (string, bool) { return s.token(), set[s] }
}

// tokensWhere writes the tokens of the sites for which isPicked is true. The sites need not be known yet: isPicked
// is asked while the source renders.
func tokensWhere(isPicked func(*Site) bool) picker {
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

// render renders the source with the texts that pick chooses for the sites, and returns the objects that may belong
// to a query. It leaves templates empty that no query needs, unless isWhole is set. A panic of the engine becomes
// an error, because a token may be its cause. It fails if MaxRenders is reached.
func (r *run) render(pick picker) (manifests []render.Manifest, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	if r.isSpent() {
		return nil, fmt.Errorf("more than %d renders", MaxRenders)
	}
	r.renders++
	result, err := r.tracedSource.render(r.ctx, func(in render.Input) []byte {
		if in.Use == render.UseInflated {
			return anchorsToSiblings(in.Data)
		}
		seen := r.input(in)
		seen.isPruned = !r.isWhole && r.isChart() && in.Use == render.UseTemplate && !r.targets.needsTemplate(in)
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

// write returns the text of an input with the texts that pick chooses at its sites. It first finds the sites of an
// input that it has not seen before.
func (r *run) write(in *Input, pick picker) []byte {
	if !in.isScanned {
		in.isScanned = true
		found := findSites(in, r.targets)
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

// withoutOverlaps sorts edits and drops each edit that starts inside of the edit before it. Sites overlap where a
// text was scanned both as YAML and as words.
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

// anchorsToSiblings turns the anchors of LineAnchors into keys, in the manifests that a chart of a kustomization
// has rendered to. kustomize drops anchors, and keeps keys. "image: &zq0000004 a" becomes "image: a" and zq0000004:
// "".
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

// addSiblings does the work of anchorsToSiblings for a node and all nodes below it.
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
