package check

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one thing that can be wrong, mostly with a container. A container breaks at most one rule
// (TestAtMostOneRule). Each rule has a file of its own, such as rule_unset.go, and its documentation beside it,
// rule_unset.md.
type Rule struct {
	// ID is the rule's name in reports and configuration.
	ID       string
	Severity Severity
	// Summary says in one sentence what breaking the rule means. It is true for every container that breaks the rule.
	Summary string
	// Doc is the documentation, in Markdown. The examples under "Bad" break this rule and no other rule, and the examples
	// under "Good" break no rule (TestRuleDocs).
	Doc string
	// message returns one sentence about what is wrong with a container; "" if the container does not break the rule. It is
	// nil if the rule is not about containers.
	message func(Container) string
}

// Rules are all rules, in the order in which documentation lists them. Do not change the slice.
var Rules = []Rule{notAlways, unset, invalid, digest, unreached}

// GobEncode implements gob.GobEncoder: a rule is encoded as its ID.
func (r *Rule) GobEncode() ([]byte, error) { return []byte(r.ID), nil }

// GobDecode implements gob.GobDecoder. The error names an ID that no rule has.
func (r *Rule) GobDecode(id []byte) error {
	i := slices.IndexFunc(Rules, func(rule Rule) bool { return rule.ID == string(id) })
	if i < 0 {
		return fmt.Errorf("no rule %q", id)
	}
	*r = Rules[i]
	return nil
}

// Severity says how bad a finding is. A greater severity is worse, so that a threshold is a comparison:
// finding.Severity >= failOn.
type Severity int

// The severities. No rule has SeverityNever: it is the threshold that no finding reaches.
const (
	SeverityNote Severity = iota + 1
	SeverityWarning
	SeverityError
	SeverityNever
)

var severities = [...]string{
	SeverityNote: "note", SeverityWarning: "warning", SeverityError: "error", SeverityNever: "never",
}

// String returns the severity as reports name it: note, warning, error or never.
func (s Severity) String() string { return severities[s] }

// MarshalText writes the severity as reports name it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads note, warning, error or never. The error quotes any other text and lists these words.
func ParseSeverity(text string) (Severity, error) {
	for s := SeverityNote; s <= SeverityNever; s++ {
		if severities[s] == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q, expected error, warning, note or never", text)
}

// policyKey returns the name of the policy field: imagePullPolicy, or pullPolicy for an image volume.
func (c Container) policyKey() string { return c.Field.Last() }

// policyReason says what the policy is and, if it is not written, why. For example: imagePullPolicy is not set and the
// tag 1.2 makes it IfNotPresent.
func (c Container) policyReason() string {
	switch {
	case c.Written != "":
		return fmt.Sprintf("%s is %s", c.policyKey(), c.Written)
	case c.Default != "":
		return fmt.Sprintf("%s is not set and the operator makes it %s", c.policyKey(), c.Effective)
	case c.tag == "" && !c.pinned:
		return fmt.Sprintf("%s is not set and the image %q is no valid reference, which makes it %s",
			c.policyKey(), c.Image, c.Effective)
	case c.pinned:
		return fmt.Sprintf("%s is not set and the digest makes it %s", c.policyKey(), c.Effective)
	}
	return fmt.Sprintf("%s is not set and the tag %s makes it %s", c.policyKey(), c.tag, c.Effective)
}

// verb returns what a node does with the image: it mounts an image volume, and starts a container.
func (c Container) verb() string {
	if strings.HasPrefix(c.Name, "volume:") {
		return "mounts"
	}
	return "starts"
}
