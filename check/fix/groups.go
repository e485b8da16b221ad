package fix

import (
	"slices"
)

// related splits attempts into groups. Two attempts are in one group if they affect a common source, or if a chain
// of other attempts connects them. An attempt cannot harm the sources of another group, so the search for the
// attempt at fault stays within one group. The groups are in the order of their first attempts.
func related(all []*attempt) [][]*attempt {
	parent := map[int]int{} // union-find: each source points to another source of its group
	var root func(int) int
	root = func(i int) int {
		next, ok := parent[i]
		if !ok || next == i {
			return i
		}
		parent[i] = root(next)
		return parent[i]
	}
	for _, a := range all {
		for _, i := range a.affected {
			parent[root(i)] = root(a.affected[0])
		}
	}
	byRoot := map[int][]*attempt{}
	var order []int
	for _, a := range all {
		of := root(a.affected[0])
		if byRoot[of] == nil {
			order = append(order, of)
		}
		byRoot[of] = append(byRoot[of], a)
	}
	var groups [][]*attempt
	for _, of := range order {
		groups = append(groups, byDistance(byRoot[of]))
	}
	return groups
}

// byDistance sorts the attempts of a group, so that attempts with common sources are near each other. Halves of the
// group then affect fewer sources, and a search by halves renders less. The first attempt comes first, then
// attempts that share a source with an attempt before them.
func byDistance(group []*attempt) []*attempt {
	sources := map[int]bool{}
	var sorted []*attempt
	for others := group; len(others) > 0; {
		var left []*attempt
		for _, a := range others {
			if len(sorted) > 0 && !slices.ContainsFunc(a.affected, func(i int) bool { return sources[i] }) {
				left = append(left, a)
				continue
			}
			for _, i := range a.affected {
				sources[i] = true
			}
			sorted = append(sorted, a)
		}
		others = left
	}
	return sorted
}
