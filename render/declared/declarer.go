// Package declared has the life of sources that objects declare, whoever declares them: Find finds the objects, also in
// what charts and kustomizations render to, and a Source resolves its object again in every tree in which it is rendered.
//
// A Declarer knows one API, such as Argo CD's Applications. To add one, implement Declarer in a package of its own and pass
// it to Find.
package declared

import (
	"io/fs"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	kubeyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Object is a Kubernetes object as kubectl and controllers decode it: yes is true, a date is text, every key is text.
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
	// Mentions reports whether a text may hold such an object. It is quick, and never false for a text that holds one.
	Mentions(text []byte) bool
	// Layout says where options stand in the objects.
	Layout() Layout
	// HandsOn reports whether an object, or an object that makes such objects, hands a field on to the sources that it
	// declares. A change of the field shows in what these render to.
	HandsOn(manifest render.Manifest, path yamldoc.Path) bool
	// Expand returns what an object declares in a tree. file is the path of the file from which the object comes, for
	// errors in it.
	Expand(fsys fs.FS, file string, object Object) []Declared
}

// Layout says where the options of a source stand in the objects of a declarer.
type Layout struct {
	// Values and ValuesText lead, from the options of the source, to the values for a chart: to a mapping, and to a text that
	// is a mapping in YAML. If neither is there, a mapping can be inserted at Values.
	Values, ValuesText yamldoc.Path
	// Identity are the keys below which the object says what is deployed, and not with which values: repoURL, say.
	Identity []string
}

// Declared is a source that an object declares, or the reason why there is none.
type Declared struct {
	// Name names the source for people, and is the environment of its ID: Application/web. Index counts the sources of
	// one name in one object.
	Name  string
	Index int
	// Key is equal for sources that are the same, wherever their objects stand.
	Key string
	// Options leads to the options of the source in the object.
	Options yamldoc.Path
	// Resolve returns the source that is rendered. Its error is a *render.Skip where the source is not rendered here on
	// purpose.
	Resolve func(fsys fs.FS) (render.Source, error)
	// Err, if not nil, says why the object declares no source. It is a *render.Skip where that is no fault.
	Err error
	// Paths are the paths that the options name. A change there can mend a source that cannot be resolved.
	Paths []string
}
