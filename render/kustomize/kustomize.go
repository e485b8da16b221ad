// Package kustomize renders kustomizations as `kustomize build` does, in process.
//
// It runs kustomize's own API (krusty) over a read-only tree. In the middle of a build, kustomize would call git, helm
// and HTTP servers. This package does that work before the build:
//
//  1. graph.walk reads the kustomization and all kustomizations that it names (graph.go).
//  2. It fetches remote bases and remote files into a cache (remote.go), and renders helmCharts with the Helm engine
//     (helmcharts.go).
//  3. It mounts the results in an overlay of the tree, below directories named .pullcheck~ (mounts.go), and puts
//     the paths of these directories in place of the URLs and helmCharts of the kustomization.
//  4. graph.build runs kustomize over the overlay. Paths of mounts in its errors and origin annotations are translated
//     back (messages.go, mounts.go).
//
// Kustomize itself must ask nobody: it knows no rules for hosts, and runs git as it finds it. So each text that it
// would take for a URL is replaced by a path, or refused: in the fields of a kustomization (References, graph.prepare),
// and in the configuration of its own plugins (plugins.go).
//
// Limits: plugins and functions of other programs are not run, and a kustomization with one of them fails (plugins.go).
// Facts about kustomize are read from its source; file names in comments are of sigs.k8s.io/kustomize.
package kustomize

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Engine renders kustomizations. It is safe for concurrent use. It fetches each remote repository and file at most once
// in its life, and remembers a failure, too. As for kustomize, a repository with a file:// URL is remote, even inside
// the tree.
type Engine struct {
	// Charts downloads the charts of helmCharts that are not in the tree, and Helm renders all charts of helmCharts.
	Charts *chartrepo.Client
	Helm   interface {
		Render(ctx context.Context, in render.In, chart helm.Source) (*render.Result, error)
	}
	// Dir is the directory of the cache of remote bases, by repository and commit, and of remote files. It is created
	// when it is first needed, and closed to other users.
	Dir string
	// Env is the environment for the git that fetches remote bases, in the form of os.Environ.
	Env []string
	// LocalRepositories permits bases in git repositories on this machine (file://). Never set it for kustomizations of
	// a stranger, who could name any repository that the process may read.
	LocalRepositories bool
	// Offline forbids the network: a remote base or file that is not in the cache is an error.
	Offline bool
	// Network is the way to remote bases and files. An item for its Permit is a repository, with its URL and ref, or a
	// file, with its URL.
	Network fetch.Network

	checkouts fetch.Once[string] // repository and ref → the directory of the checkout in the cache
	downloads fetch.Once[[]byte] // URL → the content of the file
	once      sync.Once
	web       fetch.Client // for all files
}

// Render renders a kustomization: see Source.Render.
func (e *Engine) Render(ctx context.Context, in render.In, source Source) (*render.Result, error) {
	g := &graph{
		ctx: ctx, engine: e, options: source.Options, probe: in.Probe,
		patches: map[string]bool{}, parsed: map[string]bool{}, tree: tree.NewOverlay(in.Tree), visits: map[string]*visit{},
	}
	defer g.close()
	result, err := g.render(in.Tree, source.Path)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return result, err
}

// render walks the graph of the kustomization at a path of the tree, and builds it.
func (g *graph) render(fsys fs.FS, name string) (*render.Result, error) {
	dir, info, err := tree.Resolve(g.tree, path.Clean(name), tree.MaxLinks)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("a kustomization is a directory with a %s", konfig.DefaultKustomizationFileName())
	}
	if err == nil {
		g.dir = dir
		_, err = g.walk(node{dir: dir, layer: fsys, base: "."})
	}
	if err != nil {
		return nil, fault(yamldoc.Location{Path: name}, "kustomization", err)
	}
	var result *render.Result
	err = withSchema(g.openapi, func() (err error) {
		result, err = g.build(path.Join(name, path.Base(g.visits[dir].file)))
		return err
	})
	if err != nil {
		return nil, g.explain(err)
	}
	return result, nil
}

// build runs kustomize over the overlay. file is the path for the documents of the result. A panic of kustomize is an
// error.
func (g *graph) build(file string) (result *render.Result, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("kustomize panicked: %v", value)
		}
	}()
	m, err := g.run(g.dir)
	if err != nil {
		return nil, err
	}
	if err := g.annotate(g.visits[g.dir].k.BuildMetadata, m); err != nil {
		return nil, err
	}
	return documents(m, file)
}

// run runs kustomize over the overlay, for the kustomization in a directory.
func (g *graph) run(dir string) (resmap.ResMap, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	if g.options.LoadRestrictionsNone {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	return krusty.MakeKustomizer(options).Run(files{g.ctx, g.tree, g.probeFile, g.parsed}, path.Join(root, dir))
}

// documents writes the objects as resmap.AsYaml does, with one document for each object.
func documents(m resmap.ResMap, file string) (*render.Result, error) {
	var text []byte
	var ends []int
	for i, object := range m.Resources() {
		data, err := object.AsYAML()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, "---\n"...)
		}
		text = append(text, data...)
		ends = append(ends, len(text))
	}
	result := &render.Result{Text: text}
	start := 0
	for _, end := range ends {
		result.Documents = append(result.Documents, render.Document{Path: file, Text: text[start:end]})
		start = end + len("---\n")
	}
	if len(ends) == 0 {
		result.Skip = &render.Skip{Reason: "the kustomization has no resources"}
	}
	return result, nil
}

// schema guards kyaml's OpenAPI schema. It is a variable of the whole process, and a kustomization with the field
// openapi replaces it (kyaml/openapi/openapi.go). Such a build runs alone; all other builds may run at the same time.
var schema sync.RWMutex

// withSchema runs f with kyaml's built-in schema. If own is true, f replaces the schema, and withSchema restores it.
func withSchema(own bool, f func() error) error {
	if own {
		schema.Lock()
		defer schema.Unlock()
		openapi.ResetOpenAPI()
		defer openapi.ResetOpenAPI()
	} else {
		schema.RLock()
		defer schema.RUnlock()
		// kyaml parses the schema at the first use, without a lock against other builds that read it.
		openapi.Schema()
	}
	return f()
}
