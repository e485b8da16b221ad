package argocd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// noRevision is the value of ARGOCD_APP_REVISION: the commit that Argo CD will render is not known yet.
const noRevision = "0000000000000000000000000000000000000000"

// application is an Application with its sources.
type application struct {
	App
	unknown bool           // whether the URL of the repository is not known
	sources []Source       // by number
	paths   []yamldoc.Path // the path of each source in the Application, such as spec.sources[1]
}

// application decodes an Application.
func (d Declarer) application(object declared.Object) (*application, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var read struct {
		Spec struct {
			Project     string `json:"project"`
			Destination struct {
				Namespace string `json:"namespace"`
			} `json:"destination"`
			Source  *Source  `json:"source"`
			Sources []Source `json:"sources"`
			// The hydrator commits the manifests of the dry source to another branch, and Argo CD deploys them from
			// there. So the dry source renders to the deployed manifests.
			SourceHydrator *struct {
				DrySource Source `json:"drySource"`
			} `json:"sourceHydrator"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return nil, readable(err)
	}
	app := &application{unknown: d.IsThisRepository == nil, App: App{
		Name: object.Name(), Namespace: read.Spec.Destination.Namespace,
		Helm: d.Helm, Kustomize: d.Kustomize, Plugins: d.Plugins,
		KubeVersion: d.KubeVersion, APIVersions: d.APIVersions, LoadRestrictionsNone: d.LoadRestrictionsNone,
		IsThisRepository: d.isThisRepository, Refs: map[string]Source{},
		Env: map[string]string{
			"ARGOCD_APP_NAME":             object.Name(),
			"ARGOCD_APP_NAMESPACE":        read.Spec.Destination.Namespace,
			"ARGOCD_APP_PROJECT_NAME":     cmp.Or(read.Spec.Project, "default"),
			"ARGOCD_APP_REVISION":         noRevision,
			"ARGOCD_APP_REVISION_SHORT":   noRevision[:7],
			"ARGOCD_APP_REVISION_SHORT_8": noRevision[:8],
		},
	}}
	spec := yamldoc.Path{yamldoc.Key("spec")}
	switch {
	case read.Spec.SourceHydrator != nil: // As in Argo CD, sources and source are then ignored.
		app.sources = []Source{read.Spec.SourceHydrator.DrySource}
		app.paths = []yamldoc.Path{append(spec.Below(yamldoc.Key("sourceHydrator")), yamldoc.Key("drySource"))}
	case len(read.Spec.Sources) > 0:
		for i, source := range read.Spec.Sources {
			app.sources = append(app.sources, source)
			app.paths = append(app.paths, append(spec.Below(yamldoc.Key("sources")), yamldoc.Step{Index: i}))
			if source.Ref != "" {
				app.Refs[source.Ref] = source
			}
		}
	case read.Spec.Source != nil:
		app.sources, app.paths = []Source{*read.Spec.Source}, []yamldoc.Path{spec.Below(yamldoc.Key("source"))}
	default:
		return nil, errors.New(
			"the Application has no source: expected spec.source, spec.sources or spec.sourceHydrator")
	}
	return app, nil
}

// isRef reports whether a source renders to nothing, and only has values files for other sources ($REF/values.yaml).
func (s Source) isRef() bool { return s.Ref != "" && s.Path == "" && s.Chart == "" }

// resolve returns the source with a number, for a tree: see App.Resolve. The error is a *render.Skip for a source in
// another git repository.
func (a *application) resolve(fsys fs.FS, i int) (render.Source, error) {
	s := a.sources[i]
	if s.RepoURL == "" {
		return nil, inField(a.paths[i], errors.New("there is no repoURL"))
	}
	if s.Chart == "" && a.unknown {
		return nil, skipf("its source is %s, and whether that is this repository is not known: "+
			"it has no remote origin, and no --repo-url is given", fetch.Redact(s.RepoURL))
	}
	if s.Chart == "" && !a.IsThisRepository(s.RepoURL) {
		return nil, skipf("its source is another repository, %s", fetch.Redact(s.RepoURL))
	}
	app := a.App
	env := map[string]string{
		"ARGOCD_APP_SOURCE_REPO_URL":        s.RepoURL,
		"ARGOCD_APP_SOURCE_PATH":            s.Path,
		"ARGOCD_APP_SOURCE_TARGET_REVISION": s.TargetRevision,
	}
	for name, value := range app.Env {
		env[name] = value
	}
	app.Env = env
	source, err := app.Resolve(fsys, s)
	return source, inField(a.paths[i], err)
}

// names returns the paths of the tree that the source with a number names: its path and its values files. They may be
// absent from the tree.
func (a *application) names(i int) []string {
	s := a.sources[i]
	names := []string{path.Clean(strings.TrimPrefix(s.Path, "/"))}
	if s.Helm != nil {
		for _, name := range s.Helm.ValueFiles {
			if file, err := a.file(s, name); err == nil {
				names = append(names, file)
			}
		}
	}
	return names
}

// inField returns an error with the field of the Application in front, such as: spec.source: there is no repoURL. It
// returns a *render.Skip, and an error with a location, unchanged.
func inField(field yamldoc.Path, err error) error {
	skip, known := (*render.Skip)(nil), (*yamldoc.Error)(nil)
	switch {
	case err == nil, errors.As(err, &skip):
		return err
	case !errors.As(err, &known):
		return fmt.Errorf("%s: %w", field, err)
	case known.Location.Path != "":
		return err
	}
	return &yamldoc.Error{Err: fmt.Errorf("%s: %w", field, known.Err), Hint: known.Hint}
}
