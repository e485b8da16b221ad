// Package declared has the sources that objects declare, such as the chart that an Application of Argo CD names. Find
// finds the objects: in manifests, in the manifests to which charts and kustomizations render, and in the manifests to
// which declared sources render in turn. A Source then reads its object again in every tree in which it is rendered, so
// that an edit of the object shows.
//
// A Declarer knows one API, such as Argo CD's Applications. To add an API, implement Declarer in a package of its own,
// and pass it to Find. For example:
//
//	apps.yaml                an Application web of charts/web with values-prod.yaml
//	Declarer.Expand          Declared{Name: "Application/web"}
//	Find                     a Source with the ID {Kind: helm, Path: charts/web, Environment: Application/web}
package declared

import (
	"io/fs"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	kubeyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Object is a Kubernetes object, decoded from YAML as kubectl and controllers decode it: yes is true, a date is a
// string, and every key is a string.
type Object map[string]any

// Kind returns the kind of the object; "" if it has none.
func (o Object) Kind() string {
	kind, _ := o["kind"].(string)
	return kind
}

// Name returns metadata.name; "" if the object has none.
func (o Object) Name() string {
	metadata, _ := o["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// Namespace returns metadata.namespace; "" if the object has none.
func (o Object) Namespace() string {
	metadata, _ := o["metadata"].(map[string]any)
	namespace, _ := metadata["namespace"].(string)
	return namespace
}

// decode decodes the object at a node.
func decode(node *yaml.Node) (object Object, err error) {
	text, err := yaml.Marshal(node)
	if err != nil {
		return nil, err
	}
	return object, kubeyaml.Unmarshal(text, &object)
}

// Declarer turns the objects of one API into sources. Its methods are safe for concurrent use.
type Declarer interface {
	// Declares reports whether objects of a kind declare sources.
	Declares(apiVersion, kind string) bool
	// Mentions is a prefilter: it reports whether a text may contain an object that declares sources. See
	// render.Result.Manifests for the convention.
	Mentions(text []byte) bool
	// Layout returns the paths of the options in the objects.
	Layout() Layout
	// HandsOn reports whether an object copies the field at a path into the sources that it declares, so that a change
	// of the field shows in the manifests of these sources. For example, an Application copies spec.source.helm.values.
	HandsOn(manifest render.Manifest, path yamldoc.Path) bool
	// Expand returns the sources that an object declares in a tree. file is the path of the file from which the object
	// comes; errors are located there. An error is a Declared with Err.
	Expand(fsys fs.FS, file string, object Object) []Declared
}

// Layout has the paths of a source's options in the objects of a declarer.
type Layout struct {
	// Values and ValuesText are paths from the options of the source to the inline values for a chart: Values to a
	// mapping, and ValuesText to a text that is a mapping in YAML. If the object has neither, a mapping can be inserted
	// at Values.
	Values, ValuesText yamldoc.Path
	// Identity are the keys that say which thing is deployed, such as repoURL. An edit below them would deploy another
	// thing.
	Identity []string
}

// Declared is a source that an object declares, or the reason why the object declares no source.
type Declared struct {
	// Name names the source for people, and is the environment of its ID: Application/web. Index is the number of
	// sources with the same name before this one in the object, such as 1 for the second item of spec.sources.
	Name  string
	Index int
	// Key identifies the declared source. If a file and a kustomization have the same object, both keys are equal, and
	// Find adds the source once.
	Key string
	// Options is the path to the options of the source in the object: spec.source.
	Options yamldoc.Path
	// Resolve returns the source to render in a tree. Its error is a *render.Skip for a source that is left out on
	// purpose, such as a source in another repository.
	Resolve func(fsys fs.FS) (render.Source, error)
	// Err, if not nil, says why the object declares no source. It is a *render.Skip if nothing is wrong.
	Err error
	// Paths are the paths of the tree that the options name. If the source cannot be resolved, a change of them may
	// help.
	Paths []string
}
