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

// Opened is a workspace with the paths that a user typed.
type Opened struct {
	*Workspace
	Work *tree.Work
	// typed are the paths on disk as they were typed, and names the same as paths of the tree.
	typed, names []string
	stdin        []render.Source
}

// Open returns the workspace around paths on disk. work and names come from tree.OpenWork for the typed paths. stdin are
// manifests beside the paths, or nil.
func Open(work *tree.Work, typed, names []string, stdin []byte, config Config) *Opened {
	config.Tree = work.Files
	o := &Opened{Workspace: New(config), Work: work, typed: typed, names: names}
	if stdin != nil {
		o.stdin = []render.Source{raw.Source{Path: stdinPath, Manifests: []render.File{{Path: stdinPath, Data: stdin}}}}
	}
	return o
}

// Selected returns the sources for the paths: see Select. Standard input is a source of its own.
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

// One returns the one source for the first path: the chart with its defaults or the kustomization, or else all manifests as
// one source. For a single manifest with objects that declare sources, it returns these. The error is a *SeveralError if
// there are several charts or kustomizations and none stands at the path itself, and a *NothingError if there is no source.
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

// WhyNothing returns the error for sources among which there is nothing to check. If a file is not YAML, its error says more
// than a *NothingError.
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

// asTyped names in an error the path as it was typed.
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

// NothingError is the error for paths that hold nothing that could be deployed.
type NothingError struct{ Paths []string }

// Error implements error.
func (e *NothingError) Error() string {
	return "nothing to check in " + strings.Join(e.Paths, ", ") + ": no chart, no kustomization, no Kubernetes object"
}

// SeveralError is the error for a path that stands for several sources where one is wanted.
type SeveralError struct {
	// Path is the path as it was typed, and Instead what to type for First.
	Path, Instead string
	// Count is the number of sources, in which each manifest counts. First is the first that is not a manifest.
	Count int
	First render.ID
}

// Error implements error.
func (e *SeveralError) Error() string {
	return fmt.Sprintf("%s holds %d sources, expected one", e.Path, e.Count)
}
