package check

import (
	_ "embed"
	"fmt"
)

//go:embed rule_digest.md
var digestDoc string

// DigestID is the ID of the rule for images that are pinned by digest. Package check/fix makes no fixes for this rule:
// the bytes of the image cannot change, and a policy of Always would cost a request to the registry at each start.
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
