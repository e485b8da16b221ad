package kustomize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// graph is the state of one render: a kustomization and all kustomizations that it names, directly or indirectly. The
// walk prepares them for kustomize, as the package comment says. It also finds faults that kustomize reports in less
// helpful words, such as a reference to a missing file.
type graph struct {
	ctx       context.Context
	engine    *Engine
	options   Options
	probe     render.Probe
	patches   map[string]bool // the files that a kustomization names in a field other than resources
	dir       string          // the directory of the source
	tree      *tree.Overlay
	mounted   []mount
	parsed    map[string]bool   // the files that kustomize parses
	visits    map[string]*visit // by directory
	openapi   bool              // whether a kustomization brings its own OpenAPI schema
	checkouts []io.Closer       // the open directories of remote repositories
}

// node is a kustomization in the graph, and the way on which the walk reached it.
type node struct {
	dir       string
	referrers []string // the directories of the kustomizations on the way, from the source on
	cloned    []string // the URLs and checkout directories of the remote kustomizations on the way
	namespace string   // the namespace that the charts of this kustomization inherit from the kustomizations on the way
	// layer is the tree or repository that holds the kustomization. It is mounted at base.
	layer fs.FS
	base  string
	// referencedAt is the location in the user's tree that names the first of cloned. It is empty if cloned is empty.
	referencedAt yamldoc.Location
}

// visit is a kustomization that was walked.
type visit struct {
	node
	file     string // its kustomization file
	k        *Kustomization
	inherits bool // whether a chart in it, or below it, inherits the namespace of the node
	builds   int  // how many kustomizations kustomize builds for it, itself included
}

// maxBuilds is how many kustomizations may be built for one source. Kustomize builds a base as often as it is named: of
// 30 kustomizations that each name the next one twice, it builds the last one 2^29 times.
const maxBuilds = 10_000

// errTooMany is the error for a reference after which there are more than maxBuilds kustomizations.
var errTooMany = fmt.Errorf("with it, more than %d kustomizations would be built", maxBuilds)

// close closes the checkouts of remote repositories.
func (g *graph) close() {
	for _, checkout := range g.checkouts {
		checkout.Close()
	}
}

// walk prepares a kustomization, and every file, directory and URL that it names, for kustomize.
func (g *graph) walk(at node) (*visit, error) {
	file, k, err := g.load(at)
	if err != nil {
		return nil, err
	}
	v := &visit{node: at, file: file, k: k, builds: 1}
	g.visits[at.dir] = v
	if len(g.visits) > maxBuilds {
		return nil, errTooMany
	}
	g.openapi = g.openapi || len(k.OpenAPI) > 0
	child := at
	child.referrers = append(slices.Clip(at.referrers), at.dir)
	if k.Namespace != "" {
		child.namespace = k.Namespace
	}
	changed, inherits := false, false
	for _, reference := range k.References() {
		instead, sub, err := g.prepare(at, child, reference)
		if sub != nil && (reference.Field == "components") != (sub.k.Kind == types.ComponentKind) {
			err = fmt.Errorf("its kind is %s, which this field does not take", sub.k.Kind)
		}
		if sub != nil {
			if v.builds += sub.builds; v.builds > maxBuilds && err == nil {
				err = errTooMany
			}
		}
		if err != nil {
			return nil, fault(k.Locate(reference.Path), reference.Field+": "+fetch.Redact(reference.Path), err)
		}
		if g.probe != nil && !strings.HasPrefix(reference.Field, "resources") {
			g.markPatch(at, cmp.Or(instead, reference.Path))
		}
		if instead != "" {
			reference.Set(instead)
			changed = true
		}
		inherits = inherits || sub != nil && sub.inherits
	}
	plugins := len(k.Generators) + len(k.Transformers) + len(k.Validators)
	charts, err := g.charts(at, file, k, child.namespace)
	changed = changed || len(k.Generators)+len(k.Transformers)+len(k.Validators) != plugins
	if err == nil {
		err = g.inflate(at, k, charts)
	}
	if err != nil {
		return nil, err
	}
	inherits = inherits || slices.ContainsFunc(charts, func(c chart) bool { return c.inherits })
	v.inherits = inherits && k.Namespace == ""
	if err := onlyLocal(k); err != nil {
		return nil, err
	}
	if changed || len(charts) > 0 || g.probe != nil || g.options.Edit != nil && at.dir == g.dir {
		data, err := sigsyaml.Marshal(k.Kustomization)
		if err != nil {
			return nil, err
		}
		g.tree.Write(file, data)
	}
	return v, nil
}

// onlyLocal returns an error if a kustomization that is ready for kustomize still names a URL. It is the last line of
// defense: kustomize runs git with the ref of a URL as an argument, so that a ref can be an option with a command.
func onlyLocal(k *Kustomization) error {
	for _, reference := range k.References() {
		if isWeb(reference.Path) || reference.Directory && beginsAsURL.MatchString(reference.Path) {
			return fault(k.Locate(""), reference.Field,
				fmt.Errorf("%s cannot be fetched from here", fetch.Redact(reference.Path)))
		}
	}
	return nil
}

// load reads the kustomization file of a directory. The directory must have exactly one. Options.Edit edits the content
// if the directory is that of the source.
func (g *graph) load(at node) (string, *Kustomization, error) {
	file, ok := FindFile(g.tree, at.dir)
	if !ok {
		return "", nil, fmt.Errorf("the directory has no %s", konfig.DefaultKustomizationFileName())
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		other := path.Join(at.dir, name)
		if info, err := fs.Stat(g.tree, other); err == nil && !info.IsDir() && other != file {
			return "", nil, &yamldoc.Error{
				Location: yamldoc.Location{Path: g.userPath(other)},
				Err:      fmt.Errorf("the directory has another kustomization file, %s", path.Base(file)),
				Hint:     "remove one of the two",
			}
		}
	}
	target, _, err := g.find(at, path.Base(file))
	if err == nil {
		err = g.permit(at, target)
	}
	if err != nil {
		return "", nil, fault(yamldoc.Location{Path: g.userPath(file)}, "symbolic link", err)
	}
	data, err := fs.ReadFile(g.tree, target)
	if err != nil {
		return "", nil, err
	}
	if g.probe != nil {
		data = g.probe(g.input(target, render.UseKustomization, data))
	}
	if g.options.Edit != nil && at.dir == g.dir {
		if data, err = g.options.Edit(data); err != nil {
			return "", nil, &yamldoc.Error{Location: yamldoc.Location{Path: g.userPath(file)}, Err: err}
		}
	}
	k, err := Parse(g.userPath(file), data)
	return file, k, err
}

// fault returns an error with a location. If the error already has a location, it returns the error unchanged;
// otherwise the message begins with what, such as "resources: ../base". It keeps the hint.
func fault(location yamldoc.Location, what string, err error) error {
	hint := ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		if failure.Location.Path != "" {
			return err
		}
		hint = failure.Hint
	}
	return &yamldoc.Error{Location: location, Err: fmt.Errorf("%s: %w", what, err), Hint: hint}
}

// prepare prepares the file, directory or URL of a reference in the kustomization at. It returns the path that replaces
// the reference, or "" if the reference stays, and the visit if the reference leads to a kustomization. child is the
// node for such a kustomization, still without its directory. The order of the attempts is kustomize's (kusttarget.go,
// accumulateResources): first a file, then a git URL, then a directory.
func (g *graph) prepare(at, child node, reference Reference) (instead string, sub *visit, err error) {
	component := reference.Field == "components"
	if isWeb(reference.Path) && !component {
		return g.web(at, child, reference)
	}
	found, info, err := g.find(at, reference.Path)
	if beginsAsURL.MatchString(reference.Path) {
		// Kustomize would clone a repository of this name if the file or directory of the tree is not what it expects.
		instead = "./" + reference.Path
	}
	if err == nil && !info.IsDir() && !component {
		if !strings.HasSuffix(reference.Field, "Generator.files") && !strings.HasSuffix(reference.Field, "Generator.envs") {
			g.parsed[found] = true
		}
		return instead, nil, g.permit(at, found)
	}
	if reference.Directory {
		r, gitErr := parseRepository(reference.Path)
		if gitErr == nil {
			return g.remote(at, child, reference.Path, r)
		}
		if strings.Contains(reference.Path, "://") {
			return "", nil, fmt.Errorf("it is no URL of a git repository: %w", gitErr)
		}
	}
	switch {
	case err != nil:
		return "", nil, err
	case !reference.Directory:
		return "", nil, errors.New("it is a directory, and this field takes files")
	case !info.IsDir():
		return "", nil, errors.New("it is a file, and this field takes directories")
	}
	child.dir = found
	mounted, sub, err := g.descend(at, child)
	return cmp.Or(mounted, instead), sub, err
}

// find returns the path of a file or directory that a kustomization names, with symbolic links resolved. name is
// relative to the kustomization. In a remote repository, the path must not lead out of the repository.
func (g *graph) find(at node, name string) (string, fs.FileInfo, error) {
	if path.IsAbs(name) {
		return "", nil, errors.New("it is an absolute path, where one relative to the kustomization is wanted")
	}
	target := path.Join(at.dir, name)
	found, info, err := tree.Resolve(g.tree, target, tree.MaxLinks)
	switch {
	case len(at.cloned) > 0 && (errors.Is(err, tree.ErrOutside) || !within(at.base, cmp.Or(found, target))):
		err = errors.New("it leads out of the repository")
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no %s", fetch.Redact(g.userPath(target)))
	case errors.Is(err, tree.ErrOutside):
		err = &yamldoc.Error{
			Err:  err.(*fs.PathError).Err,
			Hint: "run pullcheck on a directory that holds all that the kustomization names",
		}
	}
	return found, info, err
}

// permit applies kustomize's load restrictor (api/internal/loader/loadrestrictions.go): it returns an error for a file
// that is not below the kustomization that names it. LoadRestrictionsNone permits every file, but not in a remote
// repository.
func (g *graph) permit(at node, file string) error {
	if within(at.dir, file) || g.options.LoadRestrictionsNone && len(at.cloned) == 0 {
		return nil
	}
	failure := &yamldoc.Error{
		Err: fmt.Errorf("the file is not in or below %s, as kustomize wants it", g.userPath(at.dir)),
	}
	if len(at.cloned) == 0 {
		failure.Hint = "--load-restrictor LoadRestrictionsNone allows it"
	}
	return failure
}

// within reports whether a path is a directory or is below it.
func within(dir, name string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// descend walks the kustomization in child.dir, which the kustomization at names. It returns the path that replaces the
// reference, or "" if the reference stays. As in kustomize, a directory that holds a referrer is a cycle
// (api/internal/loader/fileloader.go).
func (g *graph) descend(at, child node) (string, *visit, error) {
	for _, referrer := range child.referrers {
		if within(child.dir, referrer) {
			return "", nil, fmt.Errorf("this is a cycle: %s leads here", g.userPath(referrer))
		}
	}
	v := g.visits[child.dir]
	if v != nil && (v.namespace == child.namespace || !v.inherits) {
		return "", v, nil
	}
	instead := ""
	if v != nil {
		// The kustomization was walked with another namespace for its charts. Kustomize would read the same file twice,
		// so a copy of the tree is mounted for this namespace.
		rest, _ := filepath.Rel(child.base, child.dir)
		child.base = g.mount(".", child.layer, mount{})
		child.dir = path.Join(child.base, filepath.ToSlash(rest))
		instead = relative(at.dir, child.dir)
	}
	v, err := g.walk(child)
	return instead, v, err
}

// remote fetches and mounts a repository, and walks the kustomization in it. entry is the URL in the kustomization at.
// The path that it returns replaces the URL.
func (g *graph) remote(at, child node, entry string, r repository) (string, *visit, error) {
	for _, visited := range at.cloned {
		if strings.HasPrefix(visited, entry) {
			return "", nil, fmt.Errorf("this is a cycle: %s leads here", fetch.Redact(visited))
		}
	}
	dir, err := g.engine.checkout(g.ctx, r)
	if err != nil {
		return "", nil, err
	}
	checkout, err := os.OpenRoot(dir)
	if err != nil {
		return "", nil, err
	}
	g.checkouts = append(g.checkouts, checkout)
	child.layer = tree.WithoutGit(checkout.FS())
	found, info, err := tree.Resolve(child.layer, path.Clean(r.path), tree.MaxLinks)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", r, err)
	}
	if !info.IsDir() {
		return "", nil, fmt.Errorf("%s is a file, and a kustomization is a directory", r.path)
	}
	visited := path.Join(filepath.ToSlash(dir), found)
	if slices.Contains(at.cloned, visited) {
		return "", nil, errors.New("this is a cycle: it is in the repository that leads here")
	}
	if len(at.cloned) == 0 {
		child.referencedAt = g.visits[at.dir].k.Locate(entry)
	}
	child.base = g.mount(".", child.layer,
		mount{name: fetch.Redact(r.url) + "//", entry: entry, referencedAt: child.referencedAt})
	child.dir = path.Join(child.base, found)
	child.cloned = append(slices.Clip(at.cloned), entry, visited)
	_, v, err := g.descend(at, child)
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		// The location is a file of the remote repository, which the user's tree does not have.
		err = &yamldoc.Error{Err: errors.New(failure.Error()), Hint: failure.Hint}
	}
	return relative(at.dir, child.dir), v, err
}

// web prepares a reference with an http or https URL, which may be the URL of a file or of a git repository.
//
// Kustomize downloads the URL first. If the download fails or has no objects, it clones the URL as a repository, so
// that the answer depends on the page that a server sends for a missing file. Here the text of the URL decides: a name
// such as x.yaml is downloaded first, and every other URL is cloned first. If the first attempt fails, the second one
// is made.
func (g *graph) web(at, child node, reference Reference) (string, *visit, error) {
	if !reference.Directory {
		instead, err := g.webFile(at, reference)
		return instead, nil, err
	}
	r, gitErr := parseRepository(reference.Path)
	if gitErr != nil || namesFile(reference.Path) {
		instead, err := g.webFile(at, reference)
		if err == nil || gitErr != nil {
			return instead, nil, err
		}
		if _, gitErr = g.engine.checkout(g.ctx, r); gitErr != nil {
			return "", nil, err
		}
	} else if _, err := g.engine.checkout(g.ctx, r); err != nil {
		if instead, webErr := g.webFile(at, reference); webErr == nil {
			return instead, nil, nil
		}
		return "", nil, err
	}
	return g.remote(at, child, reference.Path, r)
}

// webFile downloads a file and mounts it below the kustomization, where the load restrictor permits it. The path that
// it returns replaces the URL.
func (g *graph) webFile(at node, reference Reference) (string, error) {
	data, err := g.engine.download(g.ctx, reference.Path)
	if err != nil {
		return "", err
	}
	if reference.Directory {
		if objects, err := kio.FromBytes(data); err != nil || len(objects) == 0 || objects[0].GetKind() == "" {
			return "", errors.New("what it leads to is no Kubernetes object")
		}
	}
	name := "file"
	if u, err := url.Parse(reference.Path); err == nil && len(u.Path) > 1 {
		name = path.Base(u.Path)
	}
	referencedAt := at.referencedAt
	if len(at.cloned) == 0 {
		referencedAt = g.visits[at.dir].k.Locate(reference.Path)
	}
	dir := g.mount(at.dir, nil,
		mount{name: fetch.Redact(reference.Path), whole: true, entry: reference.Path, referencedAt: referencedAt})
	file := path.Join(dir, name)
	g.tree.Write(file, data)
	return relative(at.dir, file), nil
}

// relative returns the path from a directory of the tree to another path of the tree, with slashes.
func relative(from, to string) string {
	result, _ := filepath.Rel(from, to) // Both are relative, and neither leads out of the tree.
	return filepath.ToSlash(result)
}
