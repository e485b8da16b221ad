package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Opened is a workspace with the paths that a user typed. Its errors name paths as the user typed them.
type Opened struct {
	*Workspace
	// Work is the directory on disk from which the tree of the workspace is read.
	Work *tree.Work
	// typed are the paths on disk as the user typed them, and names are the same paths in the tree.
	typed, names []string
	// stdin is the source of the manifests on standard input; empty if the user did not name it.
	stdin []render.Source
}

// Open returns the workspace around paths on disk. work and names come from tree.OpenWork for the typed paths. stdin
// is the content of standard input if it is to be checked as well, and nil otherwise. config.Tree is replaced.
func Open(work *tree.Work, typed, names []string, stdin []byte, config Config) *Opened {
	config.Tree = work.Files
	o := &Opened{Workspace: New(config), Work: work, typed: typed, names: names}
	if stdin != nil {
		o.stdin = []render.Source{raw.Source{Path: stdinPath, Manifests: []render.File{{Path: stdinPath, Data: stdin}}}}
	}
	return o
}

// Selected returns the sources for the paths: see Select. Standard input comes first, as a source of its own.
func (o *Opened) Selected(ctx context.Context) ([]render.Source, error) {
	if len(o.names) == 0 {
		return o.stdin, nil
	}
	sources, err := o.Select(ctx, o.names)
	if err != nil {
		return nil, o.asTyped(err)
	}
	return slices.Concat(o.stdin, sources), nil
}

// Directories returns the paths in the tree if all of them are directories, and otherwise nil.
func (o *Opened) Directories() []string {
	for _, name := range o.names {
		if !tree.IsDirectory(o.tree, name) {
			return nil
		}
	}
	return o.names
}

// Names returns the paths in the tree. It is empty if the user named only standard input.
func (o *Opened) Names() []string { return append([]string{}, o.names...) }

// One returns the source at the first path, for commands that render one source. That is the chart with its defaults,
// or the kustomization, or all manifests as one source. For a single file with objects that declare sources, such as
// an Application, it returns the declared sources. The error is a *SeveralError if there are several charts or
// kustomizations below the path and none at the path itself, and a *NothingError if there is no source.
func (o *Opened) One(ctx context.Context) ([]render.Source, error) {
	if len(o.names) == 0 {
		return o.oneOf(ctx, o.stdin, stdinPath)
	}
	found, err := o.Find(ctx, o.names[0])
	if err != nil {
		return nil, o.asTyped(err)
	}
	if len(found) == 0 {
		return nil, &NothingError{Paths: o.typed[:1]}
	}
	sources, err := o.oneOf(ctx, found, o.names[0])
	if several := (*SeveralError)(nil); errors.As(err, &several) {
		several.Path, several.Instead = o.typed[0], o.Work.Typed(several.First.Path)
	}
	return sources, err
}

// WhyNothing returns the error for sources in which there is no Kubernetes object to check. If a file is not YAML, the
// error is that of the parser, because it says more than a *NothingError.
func (o *Opened) WhyNothing(sources []render.Source) error {
	for _, source := range sources {
		for _, file := range source.Files() {
			data, err := file.Read(o.tree)
			if err != nil {
				return err
			}
			if _, err := yamldoc.Parse(data); err != nil {
				return yamldoc.ParseError(file.Path, data, err)
			}
		}
	}
	if len(o.names) == 0 {
		return &NothingError{Paths: []string{stdinPath}}
	}
	return &NothingError{Paths: o.typed}
}

// asTyped replaces the path of the tree in an error by the path that the user typed.
func (o *Opened) asTyped(err error) error {
	nothing, missing := (*NothingError)(nil), (*fs.PathError)(nil)
	for i, name := range o.names {
		switch {
		case errors.As(err, &nothing) && slices.Equal(nothing.Paths, []string{name}):
			return &NothingError{Paths: o.typed[i : i+1]}
		case errors.As(err, &missing) && missing.Path == name:
			return fmt.Errorf("%s: %w", o.typed[i], err)
		}
	}
	return err
}

// NothingError is the error for paths without a chart, a kustomization and a Kubernetes object.
type NothingError struct {
	// Paths are the paths without a source: as the user typed them if Opened returns the error, and paths of the tree if
	// Workspace does.
	Paths []string
}

// Error implements error.
func (e *NothingError) Error() string {
	return "nothing to check in " + strings.Join(e.Paths, ", ") + ": no chart, no kustomization, no Kubernetes object"
}

// SeveralError is the error for a path that holds several sources, for commands that need one.
type SeveralError struct {
	// Path is the path as the user typed it. Instead is a path that the user could type for one source: First.
	Path, Instead string
	// Count is the number of sources, where each manifest counts as one. First is the first chart or kustomization.
	Count int
	First render.ID
}

// Error implements error.
func (e *SeveralError) Error() string {
	return fmt.Sprintf("%s holds %d sources, expected one", e.Path, e.Count)
}
