package origin

// bisect puts tokens at halves, and at halves of these, of sites with whose tokens the source does not render.
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

// halves splits sites into two; it returns nothing for less than two sites.
func halves(sites []*Site) [][]*Site {
	if len(sites) < 2 {
		return nil
	}
	half := len(sites) / 2
	return [][]*Site{sites[:half], sites[half:]}
}
