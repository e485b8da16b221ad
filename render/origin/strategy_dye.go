package origin

// dye puts tokens at all values and lines at once and reads the render. This decides nearly all queries with one render. A
// source that does not render with the tokens, because a template compares values or fails for unknown ones, is bisected.
func dye(t *tracing) {
	isPresent := func(s *Site) bool { return s.Kind == ValueSite || s.Kind == LineAnchor }
	manifests, err := t.render(tokensOf(isPresent))
	if err != nil {
		// Perhaps a template is left empty from which other templates are made.
		t.isWhole = true
		manifests, err = t.render(tokensOf(isPresent))
	}
	if err != nil {
		bisect(t, dyedSites(t))
		return
	}
	t.decideBy(manifests)
	if hasUnseenLine(t) {
		dyeSiblings(t)
	}
}

// dyeSiblings renders all templates, with keys in the place of anchors at the lines. The anchors are lost where templates
// are made from other templates, or from YAML that they parse.
func dyeSiblings(t *tracing) {
	t.isWhole = true
	manifests, err := t.render(tokensOf(func(s *Site) bool {
		return s.Kind == ValueSite || s.Kind == LineSibling || s.Kind == LineAnchor && !s.hasSibling
	}))
	if err == nil {
		t.decideBy(manifests)
	}
}

// hasUnseenLine reports whether there is a query for which no line has come out.
func hasUnseenLine(t *tracing) bool {
	for _, q := range t.queries {
		if len(q.lines)+len(q.siblingLines) == 0 {
			return true
		}
	}
	return false
}

// dyedSites returns the sites at which the first dyed render had tokens.
func dyedSites(t *tracing) []*Site {
	var all []*Site
	for _, in := range t.order {
		if in.isPruned {
			continue
		}
		for _, s := range in.sites {
			if s.Kind == ValueSite || s.Kind == LineAnchor {
				all = append(all, s)
			}
		}
	}
	return all
}
