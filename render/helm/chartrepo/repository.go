package chartrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// repositoryEntry is a repository as in Helm's repositories.yaml (Entry in pkg/repo/chartrepo.go). A repository that
// the file does not have is an entry with nothing but a URL.
type repositoryEntry struct {
	Name                  string `yaml:"name"`
	URL                   string `yaml:"url"`
	Username              string `yaml:"username"`
	Password              string `yaml:"password"`
	CertFile              string `yaml:"certFile"`
	KeyFile               string `yaml:"keyFile"`
	CAFile                string `yaml:"caFile"`
	InsecureSkipTLSVerify bool   `yaml:"insecure_skip_tls_verify"`
	PassCredentialsAll    bool   `yaml:"pass_credentials_all"`
}

// addCommand is the `helm repo add` that makes the entry, or makes it anew with another flag.
func (e repositoryEntry) addCommand(flag string) string {
	command := "helm repo add " + cmp.Or(e.Name, "NAME") + " " + shownRepository(e.URL) + " " + flag
	if e.Name != "" {
		command += " --force-update"
	}
	return command
}

// repository finds the repository of a chart in Helm's repositories.yaml: by name after @ or alias:, else by URL
// (resolveRepoNames in Helm's pkg/downloader/manager.go).
func (c *Client) repository(ctx context.Context, repository string) (repositoryEntry, error) {
	file := c.RepositoryConfig
	entries, err := c.configured.Get(ctx, file, func() ([]repositoryEntry, error) { return readRepositories(file) })
	if err != nil {
		return repositoryEntry{}, err
	}
	name, aliased := strings.CutPrefix(repository, "@")
	if !aliased {
		name, aliased = strings.CutPrefix(repository, "alias:")
	}
	found := repositoryEntry{URL: repository}
	for _, entry := range entries {
		if aliased && entry.Name == name || !aliased && canonicalURL(entry.URL) == canonicalURL(repository) {
			found = entry
			break
		}
	}
	if aliased && found.Name == "" {
		return found, &yamldoc.Error{
			Err:  fmt.Errorf("%s has no repository %s", cmp.Or(file, "repositories.yaml"), name),
			Hint: "helm repo add " + name + " URL",
		}
	}
	found.URL = strings.TrimSuffix(found.URL, "/")
	return found, checkRepositoryURL(found.URL)
}

// readRepositories reads Helm's repositories.yaml, which need not exist.
func readRepositories(file string) ([]repositoryEntry, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var content struct {
		Repositories []repositoryEntry `yaml:"repositories"`
	}
	if err := yaml.Unmarshal(data, &content); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return content.Repositories, nil
}

// checkRepositoryURL refuses what cannot be downloaded from, and passwords where no request would send them.
func checkRepositoryURL(repository string) error {
	u, err := url.Parse(repository)
	switch {
	case err != nil:
		return errors.New("the repository's URL cannot be parsed") // err may quote a password
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
		return nil
	case u.Scheme == "oci" && u.User != nil:
		return &yamldoc.Error{
			Err:  errors.New("an oci:// URL holds no credentials"),
			Hint: "take them out of the URL, then: helm registry login " + u.Host,
		}
	case u.Scheme == "oci" && u.Host != "":
		return nil
	}
	return &yamldoc.Error{
		Err: errors.New("a repository to download from is https://…, http://…, oci://… or, " +
			"after helm repo add, @NAME"),
		Hint: "vendor it with: helm dependency build",
	}
}

// canonicalURL is the form in which Helm compares URLs: a slash at the end, say, makes no difference (Equal in
// internal/urlutil/urlutil.go).
func canonicalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Path = path.Clean("/" + u.Path)
	return u.String()
}

// withoutUser returns a URL without user name and password, "" if it cannot be parsed.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// shownRepository is the repository of a chart as messages show it: a URL without credentials, @NAME or alias:NAME.
// It hides other text that may hold a password, such as user:password@host.
func shownRepository(repository string) string {
	if strings.HasPrefix(repository, "@") || strings.HasPrefix(repository, "alias:") {
		return repository
	}
	text := withoutUser(repository)
	if text == "" || strings.Contains(text, "@") && !strings.Contains(text, "://") {
		return "the repository"
	}
	return fetch.Redact(text)
}
