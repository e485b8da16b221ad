package fix

import (
	"slices"
)

// related splits attempts into groups that affect the same sources, themselves or through others, in the order of their first
// attempts.
func related(all []*attempt) [][]*attempt {
	parent := map[int]int{} // of a source, another source of its group
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

// byDistance sorts the attempts of a group: the first one, then those that share a source with an attempt before them, in
// passes. Halves of a group then have more in common.
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
