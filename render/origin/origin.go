// Package origin says which line of which file decides a field of a rendered object.
//
// It dyes the files: in a render of its own, each value that may decide is replaced by a token that occurs nowhere
// else, and the token that comes out in the field names its decision. The engine does the precedence of values,
// aliases, patches and all else, so nothing of that is known here; nor is anything known of any one field.
package origin

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Question asks for the decision of one field of an object that a source was rendered to.
type Question struct {
	Manifest *render.Manifest
	// Path leads to a scalar, whether it is there or not.
	Path yamldoc.Path
	// Near leads to a scalar beside it; nil if there is none. The place of that is the decision for a field that is
	// missing and that no key sets.
	Near yamldoc.Path
	// Instead is a value that charts accept in the field's place.
	Instead string
}

// Answer is the decision of a field.
type Answer struct {
	// Decisions are the places of the value, in their order where it is put together of several. There is at least
	// one. The key is the path in a values file, and empty in all other files.
	Decisions []yamldoc.Location
	// Via are the places between the decision and the object, in that order.
	Via []yamldoc.Location
	// Exact is true where it was shown that the decision comes out in the field. Otherwise the decision is what is
	// known: the line that writes the field, or only the object's file.
	Exact bool
	// Ways may give the field the value that the question has instead, those that surprise least first.
	Ways []render.Way
}

// Trace answers the questions about what a source of the tree was rendered to, in their order. It renders the source
// again: mostly once or twice, and at most maxRenders times where the tokens do not come out or it does not render with
// them in place. What cannot be shown by then is not exact.
func Trace(ctx context.Context, fsys fs.FS, source render.Source, questions []Question) []Answer {
	t := newTracer(ctx, fsys, source, questions)
	t.verbatim()
	if len(t.open()) > 0 {
		t.dye()
	}
	answers := make([]Answer, len(t.questions))
	own := map[string]bool{}
	for _, file := range source.Files() {
		if file.Data != nil {
			own[file.Path] = false // It may have the name of a file of the tree.
		}
	}
	for i, q := range t.questions {
		answers[i] = q.answer()
		t.tellOwn(own, answers[i].Decisions)
		t.tellOwn(own, answers[i].Via)
		answers[i].Ways = t.ways(q)
	}
	return answers
}

// tellOwn says of locations whether their files are kept in the repository of the tree; own is what is known of files.
func (t *tracer) tellOwn(own map[string]bool, locations []yamldoc.Location) {
	for i := range locations {
		name := locations[i].Path
		if _, known := own[name]; !known {
			own[name] = tree.IsTracked(t.tree, name) && t.inputs["\x00"+name] == nil
		}
		locations[i].Tracked = own[name]
	}
}

// question is a question and what is known of its answer.
type question struct {
	Question
	value string // as rendered; empty if it is missing or null
	// decided are the places whose tokens came out.
	decided []*place
	// lines are where templates, manifests and patches write the field, and near where they write what is near.
	lines, near []*place
	// reads is true where a line writes a field that is missing: with nothing in it.
	reads bool
}

// isOpen reports whether tokens have yet to come out.
func (q *question) isOpen() bool { return !q.Manifest.Document.Verbatim && q.decided == nil }

func (q *question) answer() Answer {
	switch {
	case q.decided != nil && q.decided[0].kind == insertion && q.decided[0].shown[1] == 0:
		// The key would stand at the top of a file: the line that reads it says more, if it is there without the key.
		if q.reads {
			return Answer{Decisions: locations(q.lines[:1]), Via: origins(q.lines[:1]), Exact: true}
		}
		p := q.decided[0]
		return Answer{Decisions: []yamldoc.Location{{Path: p.in.Path, Key: p.key}}, Via: q.via(), Exact: true}
	case q.decided != nil:
		return Answer{Decisions: locations(q.decided), Via: q.via(), Exact: true}
	case q.value == "" && len(q.empty()) > 0:
		return Answer{Decisions: locations(q.empty()[:1]), Via: origins(q.empty()[:1]), Exact: true}
	case q.value == "" && len(q.near) > 0 && len(q.lines) == 0:
		return Answer{Decisions: locations(q.near[:1]), Via: origins(q.near[:1]), Exact: true}
	case len(q.lines) > 0:
		return Answer{Decisions: locations(q.lines[:1])}
	}
	return Answer{Decisions: []yamldoc.Location{{Path: q.Manifest.Document.Path}}}
}

// empty are the lines that write a field that is missing, with nothing in it. The last patch counts; where a line
// writes something that does not come out, others take it away again.
func (q *question) empty() []*place {
	var empty []*place
	for _, line := range slices.Backward(q.lines) {
		if line.empty {
			empty = append(empty, line)
		}
	}
	return empty
}

// via are the lines of templates that write the field with a value from elsewhere, and where what was fetched is
// named. A line of a manifest is none: its value is the decision, or was patched.
func (q *question) via() []yamldoc.Location {
	decision := q.decided[0]
	at := decision.location()
	var via []yamldoc.Location
	for _, line := range q.lines {
		location := line.location()
		if line.isInput() && decision.isInput() && (at.Path != location.Path || at.Line != location.Line) {
			via = append(via, location)
		}
	}
	return append(via, origins(q.decided[:1])...)
}

// isInput reports whether a place is in what a chart is rendered from, and not in a manifest or patch.
func (p *place) isInput() bool {
	switch p.in.Use {
	case render.UseResource, render.UsePatch, render.UseKustomization:
		return p.feeds
	}
	return true
}

func locations(places []*place) []yamldoc.Location {
	var all []yamldoc.Location
	for _, p := range places {
		all = append(all, p.location())
	}
	return all
}

// origins are where the user's tree names the files of places that are not in it.
func origins(places []*place) []yamldoc.Location {
	var all []yamldoc.Location
	for _, p := range places {
		if p.in.From.Path != "" {
			all = append(all, p.in.From)
		}
	}
	return all
}

// tracer traces one source. It is for one goroutine.
type tracer struct {
	ctx       context.Context
	tree      fs.FS
	source    render.Source
	questions []*question
	wanted
	inputs    map[string]*input
	confirmed map[*place]bool // decisions that came out alone
	order     []*input        // as the engine used them first
	places    []*place        // by the number of their token
	whole     bool            // whether all templates are rendered, and not only those with questions
	keys      map[string]bool // of chains in templates that look like a question's
	chains    []chain
	renders   int
}

func newTracer(ctx context.Context, fsys fs.FS, source render.Source, questions []Question) *tracer {
	t := &tracer{ctx: ctx, tree: fsys, source: source, inputs: map[string]*input{}, confirmed: map[*place]bool{}, keys: map[string]bool{}}
	for _, asked := range questions {
		q := &question{Question: asked, value: yamldoc.ScalarAt(asked.Manifest.Node, asked.Path)}
		t.questions = append(t.questions, q)
	}
	t.wanted = newWanted(t.questions)
	return t
}

// open are the questions that have no answer yet.
func (t *tracer) open() []*question {
	var open []*question
	for _, q := range t.questions {
		if q.isOpen() {
			open = append(open, q)
		}
	}
	return open
}

// verbatim answers the questions about files that were not rendered: the decision is the field itself or, where it
// is missing, the line of what is near.
func (t *tracer) verbatim() {
	walks := map[*render.Document]*yamlWalk{}
	for _, q := range t.questions {
		document := q.Manifest.Document
		if !document.Verbatim {
			continue
		}
		w := walks[document]
		if w == nil {
			in := &input{Input: render.Input{Path: document.Path, Use: render.UseResource, Data: document.Text}}
			w = &yamlWalk{tracer: t, in: in, text: in.text()}
			walks[document] = w
		}
		w.answer(q)
	}
}

// answer answers a question about an object of the file.
func (w *yamlWalk) answer(q *question) {
	node, holder := yamldoc.Lookup(q.Manifest.Node, q.Path)
	if value := yamldoc.Resolve(node); value != nil && (value.Value != "" || value.Style != 0 || value.Kind != yaml.ScalarNode) {
		p := w.at(value, literal)
		if node != value {
			start, end, _ := w.text.Bounds(node)
			p.aliases = []alias{{start: start, end: end}}
		}
		q.decided = []*place{p}
		return
	}
	if q.lines = w.line(node, holder); q.lines == nil && len(q.Near) > 0 {
		node, holder = yamldoc.Lookup(q.Manifest.Node, q.Near)
		q.near = w.line(node, holder)
	}
	if node == nil {
		node = q.Manifest.Node
	}
	if q.lines == nil && q.near == nil {
		q.decided = []*place{w.at(node, other)}
	}
}

// line is the line that gives a mapping a value, if it does so itself and does not merge it from elsewhere.
func (w *yamlWalk) line(value, holder *yaml.Node) []*place {
	if value == nil || holder.Kind != yaml.MappingNode {
		return nil
	}
	for i := len(holder.Content) - 2; i >= 0; i -= 2 {
		if holder.Content[i+1] == value {
			return []*place{w.mark(holder, holder.Content[i], value)}
		}
	}
	return nil
}

// at makes a place of a node.
func (w *yamlWalk) at(node *yaml.Node, kind kind) *place {
	start, end, _ := w.text.Bounds(node)
	p := &place{start: start, end: end, kind: kind, original: node.Value, quoted: quote}
	w.add(w.in, p)
	return p
}

// maxRenders is how often a source is rendered for its questions at most.
const maxRenders = 24

// dye answers what it can by tokens.
func (t *tracer) dye() {
	present := func(p *place) (string, bool) { return p.dyed(), p.kind == literal || p.kind == mark }
	beside := func(p *place) (string, bool) {
		return p.dyed(), p.kind == literal || p.kind == sibling || p.kind == mark && !p.hasSibling
	}
	manifests, err := t.render(present)
	if err != nil {
		// It may be that a template is missed that others are made from.
		t.whole = true
		manifests, err = t.render(present)
	}
	if err == nil {
		t.look(manifests)
		if t.unseen() {
			// The templates may be made from others, or from YAML that they parse: then anchors do not come out.
			t.whole = true
			if manifests, err = t.render(beside); err == nil {
				t.look(manifests)
			}
		}
	} else {
		t.narrow(t.dyable())
	}
	t.confirm()
	t.separately()
	t.absent()
	t.flip()
}

// unseen reports whether there are questions for which no line came out.
func (t *tracer) unseen() bool {
	for _, q := range t.questions {
		if len(q.lines)+len(q.near) == 0 {
			return true
		}
	}
	return false
}

// render renders the source with other text in the place of those that pick picks. Templates without questions are left
// empty, unless it takes the whole chart.
func (t *tracer) render(pick func(*place) (string, bool)) (manifests []render.Manifest, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	if t.renders++; t.renders > maxRenders {
		return nil, fmt.Errorf("more than %d renders", maxRenders)
	}
	probe := func(in render.Input) []byte {
		if in.Use == render.UseInflated {
			return siblings(in.Data)
		}
		seen := t.input(in)
		seen.pruned = !t.whole && t.isChart() && in.Use == render.UseTemplate && !t.needed(in)
		if seen.pruned {
			return []byte{}
		}
		return t.replace(seen, pick)
	}
	result, err := t.source.Render(t.ctx, render.In{Tree: t.tree, Probe: probe})
	if err != nil {
		return nil, err
	}
	return result.Manifests(t.mayHold)
}
