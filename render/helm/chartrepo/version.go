package chartrepo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// changeVersionHint is the hint for a version that does not exist.
const changeVersionHint = "name a version that exists in Chart.yaml, then: helm dependency update"

// choose returns the index in versions of the version that Helm chooses for the text asked (IndexFile.Get in
// pkg/repo/index.go, GetTagMatchingVersionOrConstraint in pkg/registry/util.go):
//
//  1. If asked is in the list, letter by letter, it is chosen.
//  2. Otherwise asked is a constraint, and the newest version that satisfies it is chosen. 1.2.3 is a constraint, too.
//     "" means *, which is satisfied by each version that is no pre-release.
//
// The error names versions that exist.
func choose(versions []string, asked string) (int, error) {
	constraint, err := parseConstraint(asked)
	if err != nil {
		return 0, err
	}
	sorted := newestFirst(versions)
	for _, r := range sorted {
		if versions[r.index] == asked {
			return r.index, nil
		}
	}
	for _, r := range sorted {
		if constraint.Check(r.version) {
			return r.index, nil
		}
	}
	return 0, versionNotFound(sorted, asked)
}

// parseConstraint parses a version or constraint; "" means any version.
func parseConstraint(asked string) (*semver.Constraints, error) {
	constraint, err := semver.NewConstraint(cmp.Or(asked, "*"))
	if err != nil {
		return nil, fmt.Errorf("%q is neither a version (1.2.3) nor a constraint (^1.2, 1.x, >=1.2 <2)", asked)
	}
	return constraint, nil
}

// rankedVersion is a parsed version and its index in the list from which it came.
type rankedVersion struct {
	version *semver.Version
	index   int
}

// newestFirst returns the versions of a list, the newest first. It leaves out texts that are no versions, as Helm does
// when it loads an index.
func newestFirst(versions []string) []rankedVersion {
	var sorted []rankedVersion
	for i, v := range versions {
		if version, err := semver.NewVersion(v); err == nil {
			sorted = append(sorted, rankedVersion{version, i})
		}
	}
	slices.SortFunc(sorted, func(a, b rankedVersion) int { return b.version.Compare(a.version) })
	return sorted
}

// versionNotFound returns the error for a version that does not exist. It names the five nearest versions or, for a
// constraint, the five newest versions.
func versionNotFound(sorted []rankedVersion, asked string) error {
	if len(sorted) == 0 {
		return errors.New("there is no version of it")
	}
	nearest, from := "the newest are", 0
	if version, err := semver.NewVersion(asked); err == nil {
		older := slices.IndexFunc(sorted, func(r rankedVersion) bool { return r.version.LessThan(version) })
		if older < 0 {
			older = len(sorted)
		}
		nearest, from = "the nearest are", max(0, older-2)
	}
	var names []string
	for _, r := range sorted[from:min(from+5, len(sorted))] {
		names = append(names, r.version.Original())
	}
	return fmt.Errorf("there is no such version: %s %s", nearest, strings.Join(names, ", "))
}
