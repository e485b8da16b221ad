package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// tryOtherValue writes the replacement of a query, such as Always, at sites until the field changes. It finds
// values that a template computes, where no token can come out: {{ upper .Values.policy }}. It first tries all
// values, which people set, then all other sites, each by halves. It is the last strategy: it costs 1 render, and
// about 2·log2(sites) renders for each query.
func tryOtherValue(t *tracing) {
	var open []*query
	for _, q := range t.open() {
		if q.value != "" {
			open = append(open, q)
			q.lines = nil // With the tokens, other lines may have written the field.
		}
	}
	if len(open) == 0 {
		return
	}
	if manifests, err := t.render(tokensWhere(func(s *Site) bool { return s.Kind == LineAnchor })); err == nil {
		t.decideBy(manifests)
	}
	for _, q := range open {
		values, others := sitesFor(t.run, q)
		_ = searchByHalves(t.run, q, values) || searchByHalves(t.run, q, others)
	}
}

// sitesFor returns the sites that may decide a field: values are the sites in values files and flags, others are
// the sites in templates and manifests.
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

// searchByHalves finds the one site at which the replacement alone changes the field of a query. It makes this site
// the decision and reports true. It reports false if there is no such site, or if MaxRenders is reached.
func searchByHalves(r *run, q *query, sites []*Site) bool {
	if len(sites) == 0 || r.isSpent() {
		return false
	}
	isChanged, err := changesField(r, q, sites)
	switch {
	case err == nil && !isChanged:
		return false
	case len(sites) > 1:
		half := len(sites) / 2
		return searchByHalves(r, q, sites[:half]) || searchByHalves(r, q, sites[half:])
	}
	if isChanged {
		q.decided = sites
	}
	return isChanged
}

// changesField reports whether the field of a query changes if the replacement is written at all of the given
// sites.
func changesField(r *run, q *query, sites []*Site) (bool, error) {
	set := setOf(sites)
	manifests, err := r.render(func(s *Site) (string, bool) { return q.Replacement, set[s] })
	if err != nil {
		return false, err
	}
	m := r.find(q, manifests)
	if m == nil {
		return false, nil
	}
	// If the mapping around the field is gone, the replacement has changed another value: the name of the container.
	value, holder := r.lookup(m.Node, q.Path)
	return holder != nil && (value == nil || yamldoc.Resolve(value).Value != q.value), nil
}
