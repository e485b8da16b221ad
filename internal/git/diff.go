package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// diff makes git show a diff as GitHub does, whatever the configuration says: renames from half of the content
// on, three lines around each change, and names as they stand from the top.
var diff = []string{
	"diff", "--patch", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index", "--find-renames=50%", "-l1000",
	"--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic",
	"--src-prefix=a/", "--dst-prefix=b/", "--no-relative", "-O" + os.DevNull,
	"--submodule=short", "--ignore-submodules=dirty", // also where .gitmodules wants to hide more
}

// Diff returns what changed from one revision to another. For a pull request these are the merge base and the head.
func (r *Repository) Diff(ctx context.Context, base, head string) (Files, error) {
	from, err := r.Resolve(ctx, base)
	if err != nil {
		return nil, err
	}
	to, err := r.Resolve(ctx, head)
	if err != nil {
		return nil, err
	}
	text, err := r.git(ctx, slices.Concat(diff, []string{from, to, "--"})...)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// DiffWorkingTree returns what changed from a revision to the files of the working tree, with those that git does not
// track, without those that it ignores. A repository inside that git does not track is an added submodule.
func (r *Repository) DiffWorkingTree(ctx context.Context, base string) (Files, error) {
	from, err := r.Resolve(ctx, base)
	if err != nil {
		return nil, err
	}
	untracked, err := r.list(ctx, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	var nested Files
	untracked = slices.DeleteFunc(untracked, func(name string) bool {
		repository, ok := strings.CutSuffix(name, "/")
		if ok {
			nested = append(nested, File{Path: repository, Status: Added, Submodule: true})
		}
		return ok
	})
	dir, err := os.MkdirTemp("", "pullcheck-index-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	index := filepath.Join(dir, "index")
	if err := r.indexWith(ctx, untracked, index); err != nil {
		return nil, fmt.Errorf("taking in the files that git does not track: %w", err)
	}
	text, err := r.gitWith(ctx, index, "", slices.Concat(diff, []string{from, "--"})...)
	if err != nil {
		return nil, err
	}
	files, err := Parse(text)
	if err != nil {
		return nil, err
	}
	files = append(files, nested...)
	files.sort()
	return files, nil
}

// indexWith makes a copy of the index that also has some files, so that git compares them and finds their renames, as
// after `git add --intent-to-add`. The content that stands in the copy for them is never looked at: they differ
// from it in their times.
func (r *Repository) indexWith(ctx context.Context, names []string, index string) error {
	if err := r.copyIndex(ctx, index); err != nil {
		return err
	}
	empty, err := r.git(ctx, "hash-object", "-t", "blob", "--stdin")
	if err != nil {
		return err
	}
	var entries strings.Builder
	for _, name := range names {
		fmt.Fprintf(&entries, "100644 %s\t%s\x00", strings.TrimSpace(empty), name)
	}
	_, err = r.gitWith(ctx, index, entries.String(), "update-index", "--add", "--replace", "-z", "--index-info")
	return err
}

// copyIndex copies the index with its time, by which git knows that a file written as late may have changed since.
func (r *Repository) copyIndex(ctx context.Context, index string) error {
	path, err := r.git(ctx, "rev-parse", "--git-path", "index")
	if err != nil {
		return err
	}
	path = strings.TrimSuffix(path, "\n")
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.root, path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Nothing was ever added.
	}
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(index, data, 0o600); err != nil {
		return err
	}
	return os.Chtimes(index, info.ModTime(), info.ModTime())
}

// gitWith runs git with another index.
func (r *Repository) gitWith(ctx context.Context, index, stdin string, args ...string) (string, error) {
	command := r.command(ctx, args...)
	command.Env = append(command.Env, "GIT_INDEX_FILE="+index)
	command.Stdin = strings.NewReader(stdin)
	return output(ctx, command)
}
