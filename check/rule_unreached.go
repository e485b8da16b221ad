package check

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

//go:embed rule_unreached.md
var unreachedDoc string

// unreached is about lines of files. It has no message for a container, because no container breaks it.
var unreached = Rule{
	ID:       "pull-policy-unreached",
	Severity: SeverityNote,
	Summary:  "a pull policy other than Always is written, and no container of any render has its policy from there",
	Doc:      unreachedDoc,
}

// Unreached returns a finding for each location at which a policy is written that no render has put into a container,
// and the findings that an ignore comment suppresses. The findings have no affected containers. A location has its Key
// where it is known, and the text of its line.
func Unreached(locations []yamldoc.Location) ([]Finding, []Suppression) {
	var found []Finding
	occurrences := map[identity]int{}
	for _, at := range slices.SortedFunc(slices.Values(locations), compareLocations) {
		id := identity{rule: unreached.ID, path: at.Path, key: at.Key}
		occurrences[id]++
		found = append(found, Finding{
			Rule: unreached.ID, Severity: unreached.Severity,
			Message:  "this pull policy is written, and no container of any render has its policy from here",
			Decision: at, Via: []yamldoc.Location{}, Exact: true, Affected: []Affected{},
			Fingerprint: id.fingerprint(occurrences[id]),
		})
	}
	return suppress(found)
}

// Add adds findings and suppressed findings to the report, in the order of the files.
func (r *Report) Add(findings []Finding, suppressed []Suppression) {
	r.Findings = append(r.Findings, findings...)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return compareLocations(a.Decision, b.Decision) })
	r.Suppressed = append(r.Suppressed, suppressed...)
	slices.SortStableFunc(r.Suppressed, func(a, b Suppression) int {
		return compareLocations(a.Finding.Decision, b.Finding.Decision)
	})
}

var (
	// policyKey matches the text before the value of a key that is named like a policy, without actions of a template.
	policyKey = regexp.MustCompile(`(?i)([\w.-]*policy)["']?[ \t]*:[ \t]*(?:[&!]\S*[ \t]+)*["']?$`)
	// pullPolicy matches the name of a pull policy in any style: imagePullPolicy, pull-policy, PULL_POLICY.
	pullPolicy = regexp.MustCompile(`(?i)pull[-_]?policy`)
	// patchValue matches the text before the value in an operation of a JSON patch, and patchPath its path.
	patchValue = regexp.MustCompile(`(?:^|[\s{,"'])value["']?:[ \t]*["']?$`)
	patchPath  = regexp.MustCompile(`path["']?:[ \t]*["']?/\S*[pP]ullPolicy`)
	policyWord = regexp.MustCompile(`\b(?:Always|IfNotPresent|Never)\b`)
)

// maxAround is how much WritesPolicy reads of a line before a value, behind it, and of the line above, in bytes. A line
// of JSON can have any length, and any number of values.
const maxAround = 500

// WritesPolicy reports whether IfNotPresent or Never, at a location in a file, is meant as a pull policy. That is so for
// the value of a key that is named like one, in YAML and in the text of a template, for the value in a JSON patch, and
// for IfNotPresent in an action of a template or alone on its line. The word Never is a value of other fields, too, such
// as restartPolicy. Text in a comment is no policy.
func WritesPolicy(value string, at yamldoc.Location) bool {
	line, start := at.Snippet, min(at.Column-1, len(at.Snippet))
	if cut := start - maxAround; cut > 0 {
		line, start = line[cut:], maxAround
	}
	if commentStart(line[:start], yamldoc.InNothing) >= 0 {
		return false
	}
	before := line[:start]
	if open := strings.LastIndex(before, "{{"); open > strings.LastIndex(before, "}}") {
		return value == IfNotPresent || pullPolicy.MatchString(before)
	}
	before = policyWord.ReplaceAllString(templateAction.ReplaceAllString(before, ""), "")
	if key := policyKey.FindStringSubmatch(before); key != nil {
		return value == IfNotPresent || pullPolicy.MatchString(key[1])
	}
	if patchValue.MatchString(before) {
		return patchPath.MatchString(before) || patchPath.MatchString(at.Above[max(0, len(at.Above)-maxAround):])
	}
	behind := line[start:min(len(line), start+maxAround)]
	behind = policyWord.ReplaceAllString(templateAction.ReplaceAllString(behind, ""), "")
	return value == IfNotPresent && strings.TrimSpace(before+behind) == ""
}
