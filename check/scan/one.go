package scan

import (
	"context"
	"fmt"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// oneOf returns, of the sources found at a path, the chart with its defaults or the kustomization, or else all manifests as one
// source. name is the path; it names the manifests. For a single manifest with objects that declare sources, it returns
// these. The error is a *SeveralError if there are several charts or kustomizations, and none stands at the path itself.
func (w *Workspace) oneOf(ctx context.Context, found []render.Source, name string) ([]render.Source, error) {
	if len(found) == 1 && found[0].ID().Kind == render.Raw {
		declared, err := w.declaredIn(ctx, found)
		if err != nil || len(declared) > 0 {
			return declared, err
		}
	}
	manifests := raw.Source{Path: name}
	var others []render.Source
	for _, source := range found {
		switch {
		case source.ID().Kind == render.Raw:
			manifests.Manifests = append(manifests.Manifests, source.Files()...)
		case source.ID().Environment == "":
			others = append(others, source)
		}
	}
	switch {
	case len(others) == 0:
		return []render.Source{manifests}, nil
	case len(others) == 1 && len(manifests.Manifests) == 0, name == others[0].ID().Path:
		return others[:1], nil
	}
	return nil, &SeveralError{Count: len(others) + len(manifests.Manifests), First: others[0].ID()}
}

// declaredIn returns the sources that objects in a manifest declare. If one of them is skipped, the error says why.
func (w *Workspace) declaredIn(ctx context.Context, manifest []render.Source) ([]render.Source, error) {
	sources := slices.DeleteFunc(w.Declared(ctx, manifest), func(s render.Source) bool { return s.ID().Environment == "" })
	for _, source := range sources {
		if u, ok := source.(render.Unrendered); ok && u.Skip != nil {
			return nil, &yamldoc.Error{Location: yamldoc.Location{Path: u.As.Path}, Err: fmt.Errorf("%s: %w", u.As.Environment, u.Skip)}
		}
	}
	return sources, nil
}
