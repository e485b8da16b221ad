package origin

// bisect is for sites whose tokens together make the source fail to render, because a template compares a value or
// a schema refuses it. It renders with one half of the tokens, then with the second half. It splits a half that
// fails again, until a bad token is alone; it gives up this token. With b bad tokens among n sites this costs about
// 2·b·log2(n) renders.
func bisect(t *tracing, sites []*Site) {
	for queue := halves(sites); len(queue) > 0 && len(t.open()) > 0 && !t.isSpent(); queue = queue[1:] {
		manifests, err := t.render(tokensAt(queue[0]))
		if err == nil {
			t.decideBy(manifests)
			continue
		}
		queue = append(queue, halves(queue[0])...)
	}
}

// halves splits sites into two; it returns nothing for fewer than two sites.
func halves(sites []*Site) [][]*Site {
	if len(sites) < 2 {
		return nil
	}
	half := len(sites) / 2
	return [][]*Site{sites[:half], sites[half:]}
}
