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

// repositoryEntry is an entry of Helm's repositories.yaml (Entry in pkg/repo/chartrepo.go). For a repository that is
// not in the file, only the URL is set.
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

// addCommand returns the command, for a hint, that adds the entry with a flag: helm repo add NAME URL FLAG. If the
// entry exists, the command replaces it.
func (e repositoryEntry) addCommand(flag string) string {
	command := "helm repo add " + cmp.Or(e.Name, "NAME") + " " + shownRepository(e.URL) + " " + flag
	if e.Name != "" {
		command += " --force-update"
	}
	return command
}

// repository returns the entry of a repository in Helm's repositories.yaml. A repository with @ or alias: is found by
// its name, and any other by its URL, as in Helm (resolveRepoNames in pkg/downloader/manager.go). A URL without an
// entry is returned without credentials.
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

// readRepositories reads Helm's repositories.yaml. The file need not exist.
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

// checkRepositoryURL returns an error for a URL that cannot be downloaded from, and for an oci:// URL with a password,
// which no request would send.
func checkRepositoryURL(repository string) error {
	u, err := url.Parse(repository)
	switch {
	case err != nil:
		return errors.New("the repository's URL cannot be parsed") // err is left out, because it may quote a password
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

// canonicalURL returns a URL in the form in which Helm compares URLs (Equal in internal/urlutil/urlutil.go). For
// example, a slash at the end makes no difference.
func canonicalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Path = path.Clean("/" + u.Path)
	return u.String()
}

// withoutUser returns a URL without user name and password; "" if the URL cannot be parsed.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// shownRepository returns the repository of a chart for messages: @NAME, alias:NAME, or a URL without credentials.
// Text that is no URL and may hold a password, such as user:password@host, becomes "the repository".
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
