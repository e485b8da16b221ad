package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/git"
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
	ctx context.Context, c *Command, tree *workTree, steps fileSteps, files []fix.File, report *check.Report,
) error {
	dirty := dirtyFiles(ctx, tree, files)
	failed := map[string]bool{}
	var failures []error
	for _, file := range files {
		if err := tree.rewrite(file, steps); err != nil {
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
func dirtyFiles(ctx context.Context, tree *workTree, files []fix.File) map[string]bool {
	if len(files) == 0 {
		return nil
	}
	repository, err := git.Open(ctx, tree.root, os.Environ())
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

// fileSteps are the steps of replacing a file that can fail. Tests make them fail.
type fileSteps struct {
	create func(dir, pattern string) (*os.File, error) // as os.CreateTemp
	write  func(*os.File, []byte) (int, error)
	rename func(from, to string) error
}

// disk has the true steps.
var disk = fileSteps{os.CreateTemp, (*os.File).Write, os.Rename}

// rewrite replaces a file of the tree by its fixed content, and keeps its mode and owner. At every moment, also when
// the program is killed, a reader sees the old content or the content with all fixes. A file whose content is no longer
// the content that the fixes were proven for is left alone, and so is a file behind a symbolic link.
func (t *workTree) rewrite(file fix.File, steps fileSteps) error {
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
	temporary, err := steps.create(filepath.Dir(name), ".pullcheck-*")
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	defer os.Remove(temporary.Name()) // After the rename there is nothing left to remove.
	_, err = steps.write(temporary, file.After)
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
	return steps.rename(temporary.Name(), name)
}
