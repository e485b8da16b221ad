package chartrepo

import (
	"strings"
	"testing"
)

// TestCredentialsAreWhereHelmAndDockerKeepThem: the variables name the files, or the directories of the files.
func TestCredentialsAreWhereHelmAndDockerKeepThem(t *testing.T) {
	t.Parallel()
	xdg := []string{"HOME=/home/me", "XDG_CONFIG_HOME=/xdg"}
	for _, test := range []struct {
		name                           string
		environment                    []string
		repositories, registry, docker string
	}{
		{"defaults", xdg, "/xdg/helm/repositories.yaml", "/xdg/helm/registry/config.json", "/home/me/.docker/config.json"},
		{"directories", append(xdg[:2:2], "HELM_CONFIG_HOME=/helm", "DOCKER_CONFIG=/docker"),
			"/helm/repositories.yaml", "/helm/registry/config.json", "/docker/config.json"},
		{"files", append(xdg[:2:2], "HELM_REPOSITORY_CONFIG=/a.yaml", "HELM_REGISTRY_CONFIG=/b.json"),
			"/a.yaml", "/b.json", "/home/me/.docker/config.json"},
		{"no home", xdg[1:], "/xdg/helm/repositories.yaml", "/xdg/helm/registry/config.json", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := ConfigFiles{RepositoryConfig: test.repositories, RegistryConfig: test.registry, DockerConfig: test.docker}
			getenv := func(name string) string {
				for _, variable := range test.environment {
					if value, ok := strings.CutPrefix(variable, name+"="); ok {
						return value
					}
				}
				return ""
			}
			if got := FindConfigFiles(getenv); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
