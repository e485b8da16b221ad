package main

import (
	"cmp"
	"path/filepath"

	"helm.sh/helm/v3/pkg/helmpath"

	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
)

// credentials returns the files in which Helm and Docker keep credentials. Their paths come from the same variables of
// the environment as for them (pkg/cli/environment.go and pkg/helmpath of Helm, cli/config/config.go of Docker).
func (c *Command) credentials() chartrepo.ConfigFiles {
	files := chartrepo.ConfigFiles{
		RepositoryConfig: cmp.Or(c.getenv("HELM_REPOSITORY_CONFIG"), c.helmConfig("repositories.yaml")),
		RegistryConfig:   cmp.Or(c.getenv("HELM_REGISTRY_CONFIG"), c.helmConfig("registry", "config.json")),
	}
	if dir := c.getenv("DOCKER_CONFIG"); dir != "" {
		files.DockerConfig = filepath.Join(dir, "config.json")
	} else if home := cmp.Or(c.getenv("HOME"), c.getenv("USERPROFILE")); home != "" { // a container's user may have none
		files.DockerConfig = filepath.Join(home, ".docker", "config.json")
	}
	return files
}

// helmConfig returns the path of a file in Helm's directory for configuration.
func (c *Command) helmConfig(elements ...string) string {
	file := filepath.Join(elements...)
	if dir := c.getenv("HELM_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, file)
	}
	if dir := c.getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "helm", file)
	}
	return helmpath.ConfigPath(file) // where the platform has it
}
