package chartrepo

import (
	"cmp"
	"path/filepath"

	"helm.sh/helm/v3/pkg/helmpath"
)

// FindConfigFiles returns the files in which Helm and Docker keep credentials. getenv returns the value of an
// environment variable, "" if it is not set. The variables are the same as in Helm (pkg/cli/environment.go and
// pkg/helmpath) and Docker (cli/config/config.go): HELM_REPOSITORY_CONFIG, HELM_REGISTRY_CONFIG, HELM_CONFIG_HOME,
// XDG_CONFIG_HOME, DOCKER_CONFIG and HOME. Whether the files exist is not checked.
func FindConfigFiles(getenv func(name string) string) ConfigFiles {
	files := ConfigFiles{
		RepositoryConfig: cmp.Or(getenv("HELM_REPOSITORY_CONFIG"), helmConfig(getenv, "repositories.yaml")),
		RegistryConfig:   cmp.Or(getenv("HELM_REGISTRY_CONFIG"), helmConfig(getenv, "registry", "config.json")),
	}
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		files.DockerConfig = filepath.Join(dir, "config.json")
	} else if home := cmp.Or(getenv("HOME"), getenv("USERPROFILE")); home != "" { // The user of a container may have none.
		files.DockerConfig = filepath.Join(home, ".docker", "config.json")
	}
	return files
}

// helmConfig returns the path of a file in Helm's directory for configuration.
func helmConfig(getenv func(name string) string, elements ...string) string {
	file := filepath.Join(elements...)
	if dir := getenv("HELM_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, file)
	}
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "helm", file)
	}
	return helmpath.ConfigPath(file) // the default of the platform
}
