package argocd

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/edit"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/kustomize"
)

// Kustomize are the options of a source that is a kustomization (ApplicationSourceKustomize).
type Kustomize struct {
	NamePrefix                string            `json:"namePrefix,omitempty"`
	NameSuffix                string            `json:"nameSuffix,omitempty"`
	Images                    []string          `json:"images,omitempty"`
	Replicas                  []Replica         `json:"replicas,omitempty"`
	CommonLabels              map[string]string `json:"commonLabels,omitempty"`
	ForceCommonLabels         bool              `json:"forceCommonLabels,omitempty"`
	LabelWithoutSelector      bool              `json:"labelWithoutSelector,omitempty"`
	LabelIncludeTemplates     bool              `json:"labelIncludeTemplates,omitempty"`
	CommonAnnotations         map[string]string `json:"commonAnnotations,omitempty"`
	ForceCommonAnnotations    bool              `json:"forceCommonAnnotations,omitempty"`
	CommonAnnotationsEnvsubst bool              `json:"commonAnnotationsEnvsubst,omitempty"`
	Namespace                 string            `json:"namespace,omitempty"`
	Patches                   []any             `json:"patches,omitempty"` // the field patches of a kustomization
	Components                []string          `json:"components,omitempty"`
	IgnoreMissingComponents   bool              `json:"ignoreMissingComponents,omitempty"`
	KubeVersion               string            `json:"kubeVersion,omitempty"`
	APIVersions               []string          `json:"apiVersions,omitempty"`
	// BuildOptions are flags of `kustomize build`. In Argo CD they are part of the configuration for all Applications,
	// and not an option of a source. Pullcheck's plugin has a parameter of this name.
	BuildOptions string `json:"buildOptions,omitempty"`
}

// Replica sets the number of replicas of an object.
type Replica struct {
	Name  string `json:"name"`
	Count any    `json:"count"` // a whole number, or a string with a whole number
}

// kustomize returns the source for a kustomization, with the options that Argo CD passes to `kustomize build`. Argo CD
// first edits the kustomization file with `kustomize edit` (util/kustomize/kustomize.go, Build); here Options.Edit does
// so.
func (a *App) kustomize(fsys fs.FS, s Source) (render.Source, error) {
	source := kustomize.Source{Engine: a.Kustomize, Path: s.Path, Options: kustomize.Options{
		LoadRestrictionsNone: a.LoadRestrictionsNone,
		HelmAPIVersions:      a.APIVersions,
	}}
	k := s.Kustomize
	if k == nil {
		k = &Kustomize{}
	}
	var err error
	if source.Options.HelmKubeVersion, err = parseKubeVersion(cmp.Or(k.KubeVersion, a.KubeVersion)); err != nil {
		return nil, err
	}
	if len(k.APIVersions) > 0 {
		source.Options.HelmAPIVersions = k.APIVersions
	}
	if err := readBuildOptions(k.BuildOptions, &source.Options); err != nil {
		return nil, err
	}
	commands, err := a.commands(k)
	if err != nil {
		return nil, err
	}
	components := k.Components
	if k.IgnoreMissingComponents {
		components = slices.DeleteFunc(slices.Clone(components), func(component string) bool {
			_, err := fs.Stat(fsys, path.Join(s.Path, component))
			return err != nil
		})
	}
	if components, err = globbed(fsys, s.Path, components); err != nil {
		return nil, err
	}
	if len(commands)+len(k.Patches)+len(components) > 0 {
		source.Options.Edit = func(kustomization []byte) ([]byte, error) {
			edited, err := kustomizeEdit(kustomization, commands)
			if err != nil {
				return nil, err
			}
			return extend(edited, k.Patches, components)
		}
	}
	return source, nil
}

// globbed replaces each pattern in a list of components by the directories that it matches, as
// `kustomize edit add component` does. Paths are relative to dir, the directory of the kustomization. A pattern without
// a match is an error.
func globbed(fsys fs.FS, dir string, components []string) ([]string, error) {
	var found []string
	for _, component := range components {
		if !strings.ContainsAny(component, `*?[`) {
			found = append(found, component)
			continue
		}
		matches, err := fs.Glob(fsys, path.Join(dir, component))
		if err != nil || len(matches) == 0 {
			return nil, fmt.Errorf("components: %q matches nothing in the repository", component)
		}
		for _, match := range matches {
			relative, err := filepath.Rel(filepath.FromSlash(dir), filepath.FromSlash(match))
			if err != nil {
				return nil, err
			}
			found = append(found, filepath.ToSlash(relative))
		}
	}
	return found, nil
}

// readBuildOptions parses flags of `kustomize build` into the options. It accepts --enable-helm, which is always on,
// and
// --load-restrictor.
func readBuildOptions(text string, options *kustomize.Options) error {
	words := strings.Fields(strings.ReplaceAll(text, "=", " "))
	for len(words) > 0 {
		switch {
		case words[0] == "--enable-helm":
			words = words[1:]
		case words[0] == "--load-restrictor" && len(words) > 1:
			options.LoadRestrictionsNone = words[1] == "LoadRestrictionsNone"
			words = words[2:]
		default:
			return fmt.Errorf("buildOptions has %s, "+
				"expected --load-restrictor LoadRestrictionsNone or --enable-helm", words[0])
		}
	}
	return nil
}

// commands returns the arguments of the commands `kustomize edit` that Argo CD runs for the options, in Argo CD's
// order, such as: set namesuffix -- -prod.
func (a *App) commands(k *Kustomize) (commands [][]string, err error) {
	add := func(args ...string) { commands = append(commands, args) }
	if k.NamePrefix != "" {
		add("set", "nameprefix", "--", k.NamePrefix)
	}
	if k.NameSuffix != "" {
		add("set", "namesuffix", "--", k.NameSuffix)
	}
	if len(k.Images) > 0 {
		args := []string{"set", "image", "--"}
		for _, image := range k.Images {
			args = append(args, a.expand(image))
		}
		add(args...)
	}
	if len(k.Replicas) > 0 {
		args := []string{"set", "replicas", "--"}
		for _, replica := range k.Replicas {
			count, err := strconv.Atoi(fmt.Sprint(replica.Count))
			if err != nil {
				return nil, fmt.Errorf(
					"replicas: the count of %s is %v, expected a whole number", replica.Name, replica.Count)
			}
			args = append(args, fmt.Sprintf("%s=%d", replica.Name, count))
		}
		add(args...)
	}
	if len(k.CommonLabels) > 0 {
		args := []string{"add", "label"}
		for _, flag := range []struct {
			set  bool
			name string
		}{
			{k.ForceCommonLabels, "--force"},
			{k.LabelWithoutSelector, "--without-selector"},
			{k.LabelIncludeTemplates, "--include-templates"},
		} {
			if flag.set {
				args = append(args, flag.name)
			}
		}
		add(append(append(args, "--"), pairs(k.CommonLabels, a.expand)...)...)
	}
	if len(k.CommonAnnotations) > 0 {
		args := []string{"add", "annotation"}
		if k.ForceCommonAnnotations {
			args = append(args, "--force")
		}
		expand := func(text string) string { return text }
		if k.CommonAnnotationsEnvsubst {
			expand = a.expand
		}
		add(append(append(args, "--"), pairs(k.CommonAnnotations, expand)...)...)
	}
	if k.Namespace != "" {
		add("set", "namespace", "--", k.Namespace)
	}
	return commands, nil
}

// pairs returns the entries of a map as arguments NAME:VALUE, sorted by name. expand is called for each value.
func pairs(values map[string]string, expand func(string) string) []string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, name+":"+expand(values[name]))
	}
	return pairs
}

// editing is locked while a command of kustomize runs: the commands keep their flags in package variables.
var editing sync.Mutex

// kustomizeEdit runs the commands `kustomize edit`, one after the other, on the content of a kustomization file, and
// returns the edited content. It calls kustomize's own code with a file system in memory.
func kustomizeEdit(kustomization []byte, commands [][]string) ([]byte, error) {
	if len(commands) == 0 {
		return kustomization, nil
	}
	files := filesys.MakeFsInMemory()
	if err := files.WriteFile(konfig.DefaultKustomizationFileName(), kustomization); err != nil {
		return nil, err
	}
	editing.Lock()
	defer editing.Unlock()
	provider := provider.NewDefaultDepProvider()
	for _, args := range commands {
		command := edit.NewCmdEdit(files, provider.GetFieldValidator(), provider.GetResourceFactory(), io.Discard)
		command.SilenceUsage, command.SilenceErrors = true, true
		command.SetOut(io.Discard)
		command.SetErr(io.Discard)
		command.SetArgs(args)
		if err := command.Execute(); err != nil {
			return nil, fmt.Errorf("kustomize edit %s %s: %w", args[0], args[1], err)
		}
	}
	return files.ReadFile(konfig.DefaultKustomizationFileName())
}

// extend adds patches and components to the content of a kustomization file. These are no edit commands here: Argo CD
// itself writes patches into the file, and `kustomize edit add component` would look for the components on the disk.
func extend(kustomization []byte, patches []any, components []string) ([]byte, error) {
	if len(patches)+len(components) == 0 {
		return kustomization, nil
	}
	fields := map[string]any{}
	if err := yaml.Unmarshal(kustomization, &fields); err != nil {
		return nil, err
	}
	for _, component := range components {
		// `kustomize edit add component` leaves out a component that the kustomization already has.
		if !slices.Contains(list(fields["components"]), any(component)) {
			fields["components"] = append(list(fields["components"]), component)
		}
	}
	if len(patches) > 0 {
		fields["patches"] = append(list(fields["patches"]), patches...)
	}
	return yaml.Marshal(fields)
}

// list returns a copy of a value that is a list; nil for any other value.
func list(value any) []any {
	items, _ := value.([]any)
	return slices.Clone(items)
}
