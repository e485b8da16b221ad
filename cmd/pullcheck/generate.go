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
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
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
		return exitClean, writePlugin(c.Stdout)
	case flags.Changed("print-sidecar"):
		return exitClean, writeSidecar(c.Stdout, sidecar)
	}
	g, err := newGeneration()
	if err != nil {
		return 0, err
	}
	if announce {
		announced, err := argocd.Announce(ctx, g.tree.files, g.source.Path)
		if err != nil {
			return 0, err
		}
		return exitClean, json.NewEncoder(c.Stdout).Encode(announced)
	}
	return g.run(ctx, c)
}

// The modes of generation.
const (
	modeEnforce = "enforce" // findings are a failure
	modeWarn    = "warn"    // findings are reported
	modeMutate  = "mutate"  // findings are corrected in the manifests
)

// generation is what Argo CD asks the plugin for.
type generation struct {
	tree   *workTree
	app    argocd.App
	source argocd.Source
	mode   string
	failOn check.Severity
}

// newGeneration reads Argo CD's environment (reposerver/repository/repository.go, newEnv and getPluginEnvs).
func newGeneration() (*generation, error) {
	g := &generation{mode: modeEnforce, failOn: check.SeverityWarning}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	// The tree is the repository, of which the working directory is the path of the source. It may have no .git.
	root := treeRoot(dir, dir)
	path := filepath.Clean(filepath.FromSlash(os.Getenv("ARGOCD_APP_SOURCE_PATH")))
	if above, ok := strings.CutSuffix(dir, string(filepath.Separator)+path); ok {
		root = above
	}
	opened, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	g.tree = &workTree{files: opened.FS(), root: root, dir: dir}
	relative, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	name := os.Getenv("ARGOCD_APP_NAME")
	if _, withoutNamespace, ok := strings.Cut(name, "_"); ok { // util/argo/argo.go, ParseInstanceName
		name = withoutNamespace
	}
	g.app = argocd.App{
		Name: name, Namespace: os.Getenv("ARGOCD_APP_NAMESPACE"), KubeVersion: os.Getenv("KUBE_VERSION"),
		Env: map[string]string{}, Ours: func(string) bool { return true },
	}
	if versions := os.Getenv("KUBE_API_VERSIONS"); versions != "" {
		g.app.APIVersions = strings.Split(versions, ",")
	}
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ARGOCD_APP_") {
			g.app.Env[name] = value
		}
	}
	g.source = argocd.Source{RepoURL: os.Getenv("ARGOCD_APP_SOURCE_REPO_URL"), Path: filepath.ToSlash(relative)}
	return g, g.readParameters(os.Getenv("ARGOCD_APP_PARAMETERS"))
}

// readParameters reads what the Application sets.
func (g *generation) readParameters(text string) error {
	const hint = "mend spec.source.plugin.parameters of the Application; pullcheck generate --parameters lists those for this path"
	if text == "" {
		return nil
	}
	var given []argocd.PluginParameter
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return usagef(hint, "ARGOCD_APP_PARAMETERS: %w", err)
	}
	policy, given, err := argocd.SplitPolicy(given)
	if err != nil {
		return usagef(hint, "%w", err)
	}
	for name, value := range policy {
		if err := g.set(name, value); err != nil {
			return usagef(hint, "parameter %s: %w", name, err)
		}
	}
	if g.source, err = g.source.WithParameters(g.tree.files, given); err != nil {
		return usagef(hint, "%w", err)
	}
	return nil
}

func (g *generation) set(name, value string) (err error) {
	if name == "failOn" {
		g.failOn, err = check.ParseSeverity(value)
		return err
	}
	if !slices.Contains([]string{modeEnforce, modeWarn, modeMutate}, value) {
		return fmt.Errorf("%q, expected %s, %s or %s", value, modeEnforce, modeWarn, modeMutate)
	}
	g.mode = value
	return nil
}

// run renders and checks, and prints the manifests as a whole: an empty output makes Argo CD delete what is there.
func (g *generation) run(ctx context.Context, c *Command) (int, error) {
	source, err := g.app.Resolve(g.tree.files, g.source)
	if err != nil {
		return 0, err
	}
	engines := enginesWith(os.TempDir(), false) // The user of a sidecar may have no home.
	recorded := &recorded{reads: map[render.SourceID][]string{}}
	result, err := recorded.engines(engines)[source.Kind].Render(ctx, g.tree.files, source)
	if err != nil {
		return 0, err
	}
	if err := unread(g.tree, source, result); err != nil {
		return 0, err
	}
	text := result.Text
	if len(bytes.TrimSpace(text)) == 0 {
		fmt.Fprintf(c.Stdout, "# pullcheck: %s renders no manifests%s\n", report.Line(source.Path), because(result.Nothing))
		return exitClean, nil
	}
	found, err := g.check(ctx, engines, source, result, recorded)
	if err != nil {
		return 0, err
	}
	if g.mode == modeMutate {
		text = correct(ctx, c, text, found)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := report.Short(c.Stderr, found); err != nil {
		return 0, err
	}
	if code := exitCode(found, g.failOn); code == exitFailures || code != exitClean && g.mode != modeWarn {
		fmt.Fprintf(c.Stderr, "pullcheck: this stops the sync: mode is %s, failOn %s\n", g.mode, g.failOn)
		return code, nil
	}
	_, err = c.Stdout.Write(text)
	return exitClean, err
}

// unread is the error for a file of a directory that has an object which is none, for want of an apiVersion or a kind: Argo CD
// would prune what it was before.
func unread(tree *workTree, source render.Source, result *render.Result) error {
	for _, file := range source.Files {
		if slices.ContainsFunc(result.Documents, func(d render.Document) bool { return d.Path == file.Path }) {
			continue
		}
		data, err := file.Read(tree.files)
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
	result, manifests := hook{mutate: true, exempt: func(a check.Affected) bool { return kept[containerOf(a)] }}.check(ctx, c, manifests)
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

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + report.Line(reason)
}

// check checks what a source was rendered to, and proves fixes for it.
func (g *generation) check(ctx context.Context, engines map[render.Kind]render.Engine, source render.Source, result *render.Result, recorded *recorded) (*check.Report, error) {
	manifests, err := result.Manifests(check.MayHoldContainers)
	if err != nil {
		return nil, err
	}
	hits, _ := check.Run(source, manifests)
	traced := decide(ctx, g.tree.files, engines, source, hits)
	found := check.NewReport(hits, nil, nil)
	if len(found.Findings) > 0 {
		rendered := fix.Rendered{Source: source, Reads: recorded.of(source), Before: fix.NewSnapshot(result)}
		rendered.Candidates = fix.Candidates(g.tree.files, source, traced, hits)
		fix.Prove(ctx, g.tree.files, engines, []fix.Rendered{rendered}, fix.Options{Jobs: 1, HandsOn: argocd.HandsOn}, found)
	}
	return found, nil
}
