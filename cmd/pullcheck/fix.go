package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
)

// recorded is which files each source was rendered from.
type recorded struct {
	mutex sync.Mutex
	reads map[render.SourceID][]string
}

func (r *recorded) of(source render.Source) []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.reads[source.ID()]
}

// engines are engines whose reads are recorded.
func (r *recorded) engines(engines map[render.Kind]render.Engine) map[render.Kind]render.Engine {
	recording := map[render.Kind]render.Engine{}
	for kind, engine := range engines {
		recording[kind] = recordingEngine{engine, r}
	}
	return recording
}

type recordingEngine struct {
	render.Engine
	to *recorded
}

// Render implements render.Engine.
func (e recordingEngine) Render(ctx context.Context, fsys fs.FS, source render.Source) (*render.Result, error) {
	recorder := tree.NewRecorder(fsys)
	result, err := e.Engine.Render(ctx, recorder, source)
	e.to.mutex.Lock()
	defer e.to.mutex.Unlock()
	e.to.reads[source.ID()] = recorder.Files()
	return result, err
}

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
			fmt.Fprintf(c.Stderr, "%s: %s: %s [%s]\n", f.Decision, f.Severity, f.Text(), f.Rule)
		}
	}
	for _, f := range report.Failures {
		fmt.Fprintf(c.Stderr, "pullcheck: %s: not checked: %s\n", f.Source, f.Message)
	}
	return nil
}

// writeFixes writes the proven fixes and says which. A file that cannot be written keeps its findings, and is an error
// when all others are written.
func writeFixes(c *Command, tree *workTree, files []fix.File, report *check.Report) error {
	changed := uncommitted(tree, files)
	failed := map[string]bool{}
	var failures []error
	for _, file := range files {
		if err := tree.rewrite(file); err != nil {
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
func uncommitted(tree *workTree, files []fix.File) map[string]bool {
	changed := map[string]bool{}
	if len(files) == 0 {
		return changed
	}
	args := []string{"--literal-pathspecs", "-C", tree.root, "status", "--porcelain", "-z", "--no-renames", "--ignored", "--"}
	for _, file := range files {
		args = append(args, file.Path)
	}
	output, err := exec.Command("git", args...).Output()
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
func (t *workTree) rewrite(file fix.File) error {
	name := filepath.Join(t.root, filepath.FromSlash(file.Path))
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
