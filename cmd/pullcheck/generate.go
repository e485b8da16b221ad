package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/internal/cmp"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// runGenerate is the config management plugin of Argo CD: it prints the manifests of the working directory, or none.
func runGenerate(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("generate")
	var announce, printPlugin bool
	var sidecar string
	flags.BoolVar(&announce, "parameters", false, "print the parameters that the plugin takes for the working directory, as Argo CD asks for them")
	flags.BoolVar(&printPlugin, "print-plugin", false, "print the plugin.yaml for the sidecar")
	flags.StringVar(&sidecar, "print-sidecar", "", "print what adds the sidecar to Argo CD's repo-server, in a `form`: kustomize or helm")
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck render "+flags.Arg(0), "generate reads Argo CD's environment and takes no argument, found %q", flags.Arg(0))
	}
	switch {
	case printPlugin:
		return exitClean, cmp.WritePlugin(c.Stdout)
	case flags.Changed("print-sidecar"):
		if err := cmp.WriteSidecar(c.Stdout, sidecar); err != nil {
			return 0, usagef("pullcheck generate --print-sidecar kustomize", "--print-sidecar %w", err)
		}
		return exitClean, nil
	}
	g, err := newGeneration(c)
	if err != nil {
		return 0, err
	}
	if announce {
		announced, err := cmp.Announce(ctx, g.work.Files, g.source.Path)
		if err != nil {
			return 0, err
		}
		return exitClean, json.NewEncoder(c.Stdout).Encode(announced)
	}
	return g.run(ctx, c)
}

// generation is what Argo CD asks the plugin for.
type generation struct {
	work      *tree.Work
	workspace *scan.Workspace
	app       argocd.App
	source    argocd.Source
	mode      cmp.Mode
	failOn    check.Severity
}

// newGeneration reads Argo CD's environment.
func newGeneration(c *Command) (*generation, error) {
	const hint = "mend spec.source.plugin.parameters of the Application; pullcheck generate --parameters lists those for this path"
	environment, err := cmp.ReadEnvironment(c.Env)
	if err != nil {
		return nil, usagef(hint, "%w", err)
	}
	work, err := openAppSource(c, environment.Path)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(work.Root, work.Dir)
	if err != nil {
		return nil, err
	}
	// The user of a sidecar may have no home.
	workspace := scan.New(scan.Config{Tree: work.Files, Credentials: c.credentials(), CacheDir: os.TempDir(), Env: c.Env})
	g := &generation{work: work, workspace: workspace, app: environment.App}
	engines := g.workspace.ArgoCD()
	g.app.Helm, g.app.Kustomize = engines.Helm, engines.Kustomize
	g.source = argocd.Source{RepoURL: environment.RepoURL, Path: filepath.ToSlash(relative)}
	var rendering []argocd.PluginParameter
	if g.mode, g.failOn, rendering, err = cmp.ReadPolicy(environment.Parameters); err != nil {
		return nil, usagef(hint, "%w", err)
	}
	if len(environment.Parameters) == 0 {
		return g, nil
	}
	if g.source, err = cmp.WithParameters(work.Files, g.source, rendering); err != nil {
		return nil, usagef(hint, "%w", err)
	}
	return g, nil
}

// openAppSource opens the repository of which the working directory is the path of the source. It may have no .git.
func openAppSource(c *Command, sourcePath string) (*tree.Work, error) {
	work, _, err := tree.OpenWork(c.Dir, nil)
	if err != nil {
		return nil, err
	}
	path := filepath.Clean(filepath.FromSlash(sourcePath))
	if root, ok := strings.CutSuffix(work.Dir, string(filepath.Separator)+path); ok {
		return tree.OpenRoot(root, work.Dir)
	}
	return work, nil
}

// run renders and checks, and prints the manifests as a whole: an empty output makes Argo CD delete what is there.
func (g *generation) run(ctx context.Context, c *Command) (int, error) {
	source, err := g.app.Resolve(g.work.Files, g.source)
	if err != nil {
		return 0, err
	}
	var rendered *render.Result
	result := g.workspace.Scan(ctx, []render.Source{source}, scan.Options{
		Jobs: 1, Prove: scan.ProveInSources,
		Rendered: func(_ int, result *render.Result) error {
			rendered = result
			return g.orphan(source, result)
		},
	})
	found := result.Report
	if len(found.Failures) > 0 {
		f := found.Failures[0]
		return 0, &yamldoc.Error{Location: f.Location, Err: errors.New(f.Message), Hint: f.Hint}
	}
	text := rendered.Text
	if len(bytes.TrimSpace(text)) == 0 {
		fmt.Fprintf(c.Stdout, "# pullcheck: %s renders no manifests%s\n", report.Line(source.ID().Path), because(rendered.Skip))
		return exitClean, nil
	}
	if g.mode == cmp.Mutate {
		text = correct(ctx, c, text, found)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := report.Short(c.Stderr, found); err != nil {
		return 0, err
	}
	if code := exitCode(found, g.failOn); code == exitFailures || code != exitClean && g.mode != cmp.Warn {
		fmt.Fprintf(c.Stderr, "pullcheck: this stops the sync: mode is %s, failOn %s\n", g.mode, g.failOn)
		return code, nil
	}
	_, err = c.Stdout.Write(text)
	return exitClean, err
}

// orphan returns the error for a document in a file of a directory that has a kind and no apiVersion, or the reverse. Argo CD
// would prune the object that the document was before.
func (g *generation) orphan(source render.Source, result *render.Result) error {
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

// correct returns the manifests with the findings corrected, but for what is kept on purpose, and leaves those in the report that
// cannot be.
func correct(ctx context.Context, c *Command, manifests []byte, found *check.Report) []byte {
	kept, corrected := map[container]bool{}, map[container]bool{}
	for _, s := range found.Suppressed {
		for _, a := range s.Finding.Affected {
			kept[containerOf(a)] = true
		}
	}
	result, manifests := hook{mutate: true, exempt: func(a check.Affected) bool { return kept[containerOf(a)] }}.check(ctx, manifests)
	for _, f := range result.Findings {
		if f.Fix == nil {
			continue
		}
		for _, a := range f.Affected {
			corrected[containerOf(a)] = true
			fmt.Fprintf(c.Stderr, "corrected: %s [%s]\n", report.Line(a.Kind+"/"+a.Name+": "+a.Container), f.Rule)
		}
	}
	found.Findings = slices.DeleteFunc(found.Findings, func(f check.Finding) bool {
		return !slices.ContainsFunc(f.Affected, func(a check.Affected) bool { return !corrected[containerOf(a)] })
	})
	return manifests
}

func because(skip *render.Skip) string {
	if skip == nil {
		return ""
	}
	return ": " + report.Line(skip.Reason)
}
