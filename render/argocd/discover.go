package argocd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	kubeyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Options say which Applications are of the repository, and what Argo CD would know of where they go.
type Options struct {
	// Ours reports whether a URL is that of the repository; nil where that is not known.
	Ours func(repoURL string) bool
	// KubeVersion, APIVersions and LoadRestrictionsNone are as in App.
	KubeVersion          string
	APIVersions          []string
	LoadRestrictionsNone bool
}

// Discover returns the sources of a tree with those of the Applications in their manifests, also in what charts and
// kustomizations render to, and in what these Applications render to in turn. An Application renders in the place of its
// path's defaults, and of the environments whose values files it takes. One that cannot be rendered here is a source that
// is skipped or fails, and takes no place. The sources of charts and kustomizations are rendered by the engines where
// their files have Applications.
func Discover(ctx context.Context, fsys fs.FS, engines map[render.Kind]render.Engine, sources []render.Source, options Options) []render.Source {
	d := &discovery{ctx: ctx, tree: fsys, engines: engines, options: options, known: map[string]bool{}, declarings: map[string]bool{}}
	// In this order, because the defaults of a chart that an Application renders are not what is deployed, and what makes
	// Applications are mostly manifests.
	for _, kind := range []render.Kind{render.Raw, render.Kustomize, render.Helm} {
		for _, source := range sources {
			if source.Kind == kind && (kind == render.Raw || !d.replaces(source)) {
				d.find(source)
			}
		}
	}
	sources = slices.DeleteFunc(slices.Clone(sources), d.replaces)
	return append(sources, distinct(d.found)...)
}

type discovery struct {
	ctx     context.Context
	tree    fs.FS
	engines map[render.Kind]render.Engine
	options Options
	known   map[string]bool // the Applications that were found, as JSON
	// declarings says of files whether they may have Applications.
	declarings map[string]bool
	found      []render.Source
	depth      int // of Applications that are rendered from others
}

// maxDepth is how deep Applications may be rendered from others: one can render to itself with another value each time.
const maxDepth = 10

func (d *discovery) ours(repoURL string) bool {
	return d.options.Ours != nil && d.options.Ours(repoURL)
}

// find finds the Applications in what a source renders to, and in what these render to.
func (d *discovery) find(source render.Source) {
	if source.Skip != "" || d.ctx.Err() != nil {
		return
	}
	if source.Kind == render.Raw {
		for _, file := range source.Files {
			if file.Data == nil {
				d.inFile(file.Path)
			}
		}
		return
	}
	if !d.mentions(source) {
		return
	}
	recorder := tree.NewRecorder(d.tree)
	result, err := d.render(recorder, source)
	if err != nil {
		return // It fails again as a source.
	}
	reads := d.content(recorder.Files())
	manifests, err := result.Manifests(mayDeclare)
	if err != nil {
		return
	}
	for _, manifest := range manifests {
		if !declares(manifest.APIVersion, manifest.Kind) {
			continue
		}
		object, err := decodeObject(manifest.Node)
		if err != nil {
			continue
		}
		if file, ok := d.written(source, object); ok {
			d.inFile(file)
			continue
		}
		d.declare(&declaration{
			file: manifest.Document.Path, object: object, reads: reads, reach: render.ReachOf(d.tree, source).Paths(),
			again: func(fsys fs.FS, child render.Source) (map[string]any, error) {
				return d.rendered(fsys, source, child, object)
			},
		})
	}
}

// rendered is an object that a source renders to, in another tree or with the probe of the source that it declares.
func (d *discovery) rendered(fsys fs.FS, source, child render.Source, known map[string]any) (map[string]any, error) {
	source.Probe = child.Probe
	result, err := d.render(fsys, source)
	if err != nil {
		return nil, err
	}
	manifests, err := result.Manifests(mayDeclare)
	if err != nil {
		return nil, err
	}
	for _, manifest := range manifests {
		if manifest.Kind == known["kind"] && manifest.Name == nameOf(known) {
			return decodeObject(manifest.Node)
		}
	}
	return nil, nil
}

// render renders a source. A panic of its engine is an error here: the source has it again where it is checked.
func (d *discovery) render(fsys fs.FS, source render.Source) (result *render.Result, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the %s engine panicked: %v", source.Kind, value)
		}
	}()
	return d.engines[source.Kind].Render(d.ctx, fsys, source)
}

// mayDeclare reports whether a text may have Applications.
func mayDeclare(text []byte) bool {
	return bytes.Contains(text, []byte("argoproj.io/")) && kind.Match(text)
}

var kind = regexp.MustCompile(`(?m)["']?\bkind["']?\s*:\s*["']?Application(Set)?\b`)

func declares(apiVersion, kind string) bool {
	return strings.HasPrefix(apiVersion, "argoproj.io/") && (kind == "Application" || kind == "ApplicationSet")
}

// mentions reports whether a file that a source is rendered from may have Applications.
func (d *discovery) mentions(source render.Source) bool {
	found := false
	d.eachFile(source, func(name string) bool {
		found = d.declaring(name)
		return !found
	})
	return found
}

// declaring reports whether a file may have Applications. Many sources can be rendered from the same file.
func (d *discovery) declaring(name string) bool {
	known, ok := d.declarings[name]
	if !ok {
		data, err := fs.ReadFile(d.tree, name)
		known = err == nil && mayDeclare(data)
		d.declarings[name] = known
	}
	return known
}

// eachFile calls visit for the text files that a source is rendered from, until it returns false.
func (d *discovery) eachFile(source render.Source, visit func(name string) bool) {
	stopped := false
	for _, root := range render.ReachOf(d.tree, source).Paths() {
		if stopped {
			return
		}
		_ = fs.WalkDir(d.tree, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json", ".tpl"}, path.Ext(name)) {
				return nil
			}
			if stopped = !visit(name); stopped {
				return fs.SkipAll
			}
			return nil
		})
	}
}

// written finds the file of a kustomization in which an object stands as it is rendered.
func (d *discovery) written(source render.Source, object map[string]any) (file string, ok bool) {
	if source.Kind != render.Kustomize {
		return "", false
	}
	d.eachFile(source, func(name string) bool {
		if !d.declaring(name) {
			return true
		}
		data, err := fs.ReadFile(d.tree, name)
		if err != nil {
			return true
		}
		declared, _ := objects(data)
		ok = slices.ContainsFunc(declared, func(other declaredObject) bool {
			return other.object["kind"] == object["kind"] && nameOf(other.object) == nameOf(object) && reflect.DeepEqual(other.object["spec"], object["spec"])
		})
		file = name
		return !ok
	})
	return file, ok
}

// declaredObject is an Application or ApplicationSet of a file.
type declaredObject struct {
	document int
	object   map[string]any
}

// objects are the Applications and ApplicationSets of a file.
func objects(data []byte) ([]declaredObject, error) {
	documents, err := yamldoc.Parse(data)
	if err != nil {
		return nil, err
	}
	var found []declaredObject
	for i, document := range documents {
		if !declares(yamldoc.Scalar(document, "apiVersion"), yamldoc.Scalar(document, "kind")) {
			continue
		}
		object, err := decodeObject(document)
		if err != nil {
			return nil, err
		}
		found = append(found, declaredObject{i, object})
	}
	return found, nil
}

// decodeObject reads one as kubectl does, and Argo CD: yes is true, dates are text, and keys are.
func decodeObject(node *yaml.Node) (object map[string]any, err error) {
	text, err := yaml.Marshal(node)
	if err != nil {
		return nil, err
	}
	return object, kubeyaml.Unmarshal(text, &object)
}

func nameOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// inFile finds the Applications of a file.
func (d *discovery) inFile(file string) {
	data, err := fs.ReadFile(d.tree, file)
	if err != nil || !mayDeclare(data) {
		return
	}
	declared, err := objects(data)
	if err != nil {
		if _, broken := yamldoc.Parse(data); broken == nil { // Else the file fails as a source.
			d.found = append(d.found, failing(file, "Application", err, []string{file}))
		}
		return
	}
	for _, object := range declared {
		name := nameOf(object.object)
		d.declare(&declaration{
			file: file, document: object.document, object: object.object, reads: map[string][]byte{file: data}, inFile: true,
			again: func(fsys fs.FS, source render.Source) (map[string]any, error) {
				return objectOf(source.Shown(fsys), source.Declared.Path, name)
			},
		})
	}
}

// objectOf is the object of a name in a file; nil if there is none.
func objectOf(fsys fs.FS, file, name string) (map[string]any, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	declared, err := objects(data)
	if err != nil {
		return nil, yamldoc.ParseError(file, data, err)
	}
	for _, object := range declared {
		if nameOf(object.object) == name {
			return object.object, nil
		}
	}
	return nil, nil
}

// declaration is an Application or ApplicationSet, and how it came about.
type declaration struct {
	// file is where it stands, or the template or kustomization that it was rendered from.
	file     string
	document int
	inFile   bool // whether it stands in the file as it is
	object   map[string]any
	// reads are the files that its Applications were made from, with their content: its own, what it was rendered from, and
	// those that generators read. reach has further paths that count.
	reads map[string][]byte
	reach []string
	// again returns the object as it is in another tree, or for the probe of a source; nil if it is not there.
	again func(fs.FS, render.Source) (map[string]any, error)
}

// content reads files of the tree, but for what is none.
func (d *discovery) content(names []string) map[string][]byte {
	content := map[string][]byte{}
	for _, name := range names {
		if data, err := fs.ReadFile(d.tree, name); err == nil {
			content[name] = data
		}
	}
	return content
}

// declare adds the Applications of a declaration, and what of them cannot be rendered here.
func (d *discovery) declare(origin *declaration) {
	recorder := tree.NewRecorder(d.tree)
	apps, failed := d.expand(recorder, origin.object)
	origin.reads = maps.Clone(origin.reads)
	maps.Copy(origin.reads, d.content(recorder.Files()))
	for _, app := range apps {
		d.add(app, origin)
	}
	for _, f := range failed {
		d.found = append(d.found, failing(origin.file, f.environment, f.err, origin.paths()))
	}
}

// paths are those of which a change can make a difference.
func (o *declaration) paths() []string {
	paths := append(slices.Collect(maps.Keys(o.reads)), o.reach...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// isAsIn reports whether the files that Applications were made from are the same in another tree.
func (o *declaration) isAsIn(fsys fs.FS) bool {
	for name, data := range o.reads {
		if now, err := fs.ReadFile(fsys, name); err != nil || !bytes.Equal(now, data) {
			return false
		}
	}
	return true
}

// failure is an Application, or a generator of them, that is no source here.
type failure struct {
	environment string
	err         error
}

// expand returns the Applications that an object is or makes.
func (d *discovery) expand(fsys fs.FS, object map[string]any) (apps []map[string]any, failed []failure) {
	if object["kind"] == "Application" {
		return []map[string]any{object}, nil
	}
	environment := "ApplicationSet/" + nameOf(object)
	made, skipped, err := expandSet(fsys, object, d.ours)
	for _, app := range made {
		apps = append(apps, app.application)
	}
	for _, reason := range skipped {
		failed = append(failed, failure{environment, &notHere{reason}})
	}
	if err != nil {
		failed = append(failed, failure{environment, err})
	}
	return apps, failed
}

// failing is a source that is skipped, or fails with an error. Any change of some paths may mend it.
func failing(file, environment string, err error, paths []string) render.Source {
	source := render.Source{Kind: render.Raw, Path: file, Environment: environment}
	source.Declared = &render.Declaration{Path: file, Reads: paths, Complete: func(fs.FS, render.Source) (render.Source, error) {
		return source, located(file, err)
	}}
	if elsewhere := (*notHere)(nil); errors.As(err, &elsewhere) {
		source.Skip = elsewhere.reason
	}
	return source
}

// located gives an error the file of the Application, unless it has a place.
func located(file string, err error) error {
	failure := &yamldoc.Error{}
	if known := (*yamldoc.Error)(nil); errors.As(err, &known) {
		*failure = *known
	} else {
		failure.Err = err
	}
	failure.Location.Path = cmp.Or(failure.Location.Path, file)
	return failure
}

// add adds the sources of an Application, and those of the Applications that these render to.
func (d *discovery) add(object map[string]any, origin *declaration) {
	key, err := json.Marshal(object)
	if err != nil || d.known[string(key)] {
		return
	}
	d.known[string(key)] = true
	environment := "Application/" + nameOf(object)
	d.depth++
	defer func() { d.depth-- }()
	app, err := d.application(object)
	if d.depth > maxDepth {
		err = fmt.Errorf("applications that render to Applications are followed %d deep, and here are more", maxDepth)
	}
	if err != nil {
		d.found = append(d.found, failing(origin.file, environment, err, origin.paths()))
		return
	}
	for i := range app.sources {
		if app.sources[i].isRef() {
			continue
		}
		source, err := app.resolve(d.tree, i)
		if err != nil {
			source = failing(origin.file, environment, err, append(origin.paths(), app.names(i)...))
		} else {
			source.Environment = environment
			source.Declared = &render.Declaration{
				Path: origin.file, Document: origin.document, Object: slices.Concat(prefixOf(origin.object), app.paths[i]),
				Values: valuesObject, ValuesText: valuesText, Identity: identityKeys,
				Reads: origin.paths(), Complete: d.complete(origin, object, i),
			}
		}
		d.found = append(d.found, source)
		d.find(source)
	}
}

// The values that a source of an Application gives a chart, as paths from the source.
var (
	valuesObject = yamldoc.Path{yamldoc.Key("helm"), yamldoc.Key("valuesObject")}
	valuesText   = yamldoc.Path{yamldoc.Key("helm"), yamldoc.Key("values")}
)

// HandsOn reports whether an object is an Application, or makes Applications, that hands a field on to its sources: what a
// change of the field changes is in what these render to.
func HandsOn(m render.Manifest, path yamldoc.Path) bool {
	return declares(m.APIVersion, m.Kind) && slices.ContainsFunc(path, func(step yamldoc.Step) bool {
		return slices.Contains([]string{"helm", "kustomize", "plugin", "generators"}, step.Key)
	})
}

// identityKeys are the keys of Applications and ApplicationSets below which stands what is deployed, and not with which values.
var identityKeys = []string{"apiVersion", "kind", "metadata", "project", "repoURL", "path", "chart", "ref", "targetRevision"}

// prefixOf leads to the Application in an object that is one or makes some.
func prefixOf(object map[string]any) yamldoc.Path {
	if object["kind"] == "ApplicationSet" {
		return yamldoc.Path{yamldoc.Key("spec"), yamldoc.Key("template")}
	}
	return nil
}

// complete reads an Application's source again. Only where something is different it is expanded, and rendered, again: a tree can
// have hundreds of Applications of one set.
func (d *discovery) complete(origin *declaration, known map[string]any, index int) func(fs.FS, render.Source) (render.Source, error) {
	name := nameOf(known)
	return func(fsys fs.FS, source render.Source) (render.Source, error) {
		file, shown := source.Declared.Path, source.Shown(fsys)
		// What a probe does to templates shows only in what they render to.
		if file == origin.file && (origin.inFile || source.Probe == nil) && origin.isAsIn(shown) {
			return d.completed(shown, file, source, known, index)
		}
		object, err := origin.again(fsys, source)
		if err != nil {
			return source, err
		}
		if object != nil {
			apps, _ := d.expand(shown, object)
			for _, candidate := range apps {
				if nameOf(candidate) == name {
					return d.completed(shown, file, source, candidate, index)
				}
			}
		}
		return source, &yamldoc.Error{Location: yamldoc.Location{Path: file}, Err: fmt.Errorf("there is no Application %s any more", name)}
	}
}

func (d *discovery) completed(fsys fs.FS, file string, source render.Source, object map[string]any, index int) (render.Source, error) {
	app, err := d.application(object)
	if err == nil && index >= len(app.sources) {
		err = fmt.Errorf("the Application %s has %d sources", app.Name, len(app.sources))
	}
	if err != nil {
		return source, located(file, err)
	}
	resolved, err := app.resolve(fsys, index)
	if err != nil {
		return source, located(file, err)
	}
	if resolved.Kind != source.Kind {
		return source, located(file, fmt.Errorf("the Application %s: source %d is of the kind %s, expected %s", app.Name, index+1, resolved.Kind, source.Kind))
	}
	source.Helm, source.Kustomize, source.Files = resolved.Helm, resolved.Kustomize, resolved.Files
	if source.Kind != render.Helm || resolved.Helm.Repo == "" {
		source.Path = resolved.Path
	}
	return source, nil
}

// replaces reports whether Applications render a source that was found by its files.
func (d *discovery) replaces(source render.Source) bool {
	return slices.ContainsFunc(d.found, func(app render.Source) bool {
		if app.Skip != "" || app.Kind != source.Kind {
			return false
		}
		if source.Kind == render.Raw {
			return len(source.Files) > 0 && !slices.ContainsFunc(source.Files, func(f render.File) bool {
				return f.Data != nil || !slices.ContainsFunc(app.Files, func(other render.File) bool { return other.Path == f.Path })
			})
		}
		return app.Path == source.Path && !slices.ContainsFunc(source.Helm.ValuesFiles, func(f render.File) bool {
			return f.Data != nil || !slices.ContainsFunc(app.Helm.ValuesFiles, func(other render.File) bool { return other.Path == f.Path })
		})
	})
}

// distinct gives sources that would have the same identity the names of their files, and numbers where that is not
// enough.
func distinct(sources []render.Source) []render.Source {
	count := map[render.SourceID]int{}
	for _, s := range sources {
		count[s.ID()]++
	}
	for i := range sources {
		if s := &sources[i]; s.Declared != nil && s.Path != s.Declared.Path && count[s.ID()] > 1 {
			s.Environment += " of " + s.Declared.Path
		}
	}
	seen := map[render.SourceID]int{}
	for i := range sources {
		id := sources[i].ID()
		if seen[id]++; seen[id] > 1 {
			sources[i].Environment += fmt.Sprintf(" (%d)", seen[id])
		}
	}
	return sources
}
