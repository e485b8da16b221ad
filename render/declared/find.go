package declared

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Find returns the sources of a tree, together with the sources that objects declare. The objects are found in
// manifests, in the output of charts and kustomizations, and in the output of declared sources. Find renders a source
// only if one of its files may contain such an object.
//
// A declared source replaces the sources that it deploys. For example, an Application of charts/web with
// values-prod.yaml replaces charts/web with its defaults, and its environment prod. A declared source that cannot be
// resolved is a render.Unrendered, and replaces nothing. Errors of rendering are dropped, because the same source fails
// again when it is checked. If the context is canceled, the result is incomplete: the caller checks the context.
func Find(ctx context.Context, fsys fs.FS, sources []render.Source, declarers ...Declarer) []render.Source {
	return FindAs(ctx, "", fsys, sources, declarers...)
}

// FindAs is Find with a prefix for the names of its units of work (package child). The prefix tells two revisions of a
// tree apart.
func FindAs(
	ctx context.Context, prefix string, fsys fs.FS, sources []render.Source, declarers ...Declarer,
) []render.Source {
	f := &finder{
		ctx: ctx, prefix: prefix, tree: fsys, declarers: declarers,
		known: map[string]bool{}, candidates: map[string]bool{}, refused: map[string]bool{},
	}
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
	prefix    string // of the names of units of work
	tree      fs.FS
	declarers []Declarer
	known     map[string]bool // the keys of the declared sources so far
	// candidates has the answers of fileMayDeclare, by file.
	candidates map[string]bool
	found      []render.Source
	isFull     bool            // found has maxDeclared sources
	refused    map[string]bool // files with an object that is not followed
	way        []render.ID     // the declared sources that are being searched, each in the output of the one before
}

// maxDepth is the limit of the length of way. Without it, a chart with an Application of itself, with another value each time,
// would have no end.
const maxDepth = 10

// maxSelf is how many sources of the same path may be on the way to a declared source. A chart of Applications can
// deploy itself with other values, but hardly more often.
const maxSelf = 3

// maxDeclared is the limit of the number of declared sources. Without it, a chart that renders ten Applications of itself
// would have 10 to the power of maxDepth.
const maxDeclared = 10_000

// declarer returns the declarer for a kind; nil if there is none.
func (f *finder) declarer(apiVersion, kind string) Declarer {
	for _, declarer := range f.declarers {
		if declarer.Declares(apiVersion, kind) {
			return declarer
		}
	}
	return nil
}

// mayDeclare is the prefilter of all declarers: it reports whether a text may contain an object that declares sources.
func (f *finder) mayDeclare(text []byte) bool {
	return slices.ContainsFunc(f.declarers, func(d Declarer) bool { return d.Mentions(text) })
}

// find finds the sources that the manifests of a source declare.
func (f *finder) find(source render.Source) {
	if _, unrendered := source.(render.Unrendered); unrendered || f.isFull || f.ctx.Err() != nil {
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
	mayDeclare := false
	f.eachFile(source, func(name string) bool {
		mayDeclare = f.fileMayDeclare(name)
		return !mayDeclare
	})
	if mayDeclare {
		f.inOutput(source)
	}
}

// inOutput renders a source, and finds the sources that its manifests declare. If a kustomization renders an object
// exactly as a file has it, the object is taken from the file, because an edit of the file then edits the object.
func (f *finder) inOutput(source render.Source) {
	recorder := tree.NewRecorder(f.tree)
	var failure error
	ctx, watched := fetch.Watch(f.ctx)
	// The unit is that of the check: a source that is not to be rendered there is not rendered here.
	manifests, err := child.Do(ctx, f.prefix+render.Unit(source), func(ctx context.Context) (manifests []render.Manifest) {
		manifests, failure = f.manifests(ctx, source, render.In{Tree: recorder})
		return manifests
	})
	if err != nil || failure != nil {
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
		if file, ok := f.fileOf(source, value); ok {
			f.inFile(file)
			continue
		}
		f.declare(&object{
			declarer: declarer, value: value, file: manifest.Document.Path,
			reads: reads, reach: source.Reach(f.tree).Paths(), downloaded: watched.Used(),
			reload: func(ctx context.Context, in render.In, _ string) (Object, error) {
				return f.objectIn(ctx, source, in, value)
			},
		})
	}
}

// manifests renders a source, and returns the manifests of the documents that may declare sources. A panic of the
// engine is an error.
func (f *finder) manifests(
	ctx context.Context, source render.Source, in render.In,
) (manifests []render.Manifest, err error) {
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

// objectIn renders a source, and returns the object with the kind and name of known; nil if there is none. If there are
// several, it is the object in the namespace of known, or else the first one.
func (f *finder) objectIn(ctx context.Context, source render.Source, in render.In, known Object) (Object, error) {
	manifests, err := f.manifests(ctx, source, in)
	if err != nil {
		return nil, err
	}
	var first Object
	for _, manifest := range manifests {
		if manifest.Kind != known.Kind() || manifest.Name != known.Name() {
			continue
		}
		value, err := decode(manifest.Node)
		if err != nil || manifest.Namespace == known.Namespace() {
			return value, err
		}
		if first == nil {
			first = value
		}
	}
	return first, nil
}

// fileMayDeclare is mayDeclare for a file. It remembers the answer, because many sources can be rendered from one file.
func (f *finder) fileMayDeclare(name string) bool {
	answer, known := f.candidates[name]
	if !known {
		data, err := fs.ReadFile(f.tree, name)
		answer = err == nil && !isBinary(data) && f.mayDeclare(data)
		f.candidates[name] = answer
	}
	return answer
}

// isBinary reports whether a file is neither UTF-8 nor UTF-16, such as an image or an archive. YAML in UTF-16 begins with
// a byte order mark.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data, 0) >= 0 &&
		!bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff"))
}

// eachFile calls visit for the files in the reach of a source, until visit returns false. The name of a file says
// nothing: Helm renders every file in templates, and a kustomization may name any file.
func (f *finder) eachFile(source render.Source, visit func(name string) bool) {
	stopped := false
	for _, root := range source.Reach(f.tree).Paths() {
		if stopped {
			return
		}
		_ = fs.WalkDir(f.tree, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			if stopped = !visit(name); stopped {
				return fs.SkipAll
			}
			return nil
		})
	}
}

// fileOf returns the file of a kustomization that has a rendered object with the same kind, name and spec.
func (f *finder) fileOf(source render.Source, value Object) (file string, ok bool) {
	if source.ID().Kind != render.Kustomize {
		return "", false
	}
	f.eachFile(source, func(name string) bool {
		if !f.fileMayDeclare(name) {
			return true
		}
		data, err := fs.ReadFile(f.tree, name)
		if err != nil {
			return true
		}
		objects, _ := f.objects(f.ctx, name, data)
		ok = slices.ContainsFunc(objects, func(other fileObject) bool {
			return other.value.Kind() == value.Kind() && other.value.Name() == value.Name() &&
				reflect.DeepEqual(other.value["spec"], value["spec"])
		})
		file = name
		return !ok
	})
	return file, ok
}

// fileObject is an object of a file that declares sources.
type fileObject struct {
	declarer Declarer
	document int // the number of YAML documents before it in the file
	kind     string
	value    Object
	err      error // if not nil, the object cannot be decoded, and value is nil
}

// objects returns the objects that declare sources in the content of a file. The error is the parser's, if the content
// is not YAML, or that of the unit of work.
func (f *finder) objects(ctx context.Context, file string, data []byte) (objects []fileObject, err error) {
	// The unit is that of the file as a source of its own, as in inOutput.
	unit := f.prefix + render.Unit(render.Unrendered{As: render.ID{Kind: render.Raw, Path: file}})
	_, unitErr := child.Do(ctx, unit, func(context.Context) bool {
		objects, err = f.parse(data)
		return true
	})
	return objects, cmp.Or(unitErr, err)
}

func (f *finder) parse(data []byte) ([]fileObject, error) {
	documents, err := yamldoc.ParseStream(data)
	if err != nil {
		return nil, err
	}
	var objects []fileObject
	for i, document := range documents {
		kind := yamldoc.Scalar(document, "kind")
		if declarer := f.declarer(yamldoc.Scalar(document, "apiVersion"), kind); declarer != nil {
			value, err := decode(document)
			objects = append(objects, fileObject{declarer, i, kind, value, err})
		}
	}
	return objects, nil
}

// inFile finds the sources that the objects of a file declare.
func (f *finder) inFile(file string) {
	data, err := fs.ReadFile(f.tree, file)
	if err != nil || !f.mayDeclare(data) {
		return
	}
	objects, err := f.objects(f.ctx, file, data)
	if err != nil {
		return // The file fails as a source of its own.
	}
	for _, at := range objects {
		if at.err != nil {
			f.found = append(f.found, unrendered(&object{file: file}, at.kind, at.err, []string{file}))
			continue
		}
		f.declare(&object{
			declarer: at.declarer, value: at.value, file: file, document: at.document, inFile: true,
			reads: map[string][]byte{file: data},
			reload: func(ctx context.Context, in render.In, file string) (Object, error) {
				return f.objectAt(ctx, withProbe(in), file, at)
			},
		})
	}
}

// objectAt returns the object of a file that has the kind and name of known; nil if there is none. If there are several,
// such as Applications of two namespaces, it is the object in the same document, or else the first one.
func (f *finder) objectAt(ctx context.Context, fsys fs.FS, file string, known fileObject) (Object, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	objects, err := f.objects(ctx, file, data)
	if err != nil {
		return nil, yamldoc.ParseError(file, data, err)
	}
	objects = slices.DeleteFunc(objects, func(at fileObject) bool {
		return at.err != nil || at.kind != known.kind || at.value.Name() != known.value.Name()
	})
	if len(objects) == 0 {
		return nil, nil
	}
	same := slices.IndexFunc(objects, func(at fileObject) bool { return at.document == known.document })
	return objects[max(same, 0)].value, nil
}

// content returns the content of files by name, without the files that are absent.
func (f *finder) content(names []string) map[string][]byte {
	content := map[string][]byte{}
	for _, name := range names {
		if data, err := fs.ReadFile(f.tree, name); err == nil {
			content[name] = data
		}
	}
	return content
}

// declare adds the sources that an object declares, and the sources that their manifests declare in turn. It leaves out
// sources that are known by their key.
func (f *finder) declare(o *object) {
	recorder := tree.NewRecorder(f.tree)
	name := o.value.Kind() + "/" + o.value.Name()
	unit := fmt.Sprintf("%s%s %s %d", f.prefix, name, o.file, o.document)
	items, err := child.Do(f.ctx, unit, func(context.Context) []Declared {
		return o.declarer.Expand(recorder, o.file, o.value)
	})
	if err != nil {
		items = []Declared{{Name: name, Err: render.UnitError(o.file, err)}}
	}
	o.reads = maps.Clone(o.reads)
	maps.Copy(o.reads, f.content(recorder.Files()))
	if len(f.way) >= maxDepth {
		f.refuse(o, name, fmt.Errorf("applications that render to Applications are followed %d deep, and here are more", maxDepth))
		return
	}
	for _, item := range items {
		if item.Key != "" && f.known[item.Key] {
			continue
		}
		f.known[item.Key] = true
		if len(f.found) >= maxDeclared {
			f.isFull = true
			f.refuse(o, name, fmt.Errorf(
				"up to here, objects such as Applications declare %d sources, and no more are followed", maxDeclared))
			return
		}
		f.add(o, item)
	}
}

// refuse adds a failure for an object that is not followed, once for each file: the same chart can render any number of
// such objects.
func (f *finder) refuse(o *object, name string, err error) {
	if !f.refused[o.file] {
		f.refused[o.file] = true
		f.found = append(f.found, unrendered(o, name, err, o.paths()))
	}
}

// add adds one source that an object declares, and the sources that its manifests declare.
func (f *finder) add(o *object, item Declared) {
	err := item.Err
	var source render.Source
	if err == nil {
		source, err = item.Resolve(f.tree)
	}
	if err != nil {
		f.found = append(f.found, unrendered(o, item.Name, err, append(o.paths(), item.Paths...)))
		return
	}
	declared := &Source{
		found: source, environment: item.Name, item: item, object: o,
		Declaration: Declaration{
			Layout: o.declarer.Layout(), Path: o.file, Document: o.document, Object: item.Options, Reads: o.paths(),
		},
	}
	id := source.ID()
	others := slices.DeleteFunc(slices.Clone(f.way), func(above render.ID) bool { return above.Path != id.Path || above.Kind != id.Kind })
	if len(others) >= maxSelf {
		f.refuse(o, item.Name, fmt.Errorf("%s deploys itself, and is followed %d deep", id.Path, maxSelf))
		return
	}
	f.found = append(f.found, declared)
	f.way = append(f.way, id)
	f.find(declared)
	f.way = f.way[:len(f.way)-1]
}

// unrendered returns a render.Unrendered for a declared source that cannot be resolved: skipped if the error is a
// *render.Skip, and failed otherwise. name is the name of the source.
func unrendered(o *object, name string, err error, paths []string) render.Source {
	source := render.Unrendered{
		As: render.ID{Kind: render.Raw, Path: o.file, Environment: name}, Paths: paths, Downloaded: o.downloaded,
	}
	if source.Skip = skipOf(err); source.Skip == nil {
		source.Err = located(o.file, err)
	}
	return source
}

// isReplaced reports whether a declared source deploys a source that package discover has found: whether both have the
// same kind and path, and the declared source names all values files of the other one. Manifests need not have the same
// path.
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
			same := func(d render.File) bool { return d.Path == file.Path }
			return file.Data != nil || !slices.ContainsFunc(declared.Files(), same)
		})
	})
}

// distinct makes the IDs of declared sources distinct. It adds the file of the object to equal environments
// (Application/web of apps/prod.yaml), and a number to the environments that are still equal (Application/web (2)).
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
