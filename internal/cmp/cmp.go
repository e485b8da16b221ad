// Package cmp is what Argo CD's contract for config management plugins wants of this program: the parameters of the plugin
// (Announce, WithParameters), the generation of manifests (Open, Generation.Run), and the manifests that install the sidecar
// (WritePlugin, WriteSidecar). Facts about Argo CD are read from its source at version 3.6; file names in comments are of
// github.com/argoproj/argo-cd.
package cmp

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pullcheck/pullcheck/render/argocd"
)

// Environment is what Argo CD tells a plugin by environment variables (reposerver/repository/repository.go, newEnv and
// getPluginEnvs).
type Environment struct {
	// App has what Argo CD knows of the Application.
	App argocd.App
	// RepoURL and Path are those of the source. The path is relative to the root of the repository.
	RepoURL, Path string
	// Parameters are the parameters that the Application sets.
	Parameters []argocd.PluginParameter
}

// ReadEnvironment reads the environment, whose entries have the form NAME=VALUE.
func ReadEnvironment(env []string) (*Environment, error) {
	values := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	name := values["ARGOCD_APP_NAME"]
	if _, withoutNamespace, ok := strings.Cut(name, "_"); ok { // util/argo/argo.go, ParseInstanceName
		name = withoutNamespace
	}
	e := &Environment{
		App: argocd.App{
			Name: name, Namespace: values["ARGOCD_APP_NAMESPACE"], KubeVersion: values["KUBE_VERSION"],
			Env: map[string]string{}, IsThisRepository: func(string) bool { return true },
		},
		RepoURL: values["ARGOCD_APP_SOURCE_REPO_URL"], Path: values["ARGOCD_APP_SOURCE_PATH"],
	}
	if versions := values["KUBE_API_VERSIONS"]; versions != "" {
		e.App.APIVersions = strings.Split(versions, ",")
	}
	for name, value := range values {
		if strings.HasPrefix(name, "ARGOCD_APP_") {
			e.App.Env[name] = value
		}
	}
	if text := values["ARGOCD_APP_PARAMETERS"]; text != "" {
		if err := json.Unmarshal([]byte(text), &e.Parameters); err != nil {
			return nil, fmt.Errorf("ARGOCD_APP_PARAMETERS: %w", err)
		}
	}
	return e, nil
}
