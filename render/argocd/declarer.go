package argocd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd/appset"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Declarer implements declared.Declarer for Argo CD's Applications and ApplicationSets.
type Declarer struct {
	// Helm and Kustomize are the engines of the sources.
	Helm      *helm.Engine
	Kustomize *kustomize.Engine
	// IsThisRepository reports whether a URL is the URL of the repository. It is nil if the URL of the repository is
	// not known; then every source in git is skipped.
	IsThisRepository func(repoURL string) bool
	// Plugins, KubeVersion, APIVersions and LoadRestrictionsNone are as in App.
	Plugins              map[string]ResolvePlugin
	KubeVersion          string
	APIVersions          []string
	LoadRestrictionsNone bool
}

var _ declared.Declarer = Declarer{}

// Declares implements declared.Declarer.
func (d Declarer) Declares(apiVersion, kind string) bool {
	return strings.HasPrefix(apiVersion, "argoproj.io/") && (kind == "Application" || kind == "ApplicationSet")
}

// Mentions implements declared.Declarer.
func (d Declarer) Mentions(text []byte) bool {
	return bytes.Contains(text, []byte("argoproj.io")) && bytes.Contains(text, []byte("Application")) ||
		yamldoc.MayHide(text)
}

// Expand implements declared.Declarer. It returns the sources of an Application, or of all Applications that an
// ApplicationSet generates. Generators that need more than the tree, such as a cluster, add a *render.Skip.
func (d Declarer) Expand(fsys fs.FS, file string, object declared.Object) []declared.Declared {
	if object.Kind() == "Application" {
		return d.sources(file, object, nil)
	}
	applications, skipped, err := appset.Expand(fsys, object, d.isThisRepository)
	var all []declared.Declared
	template := yamldoc.Path{yamldoc.Key("spec"), yamldoc.Key("template")}
	for _, app := range applications {
		all = append(all, d.sources(file, app, template)...)
	}
	// Reasons and errors belong to the set as a whole.
	set := "ApplicationSet/" + object.Name()
	for _, reason := range skipped {
		all = append(all, declared.Declared{Name: set, Err: &render.Skip{Reason: reason}})
	}
	if err != nil {
		all = append(all, declared.Declared{Name: set, Err: err})
	}
	return all
}

// sources returns the sources of an Application, without the sources that only have values files for other sources.
// template is the path to the Application's template in the ApplicationSet that generates it; it is nil for an
// Application in a file.
func (d Declarer) sources(file string, object declared.Object, template yamldoc.Path) []declared.Declared {
	name := "Application/" + object.Name()
	key, err := json.Marshal(object)
	if err != nil {
		return []declared.Declared{{Name: name, Err: err}}
	}
	app, err := d.application(object)
	if err != nil {
		return []declared.Declared{{Name: name, Key: string(key), Err: err}}
	}
	app.DeclaredIn = file
	var all []declared.Declared
	for i, source := range app.sources {
		if source.isRef() {
			continue
		}
		all = append(all, declared.Declared{
			Name: name, Index: i, Key: fmt.Sprintf("%s %d", key, i),
			Options: slices.Concat(template, app.paths[i]),
			Resolve: func(fsys fs.FS) (render.Source, error) { return app.resolve(fsys, i) },
			Paths:   app.names(i),
		})
	}
	return all
}

// isThisRepository is IsThisRepository; it is false if the URL of the repository is not known.
func (d Declarer) isThisRepository(repoURL string) bool {
	return d.IsThisRepository != nil && d.IsThisRepository(repoURL)
}

// layout has the paths of helm.valuesObject and helm.values from a source, and the keys of Applications and
// ApplicationSets that say which thing is deployed.
var layout = declared.Layout{
	Values:     yamldoc.Path{yamldoc.Key("helm"), yamldoc.Key("valuesObject")},
	ValuesText: yamldoc.Path{yamldoc.Key("helm"), yamldoc.Key("values")},
	Identity: []string{
		"apiVersion", "kind", "metadata", "project", "repoURL", "path", "chart", "ref", "targetRevision",
	},
}

// Layout implements declared.Declarer.
func (d Declarer) Layout() declared.Layout { return layout }

// HandsOn implements declared.Declarer. An Application hands on the options of its sources, and an ApplicationSet also
// the parameters of its generators.
func (d Declarer) HandsOn(manifest render.Manifest, path yamldoc.Path) bool {
	return d.Declares(manifest.APIVersion, manifest.Kind) && slices.ContainsFunc(path, func(step yamldoc.Step) bool {
		return slices.Contains([]string{"helm", "kustomize", "plugin", "generators"}, step.Key)
	})
}
