package kustomize

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
)

// mounts is the directory in which the tree gets what kustomize would fetch or generate in the build, each
// under a number.
const mounts = ".pullcheck~"

// mount is what stands under a number.
type mount struct {
	name  string // for messages: of the directory, with whole of all that is in it
	whole bool
	// entry is the URL that stood in the kustomization, if any.
	entry string
	// place is where the user's tree names what was fetched.
	place yamldoc.Location
	// chart is the name of the chart which this is the output of, and configured says where and by what.
	chart      string
	configured resource.Origin
}

// mount reserves a directory of the tree, below another one, and puts a tree there if it is not nil.
func (g *graph) mount(dir string, fsys fs.FS, m mount) string {
	g.mounted = append(g.mounted, m)
	place := path.Join(dir, mounts, strconv.Itoa(len(g.mounted)))
	if fsys != nil {
		g.tree.Mount(place, fsys)
	}
	return place
}

var (
	mountedPath = regexp.MustCompile(`^(?:(.*)/)?` + regexp.QuoteMeta(mounts) + `/(\d+)(?:/(.*))?$`)
	mountedText = regexp.MustCompile(`[^\s'"` + "`" + `()]*` + regexp.QuoteMeta(mounts) + `/\d+(?:/[^\s'"` + "`" + `():,]*)?`)
)

// split takes apart a path that leads into a mount.
func (g *graph) split(name string) (dir string, m mount, rest string, ok bool) {
	parts := mountedPath.FindStringSubmatch(name)
	if parts == nil {
		return "", m, "", false
	}
	number, _ := strconv.Atoi(parts[2])
	if number < 1 || number > len(g.mounted) {
		return "", m, "", false // The tree has such a directory of its own.
	}
	return parts[1], g.mounted[number-1], parts[3], true
}

// shown is a path for locations: as the tree or the repository has it.
func (g *graph) shown(name string) string {
	if _, _, rest, ok := g.split(name); ok {
		return path.Join(".", rest)
	}
	return name
}

// tidy puts what the user knows in place of mounts and of the virtual root in a message of kustomize.
func (g *graph) tidy(text string) string {
	text = strings.ReplaceAll(text, root+"/", "")
	text = strings.ReplaceAll(text, root, ".")
	return mountedText.ReplaceAllStringFunc(text, func(name string) string {
		switch _, m, rest, ok := g.split(name); {
		case !ok:
			return name
		case m.whole:
			return m.name
		default:
			return m.name + rest
		}
	})
}

// kustomizeVersion is the release of kustomize whose api module is in go.mod (v0.21.2).
const kustomizeVersion = "v5.8.2"

// annotate makes the labels and annotations of buildMetadata equal those of `kustomize build`: the version
// is kustomize's, not this program's, and origins name what was mounted by its URL or generator.
func (g *graph) annotate(metadata []string, m resmap.ResMap) error {
	for _, r := range m.Resources() {
		if slices.Contains(metadata, types.ManagedByLabelOption) {
			labels := r.GetLabels()
			labels[konfig.ManagedbyLabelKey] = "kustomize-" + kustomizeVersion
			if err := r.SetLabels(labels); err != nil {
				return err
			}
		}
		if len(metadata) > 0 && len(g.mounted) > 0 {
			if err := g.renameOrigins(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *graph) renameOrigins(r *resource.Resource) error {
	origin, err := r.GetOrigin()
	if err != nil {
		return err
	}
	if origin != nil {
		g.rename(origin)
		if err := r.SetOrigin(origin); err != nil {
			return err
		}
	}
	transformations, err := r.GetTransformations()
	if err != nil || transformations == nil {
		return err
	}
	if err := r.ClearTransformations(); err != nil {
		return err
	}
	for _, origin := range transformations {
		g.rename(origin)
		if err := r.AddTransformation(origin); err != nil {
			return err
		}
	}
	return nil
}

// rename puts what the user knows in place of a mount in an origin, as resource.Origin.Append and
// configureBuiltinGenerators (kusttarget_configplugin.go) have it. Its path is relative to the source's.
func (g *graph) rename(origin *resource.Origin) {
	place := &origin.Path
	if *place == "" {
		place = &origin.ConfiguredIn
	}
	dir, m, rest, ok := g.split(*place)
	if !ok {
		return
	}
	if m.chart != "" {
		*origin = m.configured
		origin.ConfiguredIn = path.Join(dir, origin.ConfiguredIn)
		g.rename(origin)
		return
	}
	r, err := parseRepository(m.entry)
	if m.entry == "" || err != nil {
		*place = path.Join(dir, m.entry, rest)
		if m.entry == "" {
			*place = relative(g.dir, path.Join(g.dir, *place)) // As if there were one copy.
		}
		g.rename(origin)
		return
	}
	if m.whole {
		rest = r.path
	}
	if r.path == "" {
		// Kustomize cuts the checkout's directory off too late there.
		rest = path.Join("notCloned", rest)
	}
	origin.Repo, origin.Ref, *place = r.url, r.ref, path.Clean(rest)
}
