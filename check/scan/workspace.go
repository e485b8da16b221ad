// Package scan is the pipeline of pullcheck: files → sources → manifests → findings → report. The program uses it, and
// any other Go program can embed it. The example of the package shows how.
//
// # How a check runs
//
// A [Workspace] holds a tree of files, the engines with their caches, and the sources of the tree, which it finds once.
// [Workspace.Scan] checks sources in these steps, one after the other:
//
//  1. Affected: with a Baseline, sources that no changed file can affect are left out, and sources are added that only
//     the base has, although their files are still there.
//  2. Render and check: every source is rendered once, Options.Jobs sources at a time, and package check finds the
//     hits, which are the containers that break a rule.
//  3. Trace: for a source with hits, package origin finds the line that decides each hit.
//  4. Subtract: with a Baseline, the base renders the sources with hits, and hits that the base has, too, are dropped.
//  5. Prove: with Options.Prove, package fix applies a fix and renders every source that reads an edited file.
//
// # What it costs
//
// The unit of cost is one render of one source. A source without hits takes one render. A source with hits takes one
// or two more renders to trace, and never more than 24. With a Baseline, it takes one more in the base, and the sources
// of the base are found as those of the head are. A proof takes
// one render of each source that reads an edited file, if all fixes hold at the first try; each fix that fails takes
// further renders. Charts and remote bases are downloaded at most once in the life of a Workspace. A scan keeps hits
// in memory, and not manifests, unless a proof needs them.
//
// # What is safe
//
// A Workspace and its methods are safe for concurrent use. The tree must be safe for concurrent reads. Nothing is
// written except downloads in Config.CacheDir. Neither the environment nor the working directory is read: the caller
// passes both in [Config]. A canceled context ends a scan early: the sources that are not finished are failures with
// child.ErrInterrupted, and nothing is proven. A source that takes all memory, or does not end, is bounded only in a
// process that package child supervises, as the program does.
package scan

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pullcheck/pullcheck/internal/fetch"
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

// Config says which files a workspace holds, and how its sources are rendered. Only Tree is required. A path of a file
// outside the tree is absolute.
type Config struct {
	// Tree holds the files of the repository, by their paths from its root: os.DirFS, a git.Revision, an fstest.MapFS.
	// The workspace never reads git's own files in it.
	Tree fs.FS
	// Helm and Kustomize are the options for all charts and kustomizations. If Helm has values files, every chart is
	// rendered once with them, and not once for each environment, such as values-prod.yaml, that is found beside the
	// chart.
	Helm      helm.Options
	Kustomize kustomize.Options
	// RepositoryURL is the URL with which Argo CD's Applications refer to this repository, in any of git's forms. If it is
	// empty, every Application with a source in a git repository is skipped.
	RepositoryURL string
	// Plugins are the config management plugins of Argo CD that can be resolved, by name. An Application with another
	// plugin is skipped.
	Plugins map[string]argocd.ResolvePlugin
	// Credentials are the files with the credentials for chart repositories and registries.
	Credentials chartrepo.ConfigFiles
	// CacheDir is the directory for downloads. It is made when it is first needed. Several processes of one user may share
	// it. If another user owns it, no source can use it.
	CacheDir string
	// Env is the environment for git, with entries NAME=VALUE: for example PATH, HOME and SSH_AUTH_SOCK. Git is run only
	// for kustomizations with a remote base, and gets only the variables that it needs.
	Env []string
	// LocalRepositories permits kustomizations to name git repositories on this machine (file://). Never set it for a
	// Tree of a stranger.
	LocalRepositories bool
	// Offline turns downloads off. A source that needs a file that is not in the cache fails.
	Offline bool
	// Network has the rules for downloads. By default, only public addresses are asked, and only over HTTPS.
	Network fetch.Network
}

// Workspace is a tree with its sources and the engines that render them. It assumes that the tree keeps the same
// sources: a file that appears later is no source. The content of files may change between scans, as --fix does.
type Workspace struct {
	tree      fs.FS
	prefix    string        // of the names of the units of work in which objects are found
	watched   *tree.Watched // what the tree reads from
	declarers []declared.Declarer
	argocd    argocd.Declarer

	mutex  sync.Mutex // of both lists of sources
	asked  *treeSources
	others *treeSources
}

// treeSources are the sources of the whole tree, as one finder finds them. Both lists are nil until they are first
// needed.
type treeSources struct {
	finder discover.Finder
	onDisk []render.Source // The sources that are files: charts, kustomizations, manifests.
	all    []render.Source // These, and the sources that objects in their manifests declare.
}

// New returns a workspace. It reads no file yet.
func New(config Config) *Workspace {
	charts := &chartrepo.Client{
		Dir: filepath.Join(config.CacheDir, "charts"), Offline: config.Offline, ConfigFiles: config.Credentials,
		Network: config.Network,
	}
	helmEngine := &helm.Engine{Charts: charts}
	kustomizeEngine := &kustomize.Engine{
		Charts: charts, Helm: helmEngine,
		Dir: filepath.Join(config.CacheDir, "git"), Env: config.Env, Offline: config.Offline,
		LocalRepositories: config.LocalRepositories, Network: config.Network,
	}
	watched := &tree.Watched{FS: config.Tree}
	files := tree.NewLinked(tree.WithoutGit(watched))
	finder := discover.Finder{
		Tree:          files,
		Chart:         helm.Source{Engine: helmEngine, Options: config.Helm},
		Kustomization: kustomize.Source{Engine: kustomizeEngine, Options: config.Kustomize},
	}
	w := &Workspace{
		tree: files, watched: watched, asked: &treeSources{finder: finder},
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
	w.others = w.asked
	if config.Helm.GivesValues() {
		finder.Chart.Options = config.Helm.WithoutValues()
		w.others = &treeSources{finder: finder}
	}
	return w
}

// over returns a workspace over other files, with the same engines, caches and options. prefix begins the names of its
// units of work.
func (w *Workspace) over(fsys fs.FS, prefix string) *Workspace {
	finder := w.asked.finder
	finder.Tree = tree.NewLinked(fsys)
	sources := &treeSources{finder: finder}
	return &Workspace{
		tree: finder.Tree, watched: w.watched, prefix: prefix, declarers: w.declarers, argocd: w.argocd, asked: sources, others: sources,
	}
}

// Tree returns the files of the workspace. Symbolic links are followed, as long as they stay in the tree.
func (w *Workspace) Tree() fs.FS { return w.tree }

// ArgoCD returns the declarer that resolves the sources of Argo CD's Applications in the workspace.
func (w *Workspace) ArgoCD() argocd.Declarer { return w.argocd }

// Sources returns the sources of the whole tree, including the sources that objects in it declare, such as the
// Applications of Argo CD. The first call walks the tree and renders sources that may declare others; later calls
// return the same list.
func (w *Workspace) Sources(ctx context.Context) ([]render.Source, error) {
	return w.findAll(ctx, w.asked)
}

// otherSources returns the sources of the whole tree that a proof must leave as they are. They are those of Sources, but
// the values that Config.Helm gives are for the checked sources alone: every other chart is rendered with its defaults,
// and once for each environment.
func (w *Workspace) otherSources(ctx context.Context) ([]render.Source, error) {
	return w.findAll(ctx, w.others)
}

// findAll returns the list all of s, and finds it first if it is nil.
func (w *Workspace) findAll(ctx context.Context, s *treeSources) ([]render.Source, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if s.all == nil {
		found, err := s.findOnDisk(ctx)
		if err != nil {
			return nil, err
		}
		sources := w.Declared(ctx, found)
		if err := ctx.Err(); err != nil {
			return nil, err // The list may lack sources, so it is not kept.
		}
		s.all = sources
	}
	return slices.Clone(s.all), nil
}

// findOnDisk returns the sources that are files, of the whole tree. The caller holds the mutex.
func (s *treeSources) findOnDisk(ctx context.Context) ([]render.Source, error) {
	if s.onDisk == nil {
		found, err := s.finder.Find(ctx, ".")
		if err != nil {
			return nil, err
		}
		s.onDisk = found
	}
	return s.onDisk, nil
}

// Find returns the sources at and below a path of the tree that are files, and not the sources that objects declare:
// see discover.Finder. The error is an *fs.PathError if the path does not exist.
func (w *Workspace) Find(ctx context.Context, name string) ([]render.Source, error) {
	if name != "." {
		return w.asked.finder.Find(ctx, name)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	found, err := w.asked.findOnDisk(ctx)
	return slices.Clone(found), err
}

// Declared returns the given sources and the sources that objects in their manifests declare: see declared.Find. It
// renders the sources whose files may contain such an object.
func (w *Workspace) Declared(ctx context.Context, sources []render.Source) []render.Source {
	return declared.FindAs(ctx, w.prefix, w.tree, sources, w.declarers...)
}

// Select returns the sources for paths of the tree, without repetitions:
//   - A directory selects the sources at and below it, and the sources that their objects declare.
//   - A file selects every source of the tree that reads it: charts/api/values.yaml selects the chart charts/api and
//     the Applications that deploy it. A file that no source reads selects itself, as a manifest.
//
// The error is a *NothingError for a path without a source, and an *fs.PathError for a path that does not exist.
func (w *Workspace) Select(ctx context.Context, names []string) ([]render.Source, error) {
	var inDirectories []render.Source
	type file struct {
		name  string
		alone []render.Source // the sources if no source of the tree reads the file
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

// handsOn reports whether an object hands a field on to the sources that it declares. For example, an Application of
// Argo CD hands its Helm values on.
func (w *Workspace) handsOn(manifest render.Manifest, path yamldoc.Path) bool {
	return slices.ContainsFunc(w.declarers, func(d declared.Declarer) bool { return d.HandsOn(manifest, path) })
}

// Distinct returns the sources without those that have the ID of an earlier source, in the same order.
func Distinct(sources []render.Source) []render.Source {
	seen := map[render.ID]bool{}
	return slices.DeleteFunc(slices.Clone(sources), func(s render.Source) bool {
		known := seen[s.ID()]
		seen[s.ID()] = true
		return known
	})
}
