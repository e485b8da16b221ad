// Package kustomize renders kustomizations as `kustomize build` does, in process.
//
// It runs kustomize's own API over a read-only tree. What kustomize would do with other programs or the
// network in the middle of a build is done before it: remote bases and files are fetched into a cache, and
// helmCharts are rendered by the Helm engine. Both are then mounted in the tree.
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

// Engine renders kustomizations. It asks for each remote thing once in its life, whether it gets it or not. Remote is,
// as for kustomize, also a repository on the same machine that a file:// URL names, inside of the tree or not.
type Engine struct {
	// Charts gets the charts of helmCharts that are not in the tree, and Helm renders them.
	Charts *chartrepo.Client
	Helm   interface {
		Render(ctx context.Context, in render.In, chart helm.Source) (*render.Result, error)
	}
	// Dir is the cache of remote bases, by repository and commit, and of remote files. It is made when it is
	// first needed.
	Dir string
	// Env is the environment for the git that fetches remote bases, in the form of os.Environ.
	Env []string
	// Offline makes a remote thing that is not in the cache an error.
	Offline bool

	checkouts fetch.Once[string] // the directory of the cache
	downloads fetch.Once[[]byte]
	web       fetch.Client
}

// Render renders a kustomization: see Source.Render.
func (e *Engine) Render(ctx context.Context, in render.In, source Source) (*render.Result, error) {
	g := &graph{
		ctx: ctx, engine: e, options: source.Options, probe: in.Probe,
		patches: map[string]bool{}, tree: tree.NewOverlay(in.Tree), visits: map[string]*visit{},
	}
	defer g.close()
	result, err := g.render(in.Tree, source.Path)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return result, err
}

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

// build runs kustomize and takes its output apart.
func (g *graph) build(file string) (result *render.Result, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("kustomize panicked: %v", value)
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	if g.options.LoadRestrictionsNone {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	m, err := krusty.MakeKustomizer(options).Run(files{g.ctx, g.tree, g.show}, path.Join(root, g.dir))
	if err != nil {
		return nil, err
	}
	if err := g.annotate(g.visits[g.dir].k.BuildMetadata, m); err != nil {
		return nil, err
	}
	return documents(m, file)
}

// documents writes the objects as resmap.AsYaml does, and tells where each stands.
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

// schema guards kyaml's OpenAPI schema, which is one for the whole process and which the openapi field of a
// kustomization replaces (kyaml/openapi/openapi.go). A build that does has it for itself.
var schema sync.RWMutex

// withSchema runs f with the built-in schema, or with none yet where f brings its own.
func withSchema(own bool, f func() error) error {
	if own {
		schema.Lock()
		defer schema.Unlock()
		openapi.ResetOpenAPI()
		defer openapi.ResetOpenAPI()
	} else {
		schema.RLock()
		defer schema.RUnlock()
		// It is parsed when it is needed first, while others may read what there is without a lock.
		openapi.Schema()
	}
	return f()
}
