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

// noRevision stands for the commit that Argo CD will render, which is not known before.
const noRevision = "0000000000000000000000000000000000000000"

// specified is an Application with its sources, and where these stand in it.
type specified struct {
	App
	unknown bool // whose tree is rendered
	sources []Source
	paths   []yamldoc.Path
}

// application reads an Application.
func (d Declarer) application(object declared.Object) (*specified, error) {
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
			// What is hydrated is deployed as it is rendered from the dry source.
			SourceHydrator *struct {
				DrySource Source `json:"drySource"`
			} `json:"sourceHydrator"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return nil, readable(err)
	}
	app := &specified{unknown: d.IsThisRepository == nil, App: App{
		Name: object.Name(), Namespace: read.Spec.Destination.Namespace,
		Helm: d.Helm, Kustomize: d.Kustomize, Plugins: d.Plugins,
		KubeVersion: d.KubeVersion, APIVersions: d.APIVersions, LoadRestrictionsNone: d.LoadRestrictionsNone,
		IsThisRepository: d.isThisRepository, Refs: map[string]Source{},
		Env: map[string]string{
			"ARGOCD_APP_NAME": object.Name(), "ARGOCD_APP_NAMESPACE": read.Spec.Destination.Namespace,
			"ARGOCD_APP_PROJECT_NAME": cmp.Or(read.Spec.Project, "default"),
			"ARGOCD_APP_REVISION":     noRevision, "ARGOCD_APP_REVISION_SHORT": noRevision[:7], "ARGOCD_APP_REVISION_SHORT_8": noRevision[:8],
		},
	}}
	spec := yamldoc.Path{yamldoc.Key("spec")}
	switch {
	case read.Spec.SourceHydrator != nil: // wins over sources and source, as in Argo CD
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
		return nil, errors.New("the Application has no source: expected spec.source, spec.sources or spec.sourceHydrator")
	}
	return app, nil
}

// isRef reports whether a source only gives others their values files.
func (s Source) isRef() bool { return s.Ref != "" && s.Path == "" && s.Chart == "" }

// resolve resolves a source by its number. One of another git repository is not rendered here.
func (a *specified) resolve(fsys fs.FS, i int) (render.Source, error) {
	s := a.sources[i]
	if s.RepoURL == "" {
		return nil, inField(a.paths[i], errors.New("there is no repoURL"))
	}
	if s.Chart == "" && a.unknown {
		return nil, &render.Skip{Reason: fmt.Sprintf("its source is %s, and whether that is this repository is not known: it has no remote origin, and no --repo-url is given", fetch.Redact(s.RepoURL))}
	}
	if s.Chart == "" && !a.IsThisRepository(s.RepoURL) {
		return nil, &render.Skip{Reason: fmt.Sprintf("its source is another repository, %s", fetch.Redact(s.RepoURL))}
	}
	app := a.App
	env := map[string]string{"ARGOCD_APP_SOURCE_REPO_URL": s.RepoURL, "ARGOCD_APP_SOURCE_PATH": s.Path, "ARGOCD_APP_SOURCE_TARGET_REVISION": s.TargetRevision}
	for name, value := range app.Env {
		env[name] = value
	}
	app.Env = env
	source, err := app.Resolve(fsys, s)
	return source, inField(a.paths[i], err)
}

// names are the paths that a source names, whether they are there or not.
func (a *specified) names(i int) []string {
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

// inField says in which field of the Application an error is, unless that has a place of its own.
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
