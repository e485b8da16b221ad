package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/printable"
)

// Diff writes fixes as a unified diff, for `git apply` or `patch -p1` at the root of the tree.
func Diff(w io.Writer, files []fix.File) error {
	for _, file := range files {
		text := diff.Diff(diffName("a/"+file.Path), file.Before, diffName("b/"+file.Path), file.After)
		// The first line is "diff a/… b/…", which is not part of a unified diff.
		_, text, _ = bytes.Cut(text, []byte("\n"))
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// diffName returns a name for the header of a diff, as git writes it: in quotes as in C if it has other characters than
// printable ASCII, and with a tab behind it if it has a space, so that nothing in the name is taken for a date (quote.c
// and diff.c of git; core.quotePath is true).
func diffName(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch i := strings.IndexByte("\a\b\t\n\v\f\r\"\\", c); {
		case i >= 0:
			b.WriteString(`\` + `abtnvfr"\`[i:i+1])
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	quoted := b.String()
	if quoted != name {
		quoted = `"` + quoted + `"`
	}
	if strings.Contains(name, " ") {
		quoted += "\t"
	}
	return quoted
}

// Unfixed writes a line for each finding without a fix, and for each failure. It goes to standard error beside a diff.
func Unfixed(w io.Writer, report *check.Report) error {
	for _, f := range report.Findings {
		if f.Fix != nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s [%s]\n", printable.Line(f.Decision.String()), f.Severity, printable.Line(f.Text()), f.Rule); err != nil {
			return err
		}
	}
	for _, f := range report.Failures {
		if _, err := fmt.Fprintf(w, "pullcheck: %s: not checked: %s\n", printable.Line(f.Source), printable.Lines(f.Message)); err != nil {
			return err
		}
	}
	return nil
}

// Fixes writes a line for each edit of each fix, "fixed: PATH:LINE:COLUMN: MESSAGE [RULE]". written reports whether
// the file at a path was written: an edit of another file gets no line.
func Fixes(w io.Writer, report *check.Report, written func(path string) bool) error {
	for _, f := range report.Findings {
		if f.Fix == nil {
			continue
		}
		var shown []string // The locations of the finding that have a line already.
		for _, edit := range f.Fix.Edits {
			at := edit.Location.String()
			if !written(edit.Path) || slices.Contains(shown, at) {
				continue
			}
			shown = append(shown, at)
			if _, err := fmt.Fprintf(w, "fixed: %s: %s [%s]\n", printable.Line(at), printable.Line(f.Fix.Message), f.Rule); err != nil {
				return err
			}
		}
	}
	return nil
}
