// Package cmp implements the contract of Argo CD's config management plugins. It has the parameters of pullcheck's
// plugin (Announce, WithParameters), the generation of manifests (Open, Generation.Run), and the files that install the
// plugin as a sidecar of the repo-server (WritePlugin, WriteSidecar).
//
// Argo CD calls the plugin for one source of an Application. The working directory is the path of the source, and
// environment variables have the facts about the Application and the parameters:
//
//	pullcheck generate --parameters    Announce: the parameters, for Argo CD's user interface
//	pullcheck generate                 Generation.Run: the manifests on standard output
//
// Facts about Argo CD are read from its source at version 3.6; file names in comments are of
// github.com/argoproj/argo-cd.
package cmp

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pullcheck/pullcheck/render/argocd"
)

// Environment has the facts that Argo CD passes to a plugin in environment variables
// (reposerver/repository/repository.go, newEnv and getPluginEnvs).
type Environment struct {
	// App has the facts about the Application. Its engines are not set.
	App argocd.App
	// RepoURL is the URL of the source's repository, and Path the path of the source from the root of the repository.
	RepoURL, Path string
	// Parameters are the parameters that the Application sets.
	Parameters []argocd.PluginParameter
}

// ReadEnvironment reads the facts from environment variables, in the form of os.Environ. A missing variable is an empty
// value. The error is for parameters that are not JSON.
func ReadEnvironment(env []string) (*Environment, error) {
	values := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	name := values["ARGOCD_APP_NAME"]
	// The name of an Application outside Argo CD's namespace is NAMESPACE_NAME (util/argo/argo.go, ParseInstanceName).
	if _, withoutNamespace, ok := strings.Cut(name, "_"); ok {
		name = withoutNamespace
	}
	e := &Environment{
		App: argocd.App{
			Name: name, Namespace: values["ARGOCD_APP_NAMESPACE"], KubeVersion: values["KUBE_VERSION"],
			// Argo CD runs the plugin in a clone of the source's repository, so the source is in this repository.
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
