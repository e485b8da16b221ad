// Package argocd says what Argo CD renders of a repository: its Applications, and those of its ApplicationSets, as
// sources of the other engines with the options that Argo CD gives them. Facts about Argo CD are read from its source at
// version 3.6; file names in comments are of github.com/argoproj/argo-cd.
package argocd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a source of an Application, under Argo CD's own names (pkg/apis/application/v1alpha1/types.go).
type Source struct {
	RepoURL        string     `json:"repoURL,omitempty"`
	Path           string     `json:"path,omitempty"`
	TargetRevision string     `json:"targetRevision,omitempty"`
	Chart          string     `json:"chart,omitempty"`
	Ref            string     `json:"ref,omitempty"`
	Helm           *Helm      `json:"helm,omitempty"`
	Kustomize      *Kustomize `json:"kustomize,omitempty"`
	Directory      *Directory `json:"directory,omitempty"`
	Plugin         *Plugin    `json:"plugin,omitempty"`

	// Overridden is true if the options already have the overrides in the tree, so that Resolve does not merge them again.
	Overridden bool `json:"-"`
}

// Helm are the options of a source that is a chart.
type Helm struct {
	ValueFiles              []string        `json:"valueFiles,omitempty"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles,omitempty"`
	Values                  string          `json:"values,omitempty"`
	ValuesObject            json.RawMessage `json:"valuesObject,omitempty"` // wins over Values
	Parameters              []Parameter     `json:"parameters,omitempty"`
	FileParameters          []FileParameter `json:"fileParameters,omitempty"`
	ReleaseName             string          `json:"releaseName,omitempty"`
	Namespace               string          `json:"namespace,omitempty"`
	KubeVersion             string          `json:"kubeVersion,omitempty"`
	APIVersions             []string        `json:"apiVersions,omitempty"`
	SkipCrds                bool            `json:"skipCrds,omitempty"`
	SkipTests               bool            `json:"skipTests,omitempty"`
	SkipSchemaValidation    bool            `json:"skipSchemaValidation,omitempty"`
}

// Parameter is a value as for --set, or for --set-string.
type Parameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"forceString,omitempty"`
}

// FileParameter is a value as for --set-file.
type FileParameter struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// App is what Argo CD knows when it renders a source.
type App struct {
	// Helm and Kustomize are the engines of the sources.
	Helm      *helm.Engine
	Kustomize *kustomize.Engine
	// Name is that of the Application, without its namespace, and Namespace that of its destination.
	Name, Namespace string
	// KubeVersion and APIVersions are those of the destination; empty if they are not known.
	KubeVersion string
	APIVersions []string
	// Env is Argo CD's build environment: ARGOCD_APP_NAME and the like.
	Env map[string]string
	// Refs are the sources of the Application that others take values files from, by their ref.
	Refs map[string]Source
	// IsThisRepository reports whether a URL is that of the repository whose tree is rendered.
	IsThisRepository func(repoURL string) bool
	// LoadRestrictionsNone is as in kustomize.Options; Argo CD has it from its own configuration.
	LoadRestrictionsNone bool
	// Plugins has the config management plugins that are known here, by name.
	Plugins map[string]ResolvePlugin
	// DeclaredIn is the file with the Application; empty where Argo CD itself gives the options, as to a plugin.
	DeclaredIn string
}

// Resolve returns the source that renders what Argo CD renders for a source of an App, in a tree. The overrides in the tree
// (.argocd-source.yaml) are merged in. The error is a *render.Skip for a source that is not rendered here on purpose, such
// as one of another plugin, and a *yamldoc.Error where the place of the fault is known.
func (a *App) Resolve(fsys fs.FS, s Source) (render.Source, error) {
	if s.Chart != "" {
		return a.helm(fsys, s)
	}
	s, err := a.Override(fsys, s)
	if err != nil {
		return nil, err
	}
	if s.Plugin != nil {
		if resolve := a.Plugins[s.Plugin.Name]; resolve != nil {
			if s, err = resolve(fsys, s); err != nil {
				return nil, err
			}
		}
	}
	kind, err := KindOf(fsys, s)
	if err != nil {
		return nil, err
	}
	switch kind {
	case render.Helm:
		return a.helm(fsys, s)
	case render.Kustomize:
		return a.kustomize(fsys, s)
	}
	return directory(fsys, s)
}

// Override merges the files .argocd-source.yaml and .argocd-source-NAME.yaml at the path of a source over the source
// (reposerver/repository/repository.go, mergeSourceParameters).
func (a *App) Override(fsys fs.FS, s Source) (Source, error) {
	if s.Path == "" {
		return s, errors.New("there is neither path nor chart, and Argo CD takes one of them (. is the root of the repository)")
	}
	if path.IsAbs(s.Path) {
		return s, fmt.Errorf("path %q is absolute, expected one from the root of the repository, without a slash in front", s.Path)
	}
	if s.Path = path.Clean(s.Path); !fs.ValidPath(s.Path) {
		return s, fmt.Errorf("path %q leads out of the repository", s.Path)
	}
	if info, err := fs.Stat(fsys, s.Path); err != nil || !info.IsDir() {
		return s, fmt.Errorf("path %q is no directory of the repository", s.Path)
	}
	if s.Overridden {
		return s, nil
	}
	for _, name := range []string{".argocd-source.yaml", ".argocd-source-" + a.Name + ".yaml"} {
		file := path.Join(s.Path, name)
		if info, err := fs.Stat(fsys, file); errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		patch, err := fs.ReadFile(fsys, file)
		if err != nil {
			return s, err
		}
		merged, err := merge(s, patch)
		if err != nil {
			return s, &yamldoc.Error{Location: yamldoc.Location{Path: file}, Err: err}
		}
		merged.RepoURL, merged.Path, merged.Chart, merged.TargetRevision = s.RepoURL, s.Path, s.Chart, s.TargetRevision
		s = merged
	}
	return s, nil
}

// merge decodes what is merged over what was there, as Argo CD does: an option that the patch takes away, with null, stays.
func merge(s Source, patch []byte) (merged Source, err error) {
	data, err := json.Marshal(s)
	if err != nil {
		return merged, err
	}
	if err := json.Unmarshal(data, &merged); err != nil {
		return merged, err
	}
	if patch, err = yaml.YAMLToJSON(patch); err != nil {
		return merged, err
	}
	if data, err = jsonpatch.MergePatch(data, patch); err != nil {
		return merged, err
	}
	return merged, readable(json.Unmarshal(data, &merged))
}

// readable says in the words of who wrote the options that one has a wrong type.
func readable(err error) error {
	wrong := (*json.UnmarshalTypeError)(nil)
	if !errors.As(err, &wrong) {
		return err
	}
	expected := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Slice: "a list", reflect.Map: "a mapping", reflect.Struct: "a mapping",
	}[wrong.Type.Kind()]
	found := map[string]string{"bool": "true or false", "array": "a list", "object": "a mapping"}[wrong.Value]
	if found == "" {
		found = "a " + strings.Fields(wrong.Value)[0] // number 1.5
	}
	return fmt.Errorf("%s has %s, expected %s", wrong.Field, found, cmp.Or(expected, wrong.Type.String()))
}

// KindOf returns the kind as which Argo CD renders a source (GetAppSourceType): the kind for which the source has options,
// or else the kind of the files at its path. The error is a *render.Skip for a source that a plugin renders.
func KindOf(fsys fs.FS, s Source) (render.Kind, error) {
	var named []string
	kind := render.Raw
	if s.Kustomize != nil {
		named, kind = append(named, "kustomize"), render.Kustomize
	}
	if s.Helm != nil {
		named, kind = append(named, "helm"), render.Helm
	}
	if s.Directory != nil {
		named, kind = append(named, "directory"), render.Raw
	}
	if s.Plugin != nil {
		named = append(named, "plugin")
	}
	switch {
	case len(named) > 1:
		return "", fmt.Errorf("the source has options for %s, and Argo CD takes one of them", strings.Join(named, " and "))
	case s.Plugin != nil && s.Plugin.Name == "":
		return "", &render.Skip{Reason: "a config management plugin renders it"}
	case s.Plugin != nil:
		return "", &render.Skip{Reason: fmt.Sprintf("the config management plugin %q renders it", s.Plugin.Name)}
	case len(named) == 1:
		return kind, nil
	}
	entries, err := fs.ReadDir(fsys, s.Path)
	if err != nil {
		return "", err
	}
	// util/app/discovery/discovery.go, Discover: of a chart and a kustomization in one directory, the last by name.
	for _, entry := range entries {
		switch {
		case entry.IsDir():
		case strings.HasSuffix(entry.Name(), "Chart.yaml"):
			kind = render.Helm
		case slices.Contains(konfig.RecognizedKustomizationFileNames(), entry.Name()):
			kind = render.Kustomize
		}
	}
	return kind, nil
}

// maxReleaseName is how long the name of a release may be (helm.sh/helm/v3/pkg/chartutil/validate_name.go).
const maxReleaseName = 53

// helm is reposerver/repository/repository.go, helmTemplate.
func (a *App) helm(fsys fs.FS, s Source) (render.Source, error) {
	h := s.Helm
	if h == nil {
		h = &Helm{}
	}
	kubeVersion, err := parseKubeVersion(cmp.Or(h.KubeVersion, a.KubeVersion))
	if err != nil {
		return nil, err
	}
	source := helm.Source{Engine: a.Helm, DeclaredIn: a.DeclaredIn, Path: s.Path, Options: helm.Options{
		ReleaseName:          cmp.Or(h.ReleaseName, a.Name),
		Namespace:            cmp.Or(h.Namespace, a.Namespace),
		KubeVersion:          kubeVersion,
		APIVersions:          a.APIVersions,
		IncludeCRDs:          !h.SkipCrds,
		SkipTests:            h.SkipTests,
		SkipSchemaValidation: h.SkipSchemaValidation,
	}}
	options := &source.Options
	if name := options.ReleaseName; name != "" && (len(name) > maxReleaseName || len(validation.IsDNS1123Subdomain(name)) > 0) {
		return nil, &yamldoc.Error{
			Err:  fmt.Errorf("the release would have the name %q, and Helm takes at most %d of lower case letters, digits, dots and dashes", name, maxReleaseName),
			Hint: "set releaseName, which is otherwise the name of the Application",
		}
	}
	if len(h.APIVersions) > 0 {
		options.APIVersions = h.APIVersions
	}
	if s.Chart != "" {
		if s.TargetRevision == "" {
			return nil, errors.New("targetRevision is not set: expected the version of the chart, or a range as 1.x")
		}
		// A repository of charts in a registry has no scheme in Argo CD.
		if options.Repo = s.RepoURL; !strings.Contains(s.RepoURL, "://") {
			options.Repo = "oci://" + s.RepoURL
		}
		options.Chart, options.Version = s.Chart, s.TargetRevision
		_, address, _ := strings.Cut(options.Repo, "://")
		source.Path = path.Join(address[strings.IndexByte(address, '@')+1:], s.Chart)
	}
	names, err := a.valueFiles(fsys, s, h)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		options.ValuesFiles = append(options.ValuesFiles, render.File{Path: name})
	}
	inline := []byte(h.ValuesObject)
	if len(inline) == 0 || string(inline) == "null" {
		inline = []byte(h.Values)
	}
	if len(inline) > 0 {
		options.ValuesFiles = append(options.ValuesFiles, render.File{Path: helm.InlineValues + "Application/" + a.Name, Data: inline})
	}
	for _, p := range h.Parameters {
		flag := p.Name + "=" + escapeCommas(a.expand(p.Value))
		if p.ForceString {
			options.SetString = append(options.SetString, flag)
		} else {
			options.Set = append(options.Set, flag)
		}
	}
	for _, p := range h.FileParameters {
		name, err := a.file(s, p.Path)
		if err == nil {
			err = isFile(fsys, name)
		}
		if err != nil {
			return nil, fmt.Errorf("fileParameters: %w", err)
		}
		options.SetFile = append(options.SetFile, p.Name+"="+escapeCommas(name))
	}
	return source, nil
}

// parseKubeVersion leaves away what providers put behind the numbers of a version (reposerver/repository/repository.go).
func parseKubeVersion(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	parsed, err := version.ParseGeneric(text)
	if err != nil {
		return "", fmt.Errorf("kubeVersion %q is no version, expected one as 1.31", text)
	}
	return parsed.String(), nil
}

// escapeCommas is util/helm/cmd.go, cleanSetParameters: the value is one, unless it is a list.
func escapeCommas(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	return strings.ReplaceAll(strings.ReplaceAll(value, `\,`, ","), ",", `\,`)
}

// expand puts the build environment into a text (types.go, Env.Envsubst); $$ is a dollar sign.
func (a *App) expand(text string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		return a.Env[name]
	})
}

// valueFiles resolves the values files, the lowest precedence first (getResolvedValueFiles). What a pattern finds stands
// in the order that the library gives, and what is also named where it is named.
func (a *App) valueFiles(fsys fs.FS, s Source, h *Helm) ([]string, error) {
	const glob = "*?["
	var names []string
	for _, raw := range h.ValueFiles {
		name, err := a.file(s, raw)
		if err != nil {
			return nil, fmt.Errorf("valueFiles: %w", err)
		}
		names = append(names, name)
	}
	var found []string
	for i, name := range names {
		matches := []string{name}
		if strings.ContainsAny(name, glob) {
			var err error
			if matches, err = doublestar.Glob(fsys, name); err != nil {
				return nil, fmt.Errorf("valueFiles: %q: %w", h.ValueFiles[i], err)
			}
		} else if err := isFile(fsys, name); errors.Is(err, fs.ErrNotExist) {
			matches = nil
		}
		if len(matches) == 0 && !h.IgnoreMissingValueFiles {
			return nil, &yamldoc.Error{
				Err:  fmt.Errorf("valueFiles: there is no %s in the repository", name),
				Hint: "mend the path, which is relative to that of the source or, with a slash in front, to the root of the repository, or set ignoreMissingValueFiles",
			}
		}
		for _, match := range matches {
			if err := isFile(fsys, match); err != nil {
				return nil, fmt.Errorf("valueFiles: %w", err)
			}
			if !slices.Contains(found, match) && (match == name || !slices.Contains(names, match)) {
				found = append(found, match)
			}
		}
	}
	return found, nil
}

// isFile returns an error for what is no file of the repository: one that is fs.ErrNotExist if there is nothing.
func isFile(fsys fs.FS, name string) error {
	info, err := fs.Stat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case err != nil:
		return fmt.Errorf("%s: a symbolic link that cannot be followed: %w", name, err)
	case info.IsDir():
		return fmt.Errorf("%s is a directory, expected a file", name)
	}
	return nil
}

// file resolves the name of a file in a source's options to a path of the tree: relative to the path of the source, from
// the root of the repository with a slash in front, or of another source with its ref.
func (a *App) file(s Source, name string) (string, error) {
	dir, given := s.Path, name
	ref, rest, _ := strings.Cut(name, "/")
	other, isRef := a.Refs[strings.TrimPrefix(ref, "$")]
	switch {
	case isRef && ref[0] == '$' && !a.IsThisRepository(other.RepoURL):
		return "", &render.Skip{Reason: fmt.Sprintf("it takes %s from another repository, %s", name, fetch.Redact(other.RepoURL))}
	case isRef && ref[0] == '$':
		dir, name = ".", rest
	case a.Refs == nil && strings.HasPrefix(ref, "$") && rest != "" && a.Env[ref[1:]] == "":
		return "", fmt.Errorf("%s: values out of another source of the Application do not reach a plugin", name)
	case s.Chart != "":
		return "", &render.Skip{Reason: fmt.Sprintf("it takes %s out of the chart, and only files of this repository are read", name)}
	}
	name = a.expand(name)
	if strings.Contains(name, "://") {
		return "", &render.Skip{Reason: fmt.Sprintf("it takes values from %s, and only files are read", fetch.Redact(name))}
	}
	if strings.HasPrefix(name, "/") {
		dir, name = ".", name[1:]
	}
	resolved := path.Join(dir, name)
	if !fs.ValidPath(resolved) || resolved == "." {
		return "", fmt.Errorf("%q leads out of the repository", given)
	}
	return resolved, nil
}
