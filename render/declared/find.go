package declared

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Find returns sources of a tree together with the sources that objects in their manifests declare, also in what charts
// and kustomizations render to, and in what declared sources render to in turn.
//
// A declared source replaces the sources that it deploys: its path's defaults, and the environments whose values files it
// takes. A source that cannot be resolved is a render.Unrendered, and replaces nothing. Errors of rendering are left out,
// because the same source fails again when it is checked.
func Find(ctx context.Context, fsys fs.FS, sources []render.Source, declarers ...Declarer) []render.Source {
	f := &finder{ctx: ctx, tree: fsys, declarers: declarers, known: map[string]bool{}, mentions: map[string]bool{}}
	// Manifests come first, because most objects that declare sources are manifests, and charts come last, because the
	// defaults of a chart that a declared source renders are not deployed.
	for _, kind := range []render.Kind{render.Raw, render.Kustomize, render.Helm} {
		for _, source := range sources {
			if source.ID().Kind == kind && (kind == render.Raw || !f.isReplaced(source)) {
				f.find(source)
			}
		}
	}
	sources = slices.DeleteFunc(slices.Clone(sources), f.isReplaced)
	return append(sources, distinct(f.found)...)
}

// finder is the state of one Find.
type finder struct {
	ctx       context.Context
	tree      fs.FS
	declarers []Declarer
	known     map[string]bool // the keys of the sources that were declared
	mentions  map[string]bool // file → whether it may hold objects that declare sources
	found     []render.Source
	depth     int // of declared sources that are found in what other declared sources render to
}

// maxDepth bounds the depth. An object can render to itself with another value each time.
const maxDepth = 10

// declarer returns the declarer for a kind; nil if there is none.
func (f *finder) declarer(apiVersion, kind string) Declarer {
	for _, declarer := range f.declarers {
		if declarer.Declares(apiVersion, kind) {
			return declarer
		}
	}
	return nil
}

// mayDeclare reports whether a text may hold objects that declare sources.
func (f *finder) mayDeclare(text []byte) bool {
	return slices.ContainsFunc(f.declarers, func(d Declarer) bool { return d.Mentions(text) })
}

// find finds what the manifests of a source declare.
func (f *finder) find(source render.Source) {
	if _, unrendered := source.(render.Unrendered); unrendered || f.ctx.Err() != nil {
		return
	}
	if source.ID().Kind == render.Raw {
		for _, file := range source.Files() {
			if file.Data == nil {
				f.inFile(file.Path)
			}
		}
		return
	}
	mentioned := false
	f.eachFile(source, func(name string) bool {
		mentioned = f.fileMentions(name)
		return !mentioned
	})
	if mentioned {
		f.inOutput(source)
	}
}

// inOutput finds what the objects declare to which a source renders.
func (f *finder) inOutput(source render.Source) {
	recorder := tree.NewRecorder(f.tree)
	manifests, err := f.manifests(f.ctx, source, render.In{Tree: recorder})
	if err != nil {
		return
	}
	reads := f.content(recorder.Files())
	for _, manifest := range manifests {
		declarer := f.declarer(manifest.APIVersion, manifest.Kind)
		if declarer == nil {
			continue
		}
		value, err := decode(manifest.Node)
		if err != nil {
			continue
		}
		if file, ok := f.standsInFile(source, value); ok {
			f.inFile(file)
			continue
		}
		f.declare(&object{
			declarer: declarer, value: value, file: manifest.Document.Path, reads: reads, reach: source.Reach(f.tree).Paths(),
			again: func(ctx context.Context, in render.In, _ string) (Object, error) {
				return f.objectIn(ctx, source, in, value)
			},
		})
	}
}

// manifests renders a source and returns the manifests that may declare sources. A panic of the engine is an error.
func (f *finder) manifests(ctx context.Context, source render.Source, in render.In) (manifests []render.Manifest, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the %s engine panicked: %v", source.ID().Kind, value)
		}
	}()
	result, err := source.Render(ctx, in)
	if err != nil {
		return nil, err
	}
	return result.Manifests(f.mayDeclare)
}

// objectIn returns the object of the same kind and name in what a source renders to; nil if there is none.
func (f *finder) objectIn(ctx context.Context, source render.Source, in render.In, known Object) (Object, error) {
	manifests, err := f.manifests(ctx, source, in)
	if err != nil {
		return nil, err
	}
	for _, manifest := range manifests {
		if manifest.Kind == known.Kind() && manifest.Name == known.Name() {
			return decode(manifest.Node)
		}
	}
	return nil, nil
}

// fileMentions reports whether a file may hold objects that declare sources. It remembers the answer, because many sources
// can be rendered from one file.
func (f *finder) fileMentions(name string) bool {
	known, ok := f.mentions[name]
	if !ok {
		data, err := fs.ReadFile(f.tree, name)
		known = err == nil && f.mayDeclare(data)
		f.mentions[name] = known
	}
	return known
}

// eachFile calls visit for the text files in reach of a source, until visit returns false.
func (f *finder) eachFile(source render.Source, visit func(name string) bool) {
	stopped := false
	for _, root := range source.Reach(f.tree).Paths() {
		if stopped {
			return
		}
		_ = fs.WalkDir(f.tree, root, func(name string, entry fs.DirEntry, err error) error {
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

// standsInFile returns the file of a kustomization that holds an object just as it is rendered. An edit of the file then
// edits the object.
func (f *finder) standsInFile(source render.Source, value Object) (file string, ok bool) {
	if source.ID().Kind != render.Kustomize {
		return "", false
	}
	f.eachFile(source, func(name string) bool {
		if !f.fileMentions(name) {
			return true
		}
		data, err := fs.ReadFile(f.tree, name)
		if err != nil {
			return true
		}
		objects, _ := f.objects(data)
		ok = slices.ContainsFunc(objects, func(other placed) bool {
			return other.value.Kind() == value.Kind() && other.value.Name() == value.Name() && reflect.DeepEqual(other.value["spec"], value["spec"])
		})
		file = name
		return !ok
	})
	return file, ok
}

// placed is an object of a file that declares sources.
type placed struct {
	declarer Declarer
	document int // how many YAML documents stand before it
	kind     string
	value    Object
	err      error // why the value cannot be decoded
}

// objects returns the objects of a file that declare sources. The error is that of a file that is not YAML.
func (f *finder) objects(data []byte) ([]placed, error) {
	documents, err := yamldoc.Parse(data)
	if err != nil {
		return nil, err
	}
	var objects []placed
	for i, document := range documents {
		kind := yamldoc.Scalar(document, "kind")
		if declarer := f.declarer(yamldoc.Scalar(document, "apiVersion"), kind); declarer != nil {
			value, err := decode(document)
			objects = append(objects, placed{declarer, i, kind, value, err})
		}
	}
	return objects, nil
}

// inFile finds what the objects of a file declare.
func (f *finder) inFile(file string) {
	data, err := fs.ReadFile(f.tree, file)
	if err != nil || !f.mayDeclare(data) {
		return
	}
	objects, err := f.objects(data)
	if err != nil {
		return // The file fails as a source of its own.
	}
	for _, at := range objects {
		if at.err != nil {
			f.found = append(f.found, unrendered(file, at.kind, at.err, []string{file}))
			continue
		}
		name := at.value.Name()
		f.declare(&object{
			declarer: at.declarer, value: at.value, file: file, document: at.document, inFile: true, reads: map[string][]byte{file: data},
			again: func(_ context.Context, in render.In, file string) (Object, error) {
				return f.objectAt(shown(in), file, name)
			},
		})
	}
}

// objectAt returns the object of a name in a file; nil if there is none.
func (f *finder) objectAt(fsys fs.FS, file, name string) (Object, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	objects, err := f.objects(data)
	if err != nil {
		return nil, yamldoc.ParseError(file, data, err)
	}
	for _, at := range objects {
		if at.err == nil && at.value.Name() == name {
			return at.value, nil
		}
	}
	return nil, nil
}

// content returns the content of those files that are there.
func (f *finder) content(names []string) map[string][]byte {
	content := map[string][]byte{}
	for _, name := range names {
		if data, err := fs.ReadFile(f.tree, name); err == nil {
			content[name] = data
		}
	}
	return content
}

// declare adds the sources that an object declares, and the sources that these render to.
func (f *finder) declare(o *object) {
	recorder := tree.NewRecorder(f.tree)
	items := o.declarer.Expand(recorder, o.file, o.value)
	o.reads = maps.Clone(o.reads)
	maps.Copy(o.reads, f.content(recorder.Files()))
	f.depth++
	defer func() { f.depth-- }()
	for _, item := range items {
		if item.Key != "" && f.known[item.Key] {
			continue
		}
		f.known[item.Key] = true
		f.add(o, item)
	}
}

// add adds a source that an object declares, and what its manifests declare.
func (f *finder) add(o *object, item Declared) {
	err := item.Err
	if f.depth > maxDepth && err == nil {
		err = fmt.Errorf("applications that render to Applications are followed %d deep, and here are more", maxDepth)
	}
	var source render.Source
	if err == nil {
		source, err = item.Resolve(f.tree)
	}
	if err != nil {
		f.found = append(f.found, unrendered(o.file, item.Name, err, append(o.paths(), item.Paths...)))
		return
	}
	declared := &Source{
		found: source, environment: item.Name, item: item, object: o,
		Declaration: Declaration{
			Layout: o.declarer.Layout(), Path: o.file, Document: o.document, Object: item.Options, Reads: o.paths(),
		},
	}
	f.found = append(f.found, declared)
	f.find(declared)
}

// unrendered returns a source that is skipped, or that fails with an error. Any change of the paths may mend it.
func unrendered(file, name string, err error, paths []string) render.Source {
	source := render.Unrendered{As: render.ID{Kind: render.Raw, Path: file, Environment: name}, Paths: paths}
	if source.Skip = skipOf(err); source.Skip == nil {
		source.Err = located(file, err)
	}
	return source
}

// isReplaced reports whether a declared source deploys a source that was found by its files.
func (f *finder) isReplaced(source render.Source) bool {
	id, files := source.ID(), source.Files()
	if id.Kind == render.Raw && len(files) == 0 {
		return false
	}
	return slices.ContainsFunc(f.found, func(declared render.Source) bool {
		other := declared.ID()
		if other.Kind != id.Kind || id.Kind != render.Raw && other.Path != id.Path {
			return false
		}
		return !slices.ContainsFunc(files, func(file render.File) bool {
			return file.Data != nil || !slices.ContainsFunc(declared.Files(), func(d render.File) bool { return d.Path == file.Path })
		})
	})
}

// distinct makes the IDs of declared sources distinct: by the files of their objects, and by numbers where that is not
// enough.
func distinct(sources []render.Source) []render.Source {
	count := map[render.ID]int{}
	for _, source := range sources {
		count[source.ID()]++
	}
	for _, source := range sources {
		if s, ok := source.(*Source); ok && s.found.ID().Path != s.Path && count[s.ID()] > 1 {
			s.environment += " of " + s.Path
		}
	}
	seen := map[render.ID]int{}
	for i, source := range sources {
		id := source.ID()
		if seen[id]++; seen[id] == 1 {
			continue
		}
		number := fmt.Sprintf(" (%d)", seen[id])
		switch s := source.(type) {
		case *Source:
			s.environment += number
		case render.Unrendered:
			s.As.Environment += number
			sources[i] = s
		}
	}
	return sources
}
