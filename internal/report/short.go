package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pullcheck/pullcheck/check"
)

// maxShort is how many findings a short report has, and maxShortAffected how many containers of each.
const maxShort, maxShortAffected = 20, 3

// Short writes the report for where there is little room, as in the message of a sync that failed: of each finding the
// line that decides, what is affected, and the fix.
func Short(w io.Writer, r *check.Report) error {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s: failure: %s\n", Line(f.Location.String()), Line(f.Message))
	}
	for i, f := range r.Findings {
		if i == maxShort {
			fmt.Fprintf(&b, "and %s\n", count(len(r.Findings)-i, "finding"))
			break
		}
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", Line(f.Decision.String()), f.Severity, Line(f.Text()), f.Rule)
		for n, a := range f.Affected {
			if n == maxShortAffected {
				fmt.Fprintf(&b, "  and %s\n", count(len(f.Affected)-n, "container"))
				break
			}
			fmt.Fprintf(&b, "  %s\n", Line(fmt.Sprintf("%s/%s: %s (%s)", a.Kind, a.Name, a.Container, a.Image)))
		}
		if f.Fix != nil {
			fmt.Fprintf(&b, "  fix: %s\n", Line(f.Fix.Message+" at "+f.Fix.Edits[0].Location.String()))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
