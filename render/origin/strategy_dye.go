package origin

// dye renders with the tokens of all values and lines at once, and reads the decisions. It comes first because this
// one render decides nearly all queries. If the source does not render with the tokens, because a template compares
// values or fails for unknown values, dye bisects the tokens.
func dye(t *tracing) {
	isPresent := func(s *Site) bool { return s.Kind == ValueSite || s.Kind == LineAnchor }
	manifests, err := t.render(tokensWhere(isPresent))
	if err != nil {
		// Perhaps the render fails because a template was left empty whose text another template reads.
		t.isWhole = true
		manifests, err = t.render(tokensWhere(isPresent))
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

// dyeSiblings renders once more with all templates, and with a LineSibling instead of a LineAnchor where a line has
// both. An anchor is lost where a template parses YAML (fromYaml); a key is not. It costs one render, and only
// sources with a query without a line need it.
func dyeSiblings(t *tracing) {
	t.isWhole = true
	manifests, err := t.render(tokensWhere(func(s *Site) bool {
		return s.Kind == ValueSite || s.Kind == LineSibling || s.Kind == LineAnchor && !s.hasLineSibling
	}))
	if err == nil {
		t.decideBy(manifests)
	}
}

// hasUnseenLine reports whether a query has no line yet.
func hasUnseenLine(t *tracing) bool {
	for _, q := range t.queries {
		if len(q.lines)+len(q.siblingLines) == 0 {
			return true
		}
	}
	return false
}

// dyedSites returns the sites that had tokens in the first render of dye.
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
