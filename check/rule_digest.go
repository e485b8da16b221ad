package check

import (
	_ "embed"
	"fmt"
)

//go:embed rule_digest.md
var digestDoc string

// DigestID is the ID of the rule for images that are pinned by digest. Their bytes cannot change. So package check/fix
// makes no fix for a finding of this rule.
const DigestID = "pull-policy-digest"

var digest = Rule{
	ID:       DigestID,
	Severity: SeverityNote,
	Summary: "the image is pinned by digest and the pull policy is not Always: the bytes stay the same, " +
		"but a node that has them does not ask the registry whether it may still use them",
	Doc: digestDoc,
	message: func(c Container) string {
		if !valid(c.Written) || !c.pinned || c.Effective == Always {
			return ""
		}
		return fmt.Sprintf("%s: the digest keeps the bytes the same, "+
			"but a node that has them %s them without asking the registry whether it still may", c.policyReason(), c.verb())
	},
}
