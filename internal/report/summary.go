package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
)

// The largest numbers of findings in a summary, and of containers for each finding.
const maxSummaryFindings, maxSummaryAffected = 20, 3

// Summary writes a short report, for places with little room. Argo CD, for example, shows it as the message of a sync
// that failed. A finding has its location and message, the affected containers, and the location of its fix.
func Summary(w io.Writer, r *check.Report) error {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s: failure: %s\n", printable.Line(f.Location.String()), printable.Line(f.Message))
	}
	for i, f := range r.Findings {
		if i == maxSummaryFindings {
			fmt.Fprintf(&b, "and %s\n", count(len(r.Findings)-i, "finding"))
			break
		}
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", printable.Line(f.Decision.String()), f.Severity, printable.Line(f.Text()), f.Rule)
		for n, a := range f.Affected {
			if n == maxSummaryAffected {
				fmt.Fprintf(&b, "  and %s\n", count(len(f.Affected)-n, "container"))
				break
			}
			fmt.Fprintf(&b, "  %s\n", printable.Line(fmt.Sprintf("%s/%s: %s (%s)", a.Kind, a.Name, a.Container, a.Image)))
		}
		if f.Fix != nil {
			fmt.Fprintf(&b, "  fix: %s\n", printable.Line(f.Fix.Message+" at "+f.Fix.Edits[0].Location.String()))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
