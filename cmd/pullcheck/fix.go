package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
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

// writeFixes writes the proven fixes and says which. A file that cannot be written keeps its findings, and is an error
// when all others are written.
func writeFixes(ctx context.Context, c *Command, work *tree.Work, files []fix.File, report *check.Report) error {
	changed := uncommitted(ctx, work, files)
	failed := map[string]bool{}
	var failures []error
	for _, file := range files {
		if err := rewrite(work, file); err != nil {
			failed[file.Path] = true
			failures = append(failures, err)
		} else if changed[file.Path] {
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

// uncommitted are the files that differ from the last commit, where there is a git to say so.
func uncommitted(ctx context.Context, work *tree.Work, files []fix.File) map[string]bool {
	changed := map[string]bool{}
	if len(files) == 0 {
		return changed
	}
	args := []string{"--literal-pathspecs", "-C", work.Root, "status", "--porcelain", "-z", "--no-renames", "--ignored", "--"}
	for _, file := range files {
		args = append(args, file.Path)
	}
	output, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return changed // There is no git, or no repository or commit.
	}
	const status = "XY "
	for _, entry := range strings.Split(string(output), "\x00") {
		if len(entry) > len(status) {
			changed[entry[len(status):]] = true
		}
	}
	return changed
}

// rewrite writes a file. Whoever reads it sees the file as it was or as it is after all fixes, also when the program
// is killed. It is not written if it is no longer what the fixes were proven for.
func rewrite(work *tree.Work, file fix.File) error {
	name := filepath.Join(work.Root, filepath.FromSlash(file.Path))
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	if real != name {
		return fmt.Errorf("%s: a symbolic link leads there, which is not written through", file.Path)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, file.Before) {
		return fmt.Errorf("%s has changed since it was read: run pullcheck again", file.Path)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".pullcheck-*")
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	defer os.Remove(temporary.Name()) // Nothing is there after the rename.
	_, err = temporary.Write(file.After)
	if err == nil {
		err = temporary.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = keepOwner(temporary, info)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	return os.Rename(temporary.Name(), name)
}
