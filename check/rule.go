package check

import (
	"fmt"
	"strings"
)

// Rule is one thing that can be wrong with a container. At most one rule applies to a container.
type Rule struct {
	// ID is the rule's name in reports and configuration.
	ID       string
	Severity Severity
	// Summary says in one sentence, true of every container that breaks the rule, what that means.
	Summary string
	// Doc is the documentation, in Markdown. Its examples under "Bad" break this rule and no other,
	// those under "Good" break none.
	Doc string
	// message says in one sentence what is wrong with a container; it is empty if nothing is.
	message func(Container) string
}

// Rules are all rules.
var Rules = []Rule{notAlways, unset, invalid, digest}

// Severity orders findings, from notes to errors.
type Severity int

// SeverityNever is more than any rule has: as a threshold it lets everything pass.
const (
	SeverityNote Severity = iota + 1
	SeverityWarning
	SeverityError
	SeverityNever
)

var severities = [...]string{SeverityNote: "note", SeverityWarning: "warning", SeverityError: "error", SeverityNever: "never"}

func (s Severity) String() string { return severities[s] }

// MarshalText writes the severity as reports name it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads a severity or the threshold never.
func ParseSeverity(text string) (Severity, error) {
	for s := SeverityNote; s <= SeverityNever; s++ {
		if severities[s] == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q, expected error, warning, note or never", text)
}

// policyKey is the field's own name: imagePullPolicy, or pullPolicy for an image volume.
func (c Container) policyKey() string { return c.Field.Last() }

// how says what the policy is and, if it is not written, what makes it that.
func (c Container) how() string {
	switch {
	case c.Written != "":
		return fmt.Sprintf("%s is %s", c.policyKey(), c.Written)
	case c.Default != "":
		return fmt.Sprintf("%s is not set and the operator makes it %s", c.policyKey(), c.Effective)
	case c.tag == "" && !c.pinned:
		return fmt.Sprintf("%s is not set and the image %q is no valid reference, which makes it %s", c.policyKey(), c.Image, c.Effective)
	case c.pinned:
		return fmt.Sprintf("%s is not set and the digest makes it %s", c.policyKey(), c.Effective)
	}
	return fmt.Sprintf("%s is not set and the tag %s makes it %s", c.policyKey(), c.tag, c.Effective)
}

// use is what a node does with the image.
func (c Container) use() string {
	if strings.HasPrefix(c.Name, "volume:") {
		return "mounts"
	}
	return "starts"
}
