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
	// Mode and FailOn are the parameters mode and failOn of the Application, or their defaults (see Policy). A caller may
	// set them to what the operator of Argo CD demands.
	Mode   Mode
	FailOn check.Severity

	work      *tree.Work
	workspace *scan.Workspace
	app       argocd.App
	source    argocd.Source
}

// ParameterError is an error in the parameters of the plugin, which the author of the Application can correct.
type ParameterError struct{ Err error }

// Error implements error.
func (e *ParameterError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ParameterError) Unwrap() error { return e.Err }

// Open reads a request. config.Env has the environment variables of Argo CD, and dir is the working directory, which
// Argo CD sets to the path of the source. Open finds the root of the repository itself and sets config.Tree; Argo CD's
// copy of the repository may have no .git. The error is a *ParameterError for a fault in the parameters.
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

// openRepository opens the repository around dir. If dir ends with the path of the source, the rest of dir is the root
// of the repository; otherwise tree.OpenWork finds the root.
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

// Announce returns the parameters that the plugin accepts for the source: see the function Announce.
func (g *Generation) Announce(ctx context.Context) ([]Announcement, error) {
	return Announce(ctx, g.work.Files, g.source.Path)
}

// Output is the result of a Generation.
type Output struct {
	// Path is the path of the source.
	Path string
	// Text has all manifests of the source. It is never a part of them, because Argo CD prunes objects that are not in
	// the output. In mode mutate, findings are corrected in it.
	Text []byte
	// Skip says why there are no manifests although nothing is wrong; otherwise it is nil.
	Skip *render.Skip
	// Report has the findings, without the corrected findings.
	Report *check.Report
	// Corrected are the findings that are corrected in Text.
	Corrected []check.Finding
}

// Run renders and checks the source, and in mode mutate corrects the manifests. It does not apply FailOn: the caller
// decides whether to print the output. The error is a *yamldoc.Error where the location of the fault is known.
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
			if result.Rest != nil {
				return result.Rest
			}
			return g.checkPartialObjects(source, result)
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

// checkPartialObjects returns an error for a document in a directory of manifests that has a kind and no apiVersion, or
// the reverse. The engine leaves out a file of such documents, and Argo CD would prune the object that the document was
// before.
func (g *Generation) checkPartialObjects(source render.Source, result *render.Result) error {
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

// container identifies a container, by its object and field.
type container struct{ apiVersion, kind, namespace, name, field string }

// containerOf returns the container of an affected field.
func containerOf(a check.Affected) container {
	return container{a.APIVersion, a.Kind, a.Namespace, a.Name, a.Field}
}

// correct corrects the findings in the text: it checks the text as standard input, and applies the proven fixes. It
// moves the corrected findings from Report to Corrected. It does not correct containers with a suppressed finding, and
// a finding without a proven fix stays in the report.
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
