package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
)

// Diff writes fixes as a unified diff, for `git apply` or `patch -p1` at the root of the tree.
func Diff(w io.Writer, files []fix.File) error {
	for _, file := range files {
		text := diff.Diff("a/"+file.Path, file.Before, "b/"+file.Path, file.After)
		// The first line is "diff a/… b/…", which is not part of a unified diff.
		_, text, _ = bytes.Cut(text, []byte("\n"))
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// Unfixed writes a line for each finding without a fix, and for each failure. It goes to standard error beside a diff.
func Unfixed(w io.Writer, report *check.Report) error {
	for _, f := range report.Findings {
		if f.Fix != nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s [%s]\n", f.Decision, f.Severity, f.Text(), f.Rule); err != nil {
			return err
		}
	}
	for _, f := range report.Failures {
		if _, err := fmt.Fprintf(w, "pullcheck: %s: not checked: %s\n", f.Source, f.Message); err != nil {
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
			if _, err := fmt.Fprintf(w, "fixed: %s: %s [%s]\n", at, f.Fix.Message, f.Rule); err != nil {
				return err
			}
		}
	}
	return nil
}
