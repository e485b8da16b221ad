package kustomize

import (
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
)

// input returns the input of the probe for a file of the overlay. The path of a file in a mount begins with the URL of
// the mount.
func (g *graph) input(name string, use render.Use, data []byte) render.Input {
	dir, m, rest, ok := g.split(name)
	switch {
	case !ok:
		return render.Input{Path: name, Use: use, Data: data}
	case m.entry == "": // The mount is a copy of files in the tree or in another mount.
		return g.input(path.Join(dir, rest), use, data)
	case m.whole:
		return render.Input{Path: m.name, Use: use, Data: data, From: m.referencedAt}
	}
	return render.Input{Path: m.name + rest, Use: use, Data: data, From: m.referencedAt}
}

// probeFile calls the probe for a file that kustomize reads in the build, and returns the content for kustomize. It
// does not call the probe for kustomization files and manifests of charts, because the walk has done so before.
func (g *graph) probeFile(name string, data []byte) []byte {
	_, m, _, mounted := g.split(name)
	isKustomization := slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
	if g.probe == nil || mounted && m.chart != "" || isKustomization {
		return data
	}
	use := render.UseResource
	if g.patches[name] {
		use = render.UsePatch
	}
	return g.probe(g.input(name, use, data))
}

// markPatch notes that a kustomization names a file in a field other than resources, so that probeFile calls the probe
// with render.UsePatch.
func (g *graph) markPatch(at node, name string) {
	if found, info, err := g.find(at, name); err == nil && !info.IsDir() {
		g.patches[found] = true
	}
}

// chartProbe returns the probe for the render of a chart with the Helm engine. It does not call the graph's probe for
// the values files of the options, because graph.read has done so before.
func (g *graph) chartProbe(options helm.Options) render.Probe {
	if g.probe == nil {
		return nil
	}
	return func(in render.Input) []byte {
		isInput := func(f render.File) bool { return f.Path == in.Path }
		if in.Use == render.UseValues && slices.ContainsFunc(options.ValuesFiles, isInput) {
			return in.Data
		}
		return g.probe(g.input(in.Path, in.Use, in.Data))
	}
}
