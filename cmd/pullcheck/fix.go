package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render/tree"
)

// writeFixes writes the proven fixes to the working tree, and prints a line for each of them on standard error. Each
// file is replaced as a whole. If a file cannot be written, all other files are written nevertheless, and the error
// names the file. It warns about files with uncommitted changes, because `git checkout` would then undo more than the
// fix. steps are the operations on files, which tests make fail.
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
			fmt.Fprintf(c.Stderr, "pullcheck: %s had changes that are not committed; the fix was added to them\n", printable.Line(file.Path))
		}
	}
	if err := report.Fixes(c.Stderr, result, func(path string) bool { return !failed[path] }); err != nil {
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// dirtyFiles returns the files that differ from the last commit. It returns none if git cannot tell, because there is
// no git, no repository or no commit: that is no reason not to write fixes.
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
