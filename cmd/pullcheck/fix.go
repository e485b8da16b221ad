package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render/tree"
)

// writeFixes writes the proven fixes to the working tree and prints them. Where a file cannot be written, its findings
// stay; the error tells so after all other files are written.
func writeFixes(
	ctx context.Context, c *Command, work *tree.Work, steps tree.Steps, files []fix.File, result *check.Report,
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
	if err := report.Fixes(c.Stderr, result, func(path string) bool { return !failed[path] }); err != nil {
		failures = append(failures, err)
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
