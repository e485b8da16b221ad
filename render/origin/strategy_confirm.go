package origin

// confirmAlone renders with the tokens of the decisions alone, and drops a decision whose token does not come out
// again. The tokens at other sites may have changed what a template does. For example, both values are Never in
//
//	imagePullPolicy: {{ if eq .Values.a "Never" }}{{ .Values.a }}{{ else }}{{ .Values.b }}{{ end }}
//
// The value a decides. With tokens at both, a is not Never any more, and the token of b comes out. The token of b
// alone does not.
//
// It costs one render for all queries, and comes right after dye, so that later strategies see which queries are
// open again. It costs none if the source has no templates, or if there were no other tokens.
func confirmAlone(t *tracing) {
	decided := map[*Site]bool{}
	for _, q := range t.queries {
		for _, s := range q.decided {
			if !q.Manifest.Document.Verbatim && !t.confirmed[s] {
				decided[s] = true
			}
		}
	}
	if len(decided) == 0 || !t.hasTemplates() || !hasOtherTokens(t, decided) {
		return
	}
	var reopened []*query
	for _, q := range t.queries {
		if q.decided != nil && decided[q.decided[0]] {
			q.decided = nil
			reopened = append(reopened, q)
		}
	}
	if manifests, err := t.render(tokensWhere(func(s *Site) bool { return decided[s] })); err == nil {
		t.decideBy(manifests)
	}
	for _, q := range reopened {
		if q.decided == nil && q.value == "" && !q.isWrittenEmpty {
			q.lines = nil // The lines came out only because other keys were set.
		}
	}
	for s := range decided {
		t.confirmed[s] = true
	}
}

// hasOtherTokens reports whether an earlier render had tokens at values that are not among sites.
func hasOtherTokens(t *tracing, sites map[*Site]bool) bool {
	for _, in := range t.order {
		for _, s := range in.sites {
			if (s.Kind == ValueSite || s.Kind == KeyInsertion) && !in.isPruned && !sites[s] {
				return true
			}
		}
	}
	return false
}
