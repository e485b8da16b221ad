package scan

import (
	"context"
	"fmt"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// oneOf chooses one of the sources that were found at a path, whose name in the tree is name:
//   - The chart or kustomization, if there is one, or if it is at the path itself. A chart is rendered with its
//     defaults, and not with the values of an environment.
//   - All manifests as one source, if there is neither a chart nor a kustomization.
//   - For a single file with objects that declare sources, such as an Application, the declared sources. They may be
//     several.
//
// Otherwise the error is a *SeveralError, without the paths that the user typed.
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

// declaredIn returns the sources that objects in a manifest declare. If a declared source is skipped, the error says
// why.
func (w *Workspace) declaredIn(ctx context.Context, manifest []render.Source) ([]render.Source, error) {
	sources := slices.DeleteFunc(w.Declared(ctx, manifest), func(s render.Source) bool { return s.ID().Environment == "" })
	for _, source := range sources {
		if u, ok := source.(render.Unrendered); ok && u.Skip != nil {
			return nil, &yamldoc.Error{
				Location: yamldoc.Location{Path: u.As.Path},
				Err:      fmt.Errorf("%s: %w", u.As.Environment, u.Skip),
			}
		}
	}
	return sources, nil
}
