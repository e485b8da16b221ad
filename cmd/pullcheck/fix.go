package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/tree"
)

// printDiff prints the proven fixes as a unified diff that `git apply` and `patch -p1` take at the root of the tree,
// and on standard error what has no fix.
func printDiff(c *Command, files []fix.File, report *check.Report) error {
	for _, file := range files {
		text := diff.Diff("a/"+file.Path, file.Before, "b/"+file.Path, file.After)
		_, text, _ = bytes.Cut(text, []byte("\n")) // The first line is no part of a unified diff.
		if _, err := c.Stdout.Write(text); err != nil {
			return err
		}
	}
	for _, f := range report.Findings {
		if f.Fix == nil {
			fmt.Fprintf(c.Stderr, "%s: %s: %s [%s]\n", f.Decision, f.Severity, f.Message, f.Rule)
		}
	}
	for _, f := range report.Failures {
		fmt.Fprintf(c.Stderr, "pullcheck: %s: not checked: %s\n", f.Source, f.Message)
	}
	return nil
}

// writeFixes writes the proven fixes to the working tree and prints them. Where a file cannot be written, its findings
// stay; the error tells so after all other files are written.
func writeFixes(
	ctx context.Context, c *Command, work *tree.Work, steps tree.Steps, files []fix.File, report *check.Report,
) error {
	dirty := dirtyFiles(ctx, c, work, files)
	failed := map[string]bool{}
	var failures []error
	for _, file := range files {
		if err := work.Replace(file.Path, file.Before, file.After, steps); err != nil {
			failed[file.Path] = true
			failures = append(failures, err)
		} else if dirty[file.Path] {
			fmt.Fprintf(c.Stderr, "pullcheck: %s had changes that are not committed; the fix was added to them\n", file.Path)
		}
	}
	for _, f := range report.Findings {
		if f.Fix == nil {
			continue
		}
		var places []string
		for _, edit := range f.Fix.Edits {
			if at := edit.Location.String(); !failed[edit.Path] && !slices.Contains(places, at) {
				places = append(places, at)
				fmt.Fprintf(c.Stderr, "fixed: %s: %s [%s]\n", at, f.Fix.Message, f.Rule)
			}
		}
	}
	return errors.Join(failures...)
}

// dirtyFiles returns which files differ from the last commit; none where git cannot tell: without git, a repository or
// a commit.
func dirtyFiles(ctx context.Context, c *Command, work *tree.Work, files []fix.File) map[string]bool {
	if len(files) == 0 {
		return nil
	}
	repository, err := git.Open(ctx, work.Root, c.Env)
	if err != nil {
		return nil
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Path)
	}
	dirty, err := repository.Uncommitted(ctx, names)
	if err != nil {
		return nil
	}
	return dirty
}
