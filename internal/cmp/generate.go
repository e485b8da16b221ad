package cmp

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Generation is one request of Argo CD to the plugin: to generate the manifests of a source.
type Generation struct {
	// Mode and FailOn are what the Application sets, or the defaults.
	Mode   Mode
	FailOn check.Severity

	work      *tree.Work
	workspace *scan.Workspace
	app       argocd.App
	source    argocd.Source
}

// ParameterError is an error in the parameters of the plugin.
type ParameterError struct{ Err error }

// Error implements error.
func (e *ParameterError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ParameterError) Unwrap() error { return e.Err }

// Open reads the request from Argo CD's environment, which is config.Env. dir is the working directory, which is the path of
// the source in its repository; the repository may have no .git. config says all else of the workspace but the tree.
func Open(dir string, config scan.Config) (*Generation, error) {
	environment, err := ReadEnvironment(config.Env)
	if err != nil {
		return nil, &ParameterError{err}
	}
	work, err := openRepository(dir, environment.Path)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(work.Root, work.Dir)
	if err != nil {
		return nil, err
	}
	config.Tree = work.Files
	g := &Generation{work: work, workspace: scan.New(config), app: environment.App}
	engines := g.workspace.ArgoCD()
	g.app.Helm, g.app.Kustomize = engines.Helm, engines.Kustomize
	g.source = argocd.Source{RepoURL: environment.RepoURL, Path: filepath.ToSlash(relative)}
	var rendering []argocd.PluginParameter
	if g.Mode, g.FailOn, rendering, err = ReadPolicy(environment.Parameters); err != nil {
		return nil, &ParameterError{err}
	}
	if len(environment.Parameters) == 0 {
		return g, nil
	}
	if g.source, err = WithParameters(work.Files, g.source, rendering); err != nil {
		return nil, &ParameterError{err}
	}
	return g, nil
}

// openRepository opens the repository of which a directory is the path of the source.
func openRepository(dir, sourcePath string) (*tree.Work, error) {
	work, _, err := tree.OpenWork(dir, nil)
	if err != nil {
		return nil, err
	}
	path := filepath.Clean(filepath.FromSlash(sourcePath))
	if root, ok := strings.CutSuffix(work.Dir, string(filepath.Separator)+path); ok {
		return tree.OpenRoot(root, work.Dir)
	}
	return work, nil
}

// Announce returns the parameters that the plugin accepts for the source.
func (g *Generation) Announce(ctx context.Context) ([]Announcement, error) {
	return Announce(ctx, g.work.Files, g.source.Path)
}

// Output is what a source generates.
type Output struct {
	// Path is the path of the source.
	Path string
	// Text has the manifests as a whole, or nothing: Argo CD deletes the objects of an application that renders to nothing.
	// In mode mutate, findings are corrected in it.
	Text []byte
	// Skip says why there are no manifests, where that is no fault.
	Skip *render.Skip
	// Report has the findings that remain.
	Report *check.Report
	// Corrected are the findings that are corrected in Text.
	Corrected []check.Finding
}

// Run renders and checks the source. The error is a *yamldoc.Error where the place of the fault is known.
func (g *Generation) Run(ctx context.Context) (*Output, error) {
	source, err := g.app.Resolve(g.work.Files, g.source)
	if err != nil {
		return nil, err
	}
	output := &Output{Path: source.ID().Path}
	result := g.workspace.Scan(ctx, []render.Source{source}, scan.Options{
		Jobs: 1, Prove: scan.ProveInSources,
		Rendered: func(_ int, result *render.Result) error {
			output.Text, output.Skip = result.Text, result.Skip
			return g.orphan(source, result)
		},
	})
	output.Report = result.Report
	if len(output.Report.Failures) > 0 {
		f := output.Report.Failures[0]
		return nil, &yamldoc.Error{Location: f.Location, Err: errors.New(f.Message), Hint: f.Hint}
	}
	if g.Mode == Mutate && len(bytes.TrimSpace(output.Text)) > 0 {
		output.correct(ctx)
	}
	return output, ctx.Err()
}

// orphan returns the error for a document in a file of a directory that has a kind and no apiVersion, or the reverse. Argo CD
// would prune the object that the document was before.
func (g *Generation) orphan(source render.Source, result *render.Result) error {
	if source.ID().Kind != render.Raw {
		return nil
	}
	for _, file := range source.Files() {
		if slices.ContainsFunc(result.Documents, func(d render.Document) bool { return d.Path == file.Path }) {
			continue
		}
		data, err := file.Read(g.work.Files)
		if err != nil {
			return err
		}
		documents, err := yamldoc.Parse(data)
		if err != nil {
			return yamldoc.ParseError(file.Path, data, err)
		}
		for _, document := range documents {
			if (yamldoc.Scalar(document, "kind") == "") != (yamldoc.Scalar(document, "apiVersion") == "") {
				return &yamldoc.Error{
					Location: yamldoc.Location{Path: file.Path, Line: document.Line},
					Err:      errors.New("an object has an apiVersion and a kind, and here is one of them"),
					Hint:     "write the other, or leave the file out with the parameter exclude",
				}
			}
		}
	}
	return nil
}

// container names a container in the manifests.
type container struct{ apiVersion, kind, namespace, name, field string }

func containerOf(a check.Affected) container {
	return container{a.APIVersion, a.Kind, a.Namespace, a.Name, a.Field}
}

// correct corrects findings in the text. Findings that are suppressed stay as they are, and findings that cannot be corrected
// stay in the report.
func (o *Output) correct(ctx context.Context) {
	suppressed, corrected := map[container]bool{}, map[container]bool{}
	for _, s := range o.Report.Suppressed {
		for _, a := range s.Finding.Affected {
			suppressed[containerOf(a)] = true
		}
	}
	result, text := scan.Manifests(ctx, o.Text, scan.Options{
		Prove: scan.ProveInSources, Suppressed: func(a check.Affected) bool { return suppressed[containerOf(a)] },
	})
	o.Text = text
	for _, f := range result.Findings {
		if f.Fix == nil {
			continue
		}
		o.Corrected = append(o.Corrected, f)
		for _, a := range f.Affected {
			corrected[containerOf(a)] = true
		}
	}
	o.Report.Findings = slices.DeleteFunc(o.Report.Findings, func(f check.Finding) bool {
		return !slices.ContainsFunc(f.Affected, func(a check.Affected) bool { return !corrected[containerOf(a)] })
	})
}
