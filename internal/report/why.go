package report

import (
	"fmt"
	"io"

	"github.com/pullcheck/pullcheck/internal/printable"
)

// Why writes the answer of `pullcheck why`: a title such as "Deployment/api spec.replicas = 3", each location that
// decides the field with its line, and the lines between the decisions and the object.
func Why(w io.Writer, title string, trace Trace, options TextOptions) error {
	t := &text{options: options}
	fmt.Fprintln(t, printable.Line(title))
	for _, at := range trace.Decisions {
		fmt.Fprint(t, t.paint(printable.Bold, printable.Line(at.String())))
		if at.Line > 0 && at.Key != "" && !sameKeys(at.Key, trace.Field) {
			fmt.Fprintf(t, ": %s", printable.Line(at.Key))
		}
		t.WriteByte('\n')
		t.frame(trace, at, printable.Cyan)
	}
	t.via(trace)
	_, err := io.WriteString(w, t.String())
	return err
}
