package kustomize

import (
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
)

// input is what a probe gets of a file of the graph's tree.
func (g *graph) input(name string, use render.Use, data []byte) render.Input {
	dir, m, rest, ok := g.split(name)
	switch {
	case !ok:
		return render.Input{Path: name, Use: use, Data: data}
	case m.entry == "": // a copy of what stands in the tree or in another mount
		return g.input(path.Join(dir, rest), use, data)
	case m.whole:
		return render.Input{Path: m.name, Use: use, Data: data, From: m.place}
	}
	return render.Input{Path: m.name + rest, Use: use, Data: data, From: m.place}
}

// show gives a file that kustomize reads to the probe. Kustomizations and what charts rendered to have been seen.
func (g *graph) show(name string, data []byte) []byte {
	_, m, _, mounted := g.split(name)
	if g.probe == nil || mounted && m.chart != "" || slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name)) {
		return data
	}
	use := render.UseResource
	if g.patches[name] {
		use = render.UsePatch
	}
	return g.probe(g.input(name, use, data))
}

// markPatch notes that a file which a kustomization names is no resource.
func (g *graph) markPatch(at node, name string) {
	if found, info, err := g.find(at, name); err == nil && !info.IsDir() {
		g.patches[found] = true
	}
}

// chartProbe is what the Helm engine gets as the probe for a chart of a kustomization. The values files were
// seen where the kustomization names them.
func (g *graph) chartProbe(options helm.Options) render.Probe {
	if g.probe == nil {
		return nil
	}
	return func(in render.Input) []byte {
		if in.Use == render.UseValues && slices.ContainsFunc(options.ValuesFiles, func(f render.File) bool { return f.Path == in.Path }) {
			return in.Data
		}
		return g.probe(g.input(in.Path, in.Use, in.Data))
	}
}
