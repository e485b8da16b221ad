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

// diff makes git show a diff as GitHub does, whatever the configuration says: files that are half the same are renamed,
// three unchanged lines stand around each change, and names are relative to the top of the repository.
var diff = []string{
	"diff", "--patch", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index", "--find-renames=50%", "-l1000",
	"--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic",
	"--src-prefix=a/", "--dst-prefix=b/", "--no-relative", "-O" + os.DevNull,
	"--submodule=short", "--ignore-submodules=dirty", // else .gitmodules could hide changes of submodules
}

// Diff returns the files that changed from one revision to another. For a pull request, these are the merge base and
// the head, and not the base: GitHub shows the same diff.
func (r *Repository) Diff(ctx context.Context, base, head string) (Files, error) {
	from, err := r.Resolve(ctx, base)
	if err != nil {
		return nil, err
	}
	to, err := r.Resolve(ctx, head)
	if err != nil {
		return nil, err
	}
	text, err := r.output(ctx, slices.Concat(diff, []string{from, to, "--"})...)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// DiffWorkingTree returns the files that changed from a revision to the working tree. Untracked files are added files,
// and ignored files are left out. An untracked repository inside of this one is an added submodule.
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
	text, err := r.outputWith(ctx, index, "", slices.Concat(diff, []string{from, "--"})...)
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

// indexWith copies the index and adds some files to the copy, so that git compares them and finds their renames, as
// after `git add --intent-to-add`. The entries of the files name an empty blob. Git does not trust an entry whose times
// differ from those of the file, and reads the file.
func (r *Repository) indexWith(ctx context.Context, names []string, index string) error {
	if err := r.copyIndex(ctx, index); err != nil {
		return err
	}
	empty, err := r.output(ctx, "hash-object", "-t", "blob", "--stdin")
	if err != nil {
		return err
	}
	var entries strings.Builder
	for _, name := range names {
		fmt.Fprintf(&entries, "100644 %s\t%s\x00", strings.TrimSpace(empty), name)
	}
	_, err = r.outputWith(ctx, index, entries.String(), "update-index", "--add", "--replace", "-z", "--index-info")
	return err
}

// copyIndex copies the index with its modification time: git reads a file anew that was written at that time or later.
func (r *Repository) copyIndex(ctx context.Context, index string) error {
	path, err := r.output(ctx, "rev-parse", "--git-path", "index")
	if err != nil {
		return err
	}
	path = strings.TrimSuffix(path, "\n")
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The repository has no index until the first git add.
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

// outputWith runs git with an index in a file of its own, and with text as its standard input.
func (r *Repository) outputWith(ctx context.Context, index, stdin string, args ...string) (string, error) {
	command := r.command(ctx, args...)
	command.Env = append(command.Env, "GIT_INDEX_FILE="+index)
	command.Stdin = strings.NewReader(stdin)
	return output(ctx, command)
}
