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

// Diff writes fixes as a unified diff that `git apply` and `patch -p1` accept at the root of the tree.
func Diff(w io.Writer, files []fix.File) error {
	for _, file := range files {
		text := diff.Diff("a/"+file.Path, file.Before, "b/"+file.Path, file.After)
		_, text, _ = bytes.Cut(text, []byte("\n")) // The first line is not part of a unified diff.
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// Unfixed writes a line for each finding without a fix, and for each failure.
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

// Fixes writes a line for each place that a fix has edited, in the files that were written.
func Fixes(w io.Writer, report *check.Report, written func(path string) bool) error {
	for _, f := range report.Findings {
		if f.Fix == nil {
			continue
		}
		var places []string
		for _, edit := range f.Fix.Edits {
			at := edit.Location.String()
			if !written(edit.Path) || slices.Contains(places, at) {
				continue
			}
			places = append(places, at)
			if _, err := fmt.Fprintf(w, "fixed: %s: %s [%s]\n", at, f.Fix.Message, f.Rule); err != nil {
				return err
			}
		}
	}
	return nil
}
