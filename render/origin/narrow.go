package origin

import (
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// dyable are the places that the first dyed render replaces.
func (t *tracer) dyable() []*place {
	var all []*place
	for _, in := range t.order {
		if !in.pruned {
			for _, p := range in.places {
				if p.kind == literal || p.kind == mark {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// only picks the tokens of some places.
func only(places []*place) func(*place) (string, bool) {
	set := make(map[*place]bool, len(places))
	for _, p := range places {
		set[p] = true
	}
	return func(p *place) (string, bool) { return p.dyed(), set[p] }
}

// narrow looks at halves, and their halves, of places with which the source does not render.
func (t *tracer) narrow(places []*place) {
	for queue := split(places); len(queue) > 0 && len(t.open()) > 0 && t.renders < maxRenders; queue = queue[1:] {
		manifests, err := t.render(only(queue[0]))
		if err == nil {
			t.look(manifests)
			continue
		}
		queue = append(queue, split(queue[0])...)
	}
}

func split(places []*place) [][]*place {
	if len(places) < 2 {
		return nil
	}
	half := len(places) / 2
	return [][]*place{places[:half], places[half:]}
}

// separately looks at the values of one file after the other, where all tokens together have led elsewhere: as of an
// image that a kustomization looks for to replace its tag.
func (t *tracer) separately() {
	if t.templated() {
		return
	}
	for _, in := range slices.Clone(t.order) {
		var places []*place
		for _, p := range in.places {
			if p.kind == literal {
				places = append(places, p)
			}
		}
		if len(places) == 0 || t.renders > maxRenders/2 || !slices.ContainsFunc(t.open(), func(q *question) bool { return q.value != "" }) {
			continue
		}
		if manifests, err := t.render(only(places)); err == nil {
			t.look(manifests)
		}
	}
}

// confirm renders with the tokens of the decisions alone: templates decide by values what they write, and other tokens
// could have made them write something else. A decision that does not come out again is none. Nothing is to be confirmed
// where there are no templates, or no other tokens were there.
func (t *tracer) confirm() {
	decided := map[*place]bool{}
	var reopened []*question
	for _, q := range t.questions {
		for _, p := range q.decided {
			if !q.Manifest.Document.Verbatim && !t.confirmed[p] {
				decided[p] = true
			}
		}
	}
	if len(decided) == 0 || !t.templated() || t.only(decided) {
		return
	}
	for _, q := range t.questions {
		if q.decided != nil && decided[q.decided[0]] {
			q.decided = nil
			reopened = append(reopened, q)
		}
	}
	if manifests, err := t.render(func(p *place) (string, bool) { return p.dyed(), decided[p] }); err == nil {
		t.look(manifests)
	}
	for _, q := range reopened {
		if q.decided == nil && q.value == "" && !q.reads {
			q.lines = nil // They are there only with other keys set.
		}
	}
	for p := range decided {
		t.confirmed[p] = true
	}
}

// templated reports whether templates were used.
func (t *tracer) templated() bool {
	return slices.ContainsFunc(t.order, func(in *input) bool { return in.Use == render.UseTemplate })
}

// only reports whether there are no tokens of values but those of some places.
func (t *tracer) only(places map[*place]bool) bool {
	for _, in := range t.order {
		for _, p := range in.places {
			if (p.kind == literal || p.kind == insertion) && !in.pruned && !places[p] {
				return false
			}
		}
	}
	return true
}

// flip puts another legal value in one place after the other, where tokens do not come out, until the field changes:
// first in values, which people set, then in other files.
func (t *tracer) flip() {
	var open []*question
	for _, q := range t.open() {
		if q.value != "" {
			open = append(open, q)
			q.lines = nil // The tokens may have led to others.
		}
	}
	if len(open) == 0 {
		return
	}
	if manifests, err := t.render(func(p *place) (string, bool) { return p.dyed(), p.kind == mark }); err == nil {
		t.look(manifests)
	}
	for _, q := range open {
		var values, others []*place
		for _, in := range t.order {
			for _, p := range in.places {
				switch {
				case p.kind != other && (p.kind != literal || p.original != q.value):
				case in.hasKeys() || in.Use == render.UseFlag:
					values = append(values, p)
				default:
					others = append(others, p)
				}
			}
		}
		_ = t.search(q, values) || t.search(q, others)
	}
}

// search finds the one place whose flip alone changes the field of a question.
func (t *tracer) search(q *question, places []*place) bool {
	if len(places) == 0 || t.renders >= maxRenders {
		return false
	}
	changed, err := t.changes(q, places)
	switch {
	case err == nil && !changed:
		return false
	case len(places) > 1:
		half := len(places) / 2
		return t.search(q, places[:half]) || t.search(q, places[half:])
	}
	if changed {
		q.decided = places
	}
	return changed
}

// changes reports whether the field of a question changes when all places are flipped.
func (t *tracer) changes(q *question, places []*place) (bool, error) {
	set := make(map[*place]bool, len(places))
	for _, p := range places {
		set[p] = true
	}
	manifests, err := t.render(func(p *place) (string, bool) { return p.quoted(q.Instead), set[p] })
	if err != nil {
		return false, err
	}
	m := t.object(q, manifests)
	if m == nil {
		return false, nil
	}
	// Without what holds the field, it was another value that changed: the name of the container.
	value, holder := t.lookup(m.Node, q.Path)
	return holder != nil && (value == nil || yamldoc.Resolve(value).Value != q.value), nil
}
