package report

import (
	"fmt"
	"io"
)

// Why writes what a field is, the places that decide it, and those on the way to the object.
func Why(w io.Writer, field string, trace Trace, options TextOptions) error {
	t := &text{options: options}
	fmt.Fprintln(t, Line(field))
	for _, at := range trace.Decisions {
		fmt.Fprint(t, t.paint(bold, Line(at.String())))
		if at.Line > 0 && at.Key != "" && !sameKeys(at.Key, trace.Field) {
			fmt.Fprintf(t, ": %s", Line(at.Key))
		}
		t.WriteByte('\n')
		t.frame(trace, at, cyan)
	}
	t.way(trace)
	_, err := io.WriteString(w, t.String())
	return err
}
