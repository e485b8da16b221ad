package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// tryOtherValue writes the replacement of a query at one site after the other, by halves, where tokens do not come out,
// until the field changes: first at values, which people set, then at other sites.
func tryOtherValue(t *tracing) {
	var open []*query
	for _, q := range t.open() {
		if q.value != "" {
			open = append(open, q)
			q.lines = nil // The tokens may have led to other lines.
		}
	}
	if len(open) == 0 {
		return
	}
	if manifests, err := t.render(tokensOf(func(s *Site) bool { return s.Kind == LineAnchor })); err == nil {
		t.decideBy(manifests)
	}
	for _, q := range open {
		values, others := sitesFor(t.run, q)
		_ = search(t.run, q, values) || search(t.run, q, others)
	}
}

// sitesFor returns the sites that may decide a field: those in values, and others.
func sitesFor(r *run, q *query) (values, others []*Site) {
	for _, in := range r.order {
		for _, s := range in.sites {
			switch {
			case s.Kind != NameSite && (s.Kind != ValueSite || s.Value != q.value):
			case in.HoldsValues() || in.Use == render.UseFlag:
				values = append(values, s)
			default:
				others = append(others, s)
			}
		}
	}
	return values, others
}

// search finds the one site at which the replacement alone changes the field of a query.
func search(r *run, q *query, sites []*Site) bool {
	if len(sites) == 0 || r.isSpent() {
		return false
	}
	isChanged, err := changes(r, q, sites)
	switch {
	case err == nil && !isChanged:
		return false
	case len(sites) > 1:
		half := len(sites) / 2
		return search(r, q, sites[:half]) || search(r, q, sites[half:])
	}
	if isChanged {
		q.decided = sites
	}
	return isChanged
}

// changes reports whether the field of a query changes with the replacement at all of some sites.
func changes(r *run, q *query, sites []*Site) (bool, error) {
	set := setOf(sites)
	manifests, err := r.render(func(s *Site) (string, bool) { return q.Replacement, set[s] })
	if err != nil {
		return false, err
	}
	m := r.find(q, manifests)
	if m == nil {
		return false, nil
	}
	// If the holder of the field is gone, the replacement has changed another value: the name of the container.
	value, holder := r.lookup(m.Node, q.Path)
	return holder != nil && (value == nil || yamldoc.Resolve(value).Value != q.value), nil
}
