package check

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed rule_unset.md
var unsetDoc string

var unset = Rule{
	ID:       "pull-policy-unset",
	Severity: SeverityWarning,
	Summary:  "the pull policy is not set: only the tag makes it Always today",
	Doc:      unsetDoc,
	message: func(c Container) string {
		switch {
		case c.Written != "" || c.Default != "" || c.pinned || c.Effective != Always:
			return ""
		case strings.HasSuffix(c.Image, ":latest"):
			return fmt.Sprintf("%s is not set: only the tag latest makes it Always today, "+
				"and any other tag makes it IfNotPresent", c.policyKey())
		}
		return fmt.Sprintf("%s is not set: only the missing tag makes it Always today, "+
			"and any tag but latest makes it IfNotPresent", c.policyKey())
	},
}
