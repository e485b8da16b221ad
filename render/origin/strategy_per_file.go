package origin

import "slices"

// dyePerFile puts tokens at the values of one file after the other, where all tokens together have led elsewhere: a token
// in the name of an image keeps a kustomization from finding the image whose tag it replaces.
func dyePerFile(t *tracing) {
	if t.hasTemplates() {
		return
	}
	hasValue := func(q *query) bool { return q.value != "" }
	for _, in := range slices.Clone(t.order) {
		var sites []*Site
		for _, s := range in.sites {
			if s.Kind == ValueSite {
				sites = append(sites, s)
			}
		}
		if len(sites) == 0 || t.renders > MaxRenders/2 || !slices.ContainsFunc(t.open(), hasValue) {
			continue
		}
		if manifests, err := t.render(tokensAt(sites)); err == nil {
			t.decideBy(manifests)
		}
	}
}
