package origin

// confirmAlone renders with the tokens of the decisions alone: templates decide by values what they write, and other tokens
// may have made them write something else. For example, in
//
//	imagePullPolicy: {{ if eq .Values.a "Never" }}{{ .Values.a }}{{ else }}{{ .Values.b }}{{ end }}
//
// where both values are Never, a decides, but a token at a makes b come out. A decision whose token does not come out again is dropped. There
// is nothing to confirm where no templates are used, or where there were no other tokens.
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
	if manifests, err := t.render(tokensOf(func(s *Site) bool { return decided[s] })); err == nil {
		t.decideBy(manifests)
	}
	for _, q := range reopened {
		if q.decided == nil && q.value == "" && !q.isWrittenEmpty {
			q.lines = nil // The lines are there only with other keys set.
		}
	}
	for s := range decided {
		t.confirmed[s] = true
	}
}

// hasOtherTokens reports whether there are tokens of values at other sites than some.
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
