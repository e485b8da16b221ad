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

// mounts is the name of the directories with the files that kustomize would fetch or generate in the build. Each mount
// has a number. For example, overlays/prod/.pullcheck~/2/manifests.yaml has the manifests of a chart.
const mounts = ".pullcheck~"

// mount describes a directory below mounts: a remote repository, a remote file, the manifests of a chart, or a copy of
// files of the tree.
type mount struct {
	name  string // for messages: the name of the directory, or of all its content if whole is true
	whole bool
	// entry is the URL in the kustomization that the mount replaces; it is empty for a chart and a copy.
	entry string
	// referencedAt is the location in the user's tree that names the URL.
	referencedAt yamldoc.Location
	// chart is the name of the chart, if the mount has the manifests of a chart. configured names the file and the
	// object that configure the chart.
	chart      string
	configured resource.Origin
}

// mount reserves a new directory for a mount, below the directory dir of the tree, and returns its path. If fsys is not
// nil, the files of fsys are mounted there; otherwise the caller writes the files.
func (g *graph) mount(dir string, fsys fs.FS, m mount) string {
	g.mounted = append(g.mounted, m)
	mountedAt := path.Join(dir, mounts, strconv.Itoa(len(g.mounted)))
	if fsys != nil {
		g.tree.Mount(mountedAt, fsys)
	}
	return mountedAt
}

// mountedPath matches a path that leads into a mount, and mountedText finds such paths in a message.
var (
	mountedPath = regexp.MustCompile(`^(?:(.*)/)?` + regexp.QuoteMeta(mounts) + `/(\d+)(?:/(.*))?$`)
	mountedText = regexp.MustCompile(
		`[^\s'"` + "`" + `()]*` + regexp.QuoteMeta(mounts) + `/\d+(?:/[^\s'"` + "`" + `():,]*)?`)
)

// split splits a path that leads into a mount: into the directory above mounts, the mount, and the rest of the path. ok
// is false for any other path.
func (g *graph) split(name string) (dir string, m mount, rest string, ok bool) {
	parts := mountedPath.FindStringSubmatch(name)
	if parts == nil {
		return "", m, "", false
	}
	number, _ := strconv.Atoi(parts[2])
	if number < 1 || number > len(g.mounted) {
		return "", m, "", false // The user's tree has a directory with this name.
	}
	return parts[1], g.mounted[number-1], parts[3], true
}

// userPath returns a path of the overlay as a path of the user's tree. For a path in a mount, it returns the path in
// the repository that is mounted.
func (g *graph) userPath(name string) string {
	if _, _, rest, ok := g.split(name); ok {
		return path.Join(".", rest)
	}
	return name
}

// userText replaces paths of mounts in a message of kustomize by the names of the mounts, and absolute paths by paths
// of the tree: words that the user knows.
func (g *graph) userText(text string) string {
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

// annotate makes the labels and annotations of the field buildMetadata equal to those of `kustomize build`: the version
// is kustomize's and not this program's, and the origin of an object in a mount is its URL or the generator of its
// chart.
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

// renameOrigins renames the origin of an object, and the origins of the transformations that changed it.
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

// rename replaces the path of a mount in an origin by the values that kustomize itself would write
// (resource.Origin.Append, and configureBuiltinGenerators in kusttarget_configplugin.go). Paths in an origin are
// relative to the directory of the source. A mount may lie in another mount, so rename calls itself until no mount is
// left.
func (g *graph) rename(origin *resource.Origin) {
	file := &origin.Path
	if *file == "" {
		file = &origin.ConfiguredIn
	}
	dir, m, rest, ok := g.split(*file)
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
		*file = path.Join(dir, m.entry, rest)
		if m.entry == "" {
			*file = relative(g.dir, path.Join(g.dir, *file)) // The mount is a copy: name the original.
		}
		g.rename(origin)
		return
	}
	if m.whole {
		rest = r.path
	}
	if r.path == "" {
		// Kustomize cuts the first element off the path /notCloned/DIRECTORY, by its second slash. If the URL names no
		// directory, there is no second slash, and notCloned stays (api/resource/origin.go, Append).
		rest = path.Join("notCloned", rest)
	}
	origin.Repo, origin.Ref, *file = r.url, r.ref, path.Clean(rest)
}
