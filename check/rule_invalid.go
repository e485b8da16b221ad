package check

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed rule_invalid.md
var invalidDoc string

var invalid = Rule{
	ID:       "pull-policy-invalid",
	Severity: SeverityError,
	Summary:  "the pull policy is not Always, IfNotPresent or Never: the API server refuses the object",
	Doc:      invalidDoc,
	message: func(c Container) string {
		switch {
		case valid(c.Written):
			return ""
		case isPlaceholder(c.Written):
			return fmt.Sprintf("%s %q is not Always, IfNotPresent or Never: "+
				"unless something puts one of them in its place, the API server refuses the object", c.policyKey(), c.Written)
		}
		return fmt.Sprintf("%s %q is not Always, IfNotPresent or Never: the API server refuses the object",
			c.policyKey(), c.Written)
	},
}

// isPlaceholder reports whether a later step may replace the text by a policy: an Argo workflow ({{inputs.policy}}),
// Flux or an OpenShift template (${POLICY}), or Tekton ($(params.policy)).
func isPlaceholder(written string) bool {
	return strings.Contains(written, "{{") || strings.Contains(written, "${") || strings.Contains(written, "$(")
}
