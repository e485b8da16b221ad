package origin

import "slices"

// dyePerFile renders once for each file, with the tokens of this file alone. It is for kustomizations in which the
// tokens of one file break another file: with a token in the name of an image, a kustomization no longer finds the
// image whose tag it replaces. It comes after the strategies that cost one render for all files, and stops when
// more than half of MaxRenders are used. It leaves out sources that use templates.
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
