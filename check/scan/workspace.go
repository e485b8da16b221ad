// Package scan is the pipeline of pullcheck, for the program and for any other Go program: files → sources → manifests →
// findings → report.
//
// A Workspace holds a tree, the engines with their caches, and the sources, which are found once. Scan checks sources in
// these steps, one after the other:
//
//  1. Affected: with a Baseline, sources that no changed file can affect are left out.
//  2. Render and check: every source is rendered once, Options.Jobs at a time, and package check finds the hits.
//  3. Trace: for a source with hits, package origin finds the line that decides each hit. Most sources take one or two more
//     renders, and none more than 24. A source without hits costs nothing here.
//  4. Subtract: with a Baseline, the base renders the sources with hits, and hits that it has, too, are dropped.
//  5. Prove: with Options.Prove, package fix renders again, with its fixes applied, every source that reads an edited file:
//     one render of each, if all fixes hold at the first try.
//
// Nothing is written, and neither the environment nor the working directory is read. A Workspace and its methods are safe
// for concurrent use.
package scan

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/discover"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Config says what a workspace holds, and how its sources are rendered.
type Config struct {
	// Tree has the files, from the root of the repository on.
	Tree fs.FS
	// Helm and Kustomize are the options of charts and kustomizations. If Helm has values files, they are the values of
	// every chart, and the environments found beside a chart do not count.
	Helm      helm.Options
	Kustomize kustomize.Options
	// RepositoryURL is the URL by which Argo CD's Applications name the repository. If it is empty, Applications with a
	// source in a repository are skipped.
	RepositoryURL string
	// Plugins has the config management plugins of Argo CD that are known, by name.
	Plugins map[string]argocd.ResolvePlugin
	// Credentials are the files with the credentials of chart repositories and registries.
	Credentials chartrepo.ConfigFiles
	// CacheDir is the directory that keeps downloads. It is made when it is first needed.
	CacheDir string
	// Env is the environment from which git gets what it needs, such as PATH and the credentials of the user, with entries
	// NAME=VALUE.
	Env []string
	// Offline makes whatever is not in the cache an error, and downloads nothing.
	Offline bool
}

// Workspace is a tree with its sources and the engines that render them.
type Workspace struct {
	tree      fs.FS
	finder    discover.Finder
	declarers []declared.Declarer
	argocd    argocd.Declarer

	mutex   sync.Mutex
	onDisk  []render.Source // of the whole tree, by their files; nil until they are found
	sources []render.Source // of the whole tree, with declared sources; nil until they are found
}

// New returns a workspace. It reads nothing yet.
func New(config Config) *Workspace {
	charts := &chartrepo.Client{
		Dir: filepath.Join(config.CacheDir, "charts"), Offline: config.Offline, ConfigFiles: config.Credentials,
	}
	helmEngine := &helm.Engine{Charts: charts}
	kustomizeEngine := &kustomize.Engine{
		Charts: charts, Helm: helmEngine, Dir: filepath.Join(config.CacheDir, "git"), Env: config.Env, Offline: config.Offline,
	}
	files := tree.NewLinked(config.Tree)
	w := &Workspace{
		tree: files,
		finder: discover.Finder{
			Tree:          files,
			Chart:         helm.Source{Engine: helmEngine, Options: config.Helm},
			Kustomization: kustomize.Source{Engine: kustomizeEngine, Options: config.Kustomize},
		},
		argocd: argocd.Declarer{
			Helm: helmEngine, Kustomize: kustomizeEngine,
			KubeVersion: config.Helm.KubeVersion, APIVersions: config.Helm.APIVersions,
			LoadRestrictionsNone: config.Kustomize.LoadRestrictionsNone,
			Plugins:              config.Plugins,
		},
	}
	if config.RepositoryURL != "" {
		w.argocd.IsThisRepository = func(url string) bool { return argocd.IsSameRepository(url, config.RepositoryURL) }
	}
	w.declarers = []declared.Declarer{w.argocd}
	return w
}

// Tree returns the files of the workspace.
func (w *Workspace) Tree() fs.FS { return w.tree }

// ArgoCD returns what resolves the sources of Argo CD's Applications in the workspace.
func (w *Workspace) ArgoCD() argocd.Declarer { return w.argocd }

// Sources returns the sources of the whole tree, with those that objects declare. They are found once.
func (w *Workspace) Sources(ctx context.Context) ([]render.Source, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.sources == nil {
		found, err := w.findOnDisk(ctx)
		if err != nil {
			return nil, err
		}
		sources := w.Declared(ctx, found)
		if err := ctx.Err(); err != nil {
			return nil, err // What was found may not be all.
		}
		w.sources = sources
	}
	return slices.Clone(w.sources), nil
}

// findOnDisk finds the sources of the whole tree by their files. The mutex is held.
func (w *Workspace) findOnDisk(ctx context.Context) ([]render.Source, error) {
	if w.onDisk == nil {
		found, err := w.finder.Find(ctx, ".")
		if err != nil {
			return nil, err
		}
		w.onDisk = found
	}
	return w.onDisk, nil
}

// Find returns the sources at and below a path of the tree by their files, without those that objects declare: see
// discover.Finder.
func (w *Workspace) Find(ctx context.Context, name string) ([]render.Source, error) {
	if name != "." {
		return w.finder.Find(ctx, name)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	found, err := w.findOnDisk(ctx)
	return slices.Clone(found), err
}

// Declared returns some sources together with those that their objects declare: see declared.Find.
func (w *Workspace) Declared(ctx context.Context, sources []render.Source) []render.Source {
	return declared.Find(ctx, w.tree, sources, w.declarers...)
}

// Select returns the sources for paths of the tree, each once. A directory stands for the sources at and below it, and for
// those that objects in these declare. A file stands for everything that is rendered from it, wherever that is in the
// tree, or else for itself. The error is a *NothingError for a path without a source.
func (w *Workspace) Select(ctx context.Context, names []string) ([]render.Source, error) {
	var inDirectories []render.Source
	type file struct {
		name  string
		alone []render.Source // the sources if nothing else is rendered from the file
	}
	var files []file
	for _, name := range names {
		found, err := w.Find(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, &NothingError{Paths: []string{name}}
		}
		if tree.IsDirectory(w.tree, name) {
			inDirectories = append(inDirectories, found...)
		} else {
			files = append(files, file{name, found})
		}
	}
	if slices.Equal(names, []string{"."}) {
		return w.Sources(ctx)
	}
	sources := w.Declared(ctx, Distinct(inDirectories))
	if len(files) == 0 {
		return sources, ctx.Err()
	}
	all, err := w.Sources(ctx)
	if err != nil {
		return nil, err
	}
	index := discover.NewIndex(w.tree, all)
	for _, f := range files {
		readers := index.Readers(f.name)
		if len(readers) == 0 {
			readers = w.Declared(ctx, f.alone)
		}
		sources = append(sources, readers...)
	}
	return Distinct(sources), ctx.Err()
}

// handsOn reports whether an object hands a field on to the sources that it declares.
func (w *Workspace) handsOn(manifest render.Manifest, path yamldoc.Path) bool {
	return slices.ContainsFunc(w.declarers, func(d declared.Declarer) bool { return d.HandsOn(manifest, path) })
}

// Distinct drops sources that repeat an earlier one. The order stays.
func Distinct(sources []render.Source) []render.Source {
	seen := map[render.ID]bool{}
	return slices.DeleteFunc(slices.Clone(sources), func(s render.Source) bool {
		known := seen[s.ID()]
		seen[s.ID()] = true
		return known
	})
}
