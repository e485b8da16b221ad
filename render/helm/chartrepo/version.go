package chartrepo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// changeVersionHint goes with the error that a repository lacks a version.
const changeVersionHint = "name a version that exists in Chart.yaml, then: helm dependency update"

// choose returns the index of the version that Helm takes: the very text that is asked for if it is in the list, else
// the newest version that satisfies it as a constraint. "" asks for any version that is no pre-release
// (IndexFile.Get in Helm's pkg/repo/index.go, GetTagMatchingVersionOrConstraint in pkg/registry/util.go).
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

// parseConstraint parses a version or constraint; "" stands for any.
func parseConstraint(asked string) (*semver.Constraints, error) {
	constraint, err := semver.NewConstraint(cmp.Or(asked, "*"))
	if err != nil {
		return nil, fmt.Errorf("%q is neither a version (1.2.3) nor a constraint (^1.2, 1.x, >=1.2 <2)", asked)
	}
	return constraint, nil
}

// rankedVersion is a parsed version and its index in the list it came from.
type rankedVersion struct {
	version *semver.Version
	index   int
}

// newestFirst sorts versions. It leaves out texts that are no version, as Helm does when it loads an index.
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

// versionNotFound names the five versions nearest to the asked one, or the newest five where it is a constraint.
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
