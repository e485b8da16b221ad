package check

import (
	_ "embed"
	"fmt"
)

//go:embed rule_not_always.md
var notAlwaysDoc string

var notAlways = Rule{
	ID:       "pull-policy-not-always",
	Severity: SeverityError,
	Summary:  "the pull policy is not Always: a node that already has the image uses it without asking the registry",
	Doc:      notAlwaysDoc,
	message: func(c Container) string {
		switch {
		case !valid(c.Written) || c.pinned || c.Effective == Always:
			return ""
		case c.Effective == Never:
			return fmt.Sprintf("%s: a node never asks the registry and %s only an image that it already has",
				c.policyReason(), c.verb())
		}
		return fmt.Sprintf("%s: a node that already has the image %s it without asking the registry",
			c.policyReason(), c.verb())
	},
}
