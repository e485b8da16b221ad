// Package argocd turns Argo CD's Applications, and the Applications of ApplicationSets, into sources of the engines
// helm, kustomize and raw. An App maps the options of an Application to the options of `helm template` and
// `kustomize build` as the repo-server of Argo CD does. The Declarer is for package declared.
//
// Limits: only charts and paths of this repository, and charts of chart repositories, are rendered. A source in another
// git repository, Jsonnet and the config management plugins that are not in App.Plugins are skipped.
//
// Facts about Argo CD are read from its source at version 3.6; file names in comments are of
// github.com/argoproj/argo-cd.
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

// Source is a source of an Application: spec.source, or an item of spec.sources. It has the fields of Argo CD's
// ApplicationSource (pkg/apis/application/v1alpha1/types.go).
type Source struct {
	// RepoURL is the URL of a git repository, or of a chart repository or registry if Chart is set.
	RepoURL string `json:"repoURL,omitempty"`
	// Path is a directory of the git repository, and Chart a chart of the chart repository. One of them is set, except
	// in a source that only has a Ref.
	Path string `json:"path,omitempty"`
	// TargetRevision is a branch, tag or commit, or the version of the chart.
	TargetRevision string `json:"targetRevision,omitempty"`
	Chart          string `json:"chart,omitempty"`
	// Ref is the name by which the options of other sources name files of this source's repository: $REF/values.yaml.
	Ref string `json:"ref,omitempty"`
	// At most one of the options is set. Without options, the files at the path decide the kind: see KindOf.
	Helm      *Helm      `json:"helm,omitempty"`
	Kustomize *Kustomize `json:"kustomize,omitempty"`
	Directory *Directory `json:"directory,omitempty"`
	Plugin    *Plugin    `json:"plugin,omitempty"`

	// Overridden is true if the overrides of the tree (.argocd-source.yaml) are already merged into the options, so
	// that Override does not merge them again.
	Overridden bool `json:"-"`
}

// Helm are the options of a source that is a chart (ApplicationSourceHelm).
type Helm struct {
	ValueFiles              []string        `json:"valueFiles,omitempty"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles,omitempty"`
	Values                  string          `json:"values,omitempty"`       // inline values, as YAML text
	ValuesObject            json.RawMessage `json:"valuesObject,omitempty"` // if set, Values is ignored
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

// Parameter is a value for --set, or for --set-string if ForceString is true.
type Parameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"forceString,omitempty"`
}

// FileParameter is a value for --set-file.
type FileParameter struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// App has the facts that Argo CD knows about an Application when it renders one of its sources.
type App struct {
	// Helm and Kustomize are the engines of the sources.
	Helm      *helm.Engine
	Kustomize *kustomize.Engine
	// Name is the name of the Application, without its namespace. Namespace is the namespace of its destination.
	Name, Namespace string
	// KubeVersion and APIVersions are the versions of the destination cluster; empty if they are not known.
	KubeVersion string
	APIVersions []string
	// Env is Argo CD's build environment: ARGOCD_APP_NAME and the other variables of its documentation.
	Env map[string]string
	// Refs are the sources with a ref, by the ref. Another source names their files as $REF/path.
	Refs map[string]Source
	// IsThisRepository reports whether a URL is the URL of the repository whose tree is rendered.
	IsThisRepository func(repoURL string) bool
	// LoadRestrictionsNone is as in kustomize.Options. In Argo CD it is part of the configuration
	// (kustomize.buildOptions).
	LoadRestrictionsNone bool
	// Plugins has the config management plugins that pullcheck can resolve, by name.
	Plugins map[string]ResolvePlugin
	// DeclaredIn is the file with the Application; empty if Argo CD itself passes the options, as it does to a plugin.
	DeclaredIn string
}

// Resolve returns the source that renders to the same manifests as Argo CD's render of a source of the App. It merges
// the overrides of the tree (.argocd-source.yaml) into the source. The error is a *render.Skip for a source that is
// left out on purpose, such as a source of another plugin, and a *yamldoc.Error where the location of the fault is
// known.
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

// Override merges the files .argocd-source.yaml and .argocd-source-NAME.yaml at the path of a source into the source,
// where NAME is the name of the Application (reposerver/repository/repository.go, mergeSourceParameters). The files
// cannot change the repository, path, chart and revision. The error is a *yamldoc.Error for a fault in one of the
// files; for a path that is no directory of the repository it has no location.
func (a *App) Override(fsys fs.FS, s Source) (Source, error) {
	if s.Path == "" {
		return s, errors.New("there is neither path nor chart, " +
			"and Argo CD takes one of them (. is the root of the repository)")
	}
	if path.IsAbs(s.Path) {
		return s, fmt.Errorf("path %q is absolute, "+
			"expected one from the root of the repository, without a slash in front", s.Path)
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

// merge merges a patch in YAML into a source, by JSON merge patch. As Argo CD does, it decodes the result over a copy
// of the source, so that an option that the patch removes with null keeps its value.
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

// readable returns an error of encoding/json for an option of the wrong type in the words of YAML, such as: skipCrds
// has a string, expected true or false. It returns any other error unchanged.
func readable(err error) error {
	wrong := (*json.UnmarshalTypeError)(nil)
	if !errors.As(err, &wrong) {
		return err
	}
	expected := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false",
		reflect.Slice: "a list", reflect.Map: "a mapping", reflect.Struct: "a mapping",
	}[wrong.Type.Kind()]
	found := map[string]string{"bool": "true or false", "array": "a list", "object": "a mapping"}[wrong.Value]
	if found == "" {
		found = "a " + strings.Fields(wrong.Value)[0] // The value of a number is "number 1.5".
	}
	return fmt.Errorf("%s has %s, expected %s", wrong.Field, found, cmp.Or(expected, wrong.Type.String()))
}

// KindOf returns the kind of a source as Argo CD chooses it (reposerver/repository/repository.go, GetAppSourceType): by
// the options of the source (helm, kustomize or directory), or else by the files at its path. The error is a
// *render.Skip for a source that a plugin renders.
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
		return "", fmt.Errorf(
			"the source has options for %s, and Argo CD takes one of them", strings.Join(named, " and "))
	case s.Plugin != nil && s.Plugin.Name == "":
		return "", &render.Skip{Reason: "a config management plugin renders it"}
	case s.Plugin != nil:
		return "", skipf("the config management plugin %q renders it", s.Plugin.Name)
	case len(named) == 1:
		return kind, nil
	}
	entries, err := fs.ReadDir(fsys, s.Path)
	if err != nil {
		return "", err
	}
	// If a directory has both a chart and a kustomization, the last file by name decides
	// (util/app/discovery/discovery.go, Discover).
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

// skipf returns a skip whose reason is formatted as by fmt.Sprintf.
func skipf(format string, args ...any) *render.Skip {
	return &render.Skip{Reason: fmt.Sprintf(format, args...)}
}

// maxReleaseName is the limit of the length of a release name (helm.sh/helm/v3/pkg/chartutil/validate_name.go).
const maxReleaseName = 53

// helm returns the source for a chart, with the options that Argo CD passes to `helm template`
// (reposerver/repository/repository.go, helmTemplate).
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
	if err := validateReleaseName(options.ReleaseName); err != nil {
		return nil, err
	}
	if len(h.APIVersions) > 0 {
		options.APIVersions = h.APIVersions
	}
	if s.Chart != "" {
		if s.TargetRevision == "" {
			return nil, errors.New("targetRevision is not set: expected the version of the chart, or a range as 1.x")
		}
		// In Argo CD, the URL of a registry has no scheme.
		if options.Repo = s.RepoURL; !strings.Contains(s.RepoURL, "://") {
			options.Repo = "oci://" + s.RepoURL
		}
		options.Chart, options.Version = s.Chart, s.TargetRevision
		// The path names the chart, without the scheme and the credentials of the URL.
		_, address, _ := strings.Cut(options.Repo, "://")
		source.Path = path.Join(address[strings.IndexByte(address, '@')+1:], s.Chart)
	}
	if err := a.helmValues(fsys, s, h, options); err != nil {
		return nil, err
	}
	return source, nil
}

// helmValues sets the values files and flags of the options: valueFiles, then the inline values, then parameters and
// fileParameters.
func (a *App) helmValues(fsys fs.FS, s Source, h *Helm, options *helm.Options) error {
	names, err := a.valueFiles(fsys, s, h)
	if err != nil {
		return err
	}
	for _, name := range names {
		options.ValuesFiles = append(options.ValuesFiles, render.File{Path: name})
	}
	inline := []byte(h.ValuesObject)
	if len(inline) == 0 || string(inline) == "null" {
		inline = []byte(h.Values)
	}
	if len(inline) > 0 {
		file := render.File{Path: helm.InlineValues + "Application/" + a.Name, Data: inline}
		options.ValuesFiles = append(options.ValuesFiles, file)
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
			return fmt.Errorf("fileParameters: %w", err)
		}
		options.SetFile = append(options.SetFile, p.Name+"="+escapeCommas(name))
	}
	return nil
}

// validateReleaseName returns an error for a name that Helm does not accept for a release. An empty name is accepted.
func validateReleaseName(name string) error {
	if name == "" || len(name) <= maxReleaseName && len(validation.IsDNS1123Subdomain(name)) == 0 {
		return nil
	}
	return &yamldoc.Error{
		Err: fmt.Errorf("the release would have the name %q, "+
			"and Helm takes at most %d of lower case letters, digits, dots and dashes", name, maxReleaseName),
		Hint: "set releaseName, which is otherwise the name of the Application",
	}
}

// parseKubeVersion returns the numbers of a Kubernetes version, without the suffix of a cloud provider: 1.31.2 for
// v1.31.2-gke.100 (reposerver/repository/repository.go). An empty text stays empty.
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

// escapeCommas escapes the commas of a value for --set, so that Helm does not split it. A list in braces, {a,b}, stays
// as it is (util/helm/cmd.go, cleanSetParameters).
func escapeCommas(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	return strings.ReplaceAll(strings.ReplaceAll(value, `\,`, ","), ",", `\,`)
}

// expand replaces $NAME and ${NAME} in a text by the variables of the build environment, and $$ by a dollar sign
// (types.go, Env.Envsubst).
func (a *App) expand(text string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		return a.Env[name]
	})
}

// valueFiles returns the paths of the values files, the lowest precedence first (reposerver/repository/repository.go,
// getResolvedValueFiles). An entry may be a pattern: its files are in the order of the library doublestar. A file that
// the list also names without a pattern is left out of the pattern's files.
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
	var found []string // without duplicates
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
				Err: fmt.Errorf("valueFiles: there is no %s in the repository", name),
				Hint: "mend the path, which is relative to that of the source or, with a slash in front, " +
					"to the root of the repository, or set ignoreMissingValueFiles",
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

// isFile returns an error if a path is not a file of the repository. If nothing is at the path, the error wraps
// fs.ErrNotExist.
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

// file returns the path of the tree for the name of a file in the options of a source. A name is relative to the path
// of the source; /NAME is relative to the root of the repository; $REF/NAME is relative to the root of the repository
// of the source with this ref. The error is a *render.Skip for a file outside of this repository.
func (a *App) file(s Source, name string) (string, error) {
	dir, given := s.Path, name
	ref, rest, _ := strings.Cut(name, "/")
	other, isRef := a.Refs[strings.TrimPrefix(ref, "$")]
	switch {
	case isRef && ref[0] == '$' && !a.IsThisRepository(other.RepoURL):
		return "", skipf("it takes %s from another repository, %s", name, fetch.Redact(other.RepoURL))
	case isRef && ref[0] == '$':
		dir, name = ".", rest
	case a.Refs == nil && strings.HasPrefix(ref, "$") && rest != "" && a.Env[ref[1:]] == "":
		// A plugin sees only the files of its own source, and Argo CD does not tell it the refs.
		return "", fmt.Errorf("%s: values out of another source of the Application do not reach a plugin", name)
	case s.Chart != "":
		return "", skipf("it takes %s out of the chart, and only files of this repository are read", name)
	}
	name = a.expand(name)
	if strings.Contains(name, "://") {
		return "", skipf("it takes values from %s, and only files are read", fetch.Redact(name))
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
