package helm

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"helm.sh/helm/v3/pkg/helmpath"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxIndexSize bounds an index.yaml. The largest public ones have some 20 MiB; parsed, an index takes more
// than ten times its size in memory.
const maxIndexSize = 64 << 20

// repositoryEntry is a repository as Helm's repositories.yaml has it (Entry in pkg/repo/chartrepo.go), or
// only the URL of one that is not in there.
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
	command := "helm repo add " + cmp.Or(e.Name, "NAME") + " " + withoutCredentials(e.URL) + " " + flag
	if e.Name != "" {
		command += " --force-update"
	}
	return command
}

// repository finds what Chart.yaml calls a repository in Helm's repositories.yaml: by name after @ or alias:,
// else by URL (resolveRepoNames in Helm's pkg/downloader/manager.go).
func (c *Charts) repository(ctx context.Context, repository string) (repositoryEntry, error) {
	file := cmp.Or(os.Getenv("HELM_REPOSITORY_CONFIG"), helmpath.ConfigPath("repositories.yaml"))
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
		return found, &yamldoc.Error{Err: fmt.Errorf("%s has no repository %s", file, name), Hint: "helm repo add " + name + " URL"}
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
		Err:  errors.New("a repository to download from is https://…, http://…, oci://… or, after helm repo add, @NAME"),
		Hint: "vendor it with: helm dependency build",
	}
}

// canonicalURL is the form in which Helm compares URLs (Equal in internal/urlutil/urlutil.go).
func canonicalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Path = path.Clean("/" + u.Path)
	return u.String()
}

func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// withoutCredentials is a repository as messages show it. A query is left out too: it may hold a token.
func withoutCredentials(text string) string {
	if strings.HasPrefix(text, "@") || strings.HasPrefix(text, "alias:") {
		return text
	}
	text, _, _ = strings.Cut(withoutUser(text), "?")
	if text == "" || strings.Contains(text, "@") && !strings.Contains(text, "://") {
		return "the repository" // user:password@host, and what else is no URL
	}
	return text
}

// repositoryIndex is what an HTTP repository offers, and the way to reach it.
type repositoryIndex struct {
	entry   repositoryEntry
	base    *url.URL
	client  *http.Client
	entries map[string][]*indexEntry
}

// indexEntry is what of a chart's version in index.yaml is used here (ChartVersion in pkg/repo/index.go).
type indexEntry struct {
	Version string   `yaml:"version"`
	URLs    []string `yaml:"urls"`
	Digest  string   `yaml:"digest"`
}

// index downloads a repository's index.yaml, once.
func (c *Charts) index(ctx context.Context, entry repositoryEntry) (*repositoryIndex, error) {
	return c.indexes.Get(ctx, entry.URL, func() (*repositoryIndex, error) {
		base, err := url.Parse(entry.URL)
		if err != nil {
			return nil, err
		}
		transport, err := entry.transport()
		if err != nil {
			return nil, err
		}
		index := &repositoryIndex{entry: entry, base: base}
		index.client = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: dropCredentials}
		data, err := index.get(ctx, index.absolute(&url.URL{Path: "index.yaml"}), maxIndexSize)
		if err != nil {
			return nil, err
		}
		return index, index.parse(data)
	})
}

// transport is Helm's in pkg/getter/httpgetter.go, on top of the time-outs of Go's default.
func (e repositoryEntry) transport() (*http.Transport, error) {
	config := &tls.Config{InsecureSkipVerify: e.InsecureSkipTLSVerify}
	if e.CertFile != "" && e.KeyFile != "" {
		certificate, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certFile or keyFile of repository %s: %w", e.Name, err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if e.CAFile != "" {
		authorities, err := os.ReadFile(e.CAFile)
		if err != nil {
			return nil, fmt.Errorf("caFile of repository %s: %w", e.Name, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("caFile of repository %s: %s holds no certificate in PEM", e.Name, e.CAFile)
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	// A server that calls a .tgz gzip-encoded would otherwise have it unpacked on the way.
	transport.DisableCompression = true
	return transport, nil
}

// dropCredentials keeps credentials from other hosts. Go's client does so too, but takes another port and a
// subdomain for the same host.
func dropCredentials(request *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	if !sameHost(request.URL, via[0].URL) {
		request.Header.Del("Authorization")
		request.Header.Del("Referer") // has the query
	}
	return nil
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

func (r *repositoryIndex) parse(data []byte) error {
	var content struct {
		APIVersion string                   `yaml:"apiVersion"`
		Entries    map[string][]*indexEntry `yaml:"entries"`
	}
	err := yaml.Unmarshal(data, &content)
	if err == nil && content.APIVersion == "" {
		err = errors.New("it has no apiVersion")
	}
	if err != nil {
		// The parser lists everything that it cannot decode, a line each.
		reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n  "), "\n")
		return &yamldoc.Error{
			Err:  fmt.Errorf("index.yaml is no index of a chart repository: %s", reason),
			Hint: "is it one? A registry's URL starts with oci://",
		}
	}
	r.entries = content.Entries
	return nil
}

// find returns the release that Helm takes for a version or constraint.
func (r *repositoryIndex) find(name, version string) (chartRelease, error) {
	entries, ok := r.entries[name]
	if !ok {
		return chartRelease{}, &yamldoc.Error{
			Err:  errors.New("the repository has no chart of that name"),
			Hint: "look at its index: " + withoutCredentials(r.entry.URL) + "/index.yaml",
		}
	}
	versions := make([]string, len(entries))
	for i, entry := range entries {
		if entry != nil {
			versions[i] = entry.Version
		}
	}
	i, err := choose(versions, version)
	if err != nil {
		return chartRelease{}, &yamldoc.Error{Err: err, Hint: changeVersionHint}
	}
	if len(entries[i].URLs) == 0 {
		return chartRelease{}, fmt.Errorf("the repository's index has no URL for version %s", versions[i])
	}
	u, err := url.Parse(entries[i].URLs[0])
	if err != nil {
		return chartRelease{}, fmt.Errorf("the repository's index has a broken URL for version %s", versions[i])
	}
	digest := strings.ToLower(strings.TrimPrefix(entries[i].Digest, "sha256:"))
	return chartRelease{version: versions[i], url: r.absolute(u).String(), digest: digest}, nil
}

const changeVersionHint = "name a version that exists in Chart.yaml, then: helm dependency update"

// absolute resolves a URL in the index against the repository's, whose query it keeps, as Helm does
// (ResolveReferenceURL in pkg/repo/chartrepo.go).
func (r *repositoryIndex) absolute(ref *url.URL) *url.URL {
	if ref.IsAbs() {
		return ref
	}
	base := *r.base
	base.RawPath = strings.TrimSuffix(base.RawPath, "/") + "/"
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	resolved := base.ResolveReference(ref)
	resolved.RawQuery = base.RawQuery
	return resolved
}

// get reads what a URL names, up to a number of bytes. Credentials go to the repository's own host alone,
// unless its entry says to pass them to all (pkg/getter/httpgetter.go).
func (r *repositoryIndex) get(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "pullcheck")
	if e := r.entry; e.Username != "" && e.Password != "" && (e.PassCredentialsAll || sameHost(u, r.base)) {
		request.SetBasicAuth(e.Username, e.Password)
	}
	what := withoutCredentials(u.String())
	response, err := r.client.Do(request)
	if err != nil {
		return nil, r.requestError(what, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, r.statusError(what, response)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d MiB", what, limit>>20)
	}
	return data, nil
}

func (r *repositoryIndex) requestError(what string, err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // the rest of the message is the URL, with a user's name in it
	}
	failure := &yamldoc.Error{Err: fmt.Errorf("%s: %w", what, err)}
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
		failure.Hint = r.entry.addCommand("--ca-file FILE")
	}
	return failure
}

func (r *repositoryIndex) statusError(what string, response *http.Response) error {
	failure := &yamldoc.Error{Err: fmt.Errorf("%s: %s", what, response.Status)}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		failure.Hint = r.entry.addCommand("--username USER --password-stdin")
	case http.StatusNotFound:
		failure.Hint = "is the repository's URL right? A registry's starts with oci://"
	}
	return failure
}
