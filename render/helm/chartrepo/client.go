// Package chartrepo downloads packaged charts from chart repositories and registries, and keeps them in a cache.
//
// It chooses versions, and finds credentials, as Helm does. It does so without helm.sh/helm/v3/pkg/repo and registry:
// their functions take no context, read answers of any size, and bring packages that make every start slow
// (pkg/getter, pkg/cli). Tests hold the choice of versions to Helm's.
//
// [Client.Pull] gets a chart in these steps, each in a file of its own:
//
//  1. Find the credentials for the repository (repository.go, credentials.go).
//  2. If the version is exact, look into the cache (cache.go).
//  3. Otherwise choose the version (version.go), from the index of the repository (index.go) or from the tags of the
//     registry (registry.go, reference.go), and look into the cache for the chosen version.
//  4. Download the chart, compare its digest with the index or manifest, and add it to the cache.
//
// Limits, against hostile servers: the size of each answer, the number of redirects and of tags, and two minutes for
// each request. Credentials are sent only to the host that they are for. Errors do not quote answers.
package chartrepo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Client downloads packaged charts. It asks for each index and for each chart at most once in its life: it also
// remembers a failure, so that a hundred sources do not wait a hundred times for a dead server. It is safe for
// concurrent use.
type Client struct {
	// Dir is the directory of the cache. Several processes of one user may share it. It is made when it is first needed,
	// and closed to other users.
	Dir string
	// Offline turns downloads off: a chart that is not in the cache is an error.
	Offline bool
	// Network is the way to repositories and registries. An item for its Permit is the chart, with the repository and the
	// version or constraint as they are asked for.
	Network fetch.Network
	ConfigFiles

	pulled     fetch.Once[string] // the path of a chart in the cache
	configured fetch.Once[[]repositoryEntry]
	indexes    fetch.Once[*repositoryIndex]
	logins     fetch.Once[[]loginFile]
	connected  fetch.Once[http.RoundTripper] // by repository of a registry: a transport with the credentials for it

	once      sync.Once
	transport http.RoundTripper // for all registries
}

// ConfigFiles are the paths of the files with names and credentials. A path may be empty, and its file need not exist.
type ConfigFiles struct {
	// RepositoryConfig is Helm's repositories.yaml, with the names and credentials of repositories.
	RepositoryConfig string
	// RegistryConfig and DockerConfig are Helm's and Docker's config.json, with the credentials for registries. Helm's
	// credentials come first.
	RegistryConfig, DockerConfig string
}

// httpTimeout is the time for one index, chart or list of tags, as in Helm (DefaultHTTPTimeout in
// pkg/getter/getter.go). There are no retries: the user can run the program again.
const httpTimeout = 2 * time.Minute

// release is one version of a chart in a repository.
type release struct {
	version string
	url     string // https://, http:// or oci:// with a tag
	digest  string // sha256 of the package in hexadecimal; empty if the index has none
}

// chartName matches the names of charts. A name becomes an element of a path and of a URL, so it cannot be "..", for
// example. Helm accepts more names, but no "/" (chart.Metadata.Validate).
var chartName = regexp.MustCompile(`^\w[\w.-]*$`)

// Pull returns a packaged chart (.tgz).
//
// The repository is a URL with https://, http:// or oci://, or @NAME or alias:NAME for a repository in Helm's
// repositories.yaml. Credentials for a repository come from that file, and credentials for a registry (oci://) from
// Helm's and Docker's configuration.
//
// The version is an exact version, a constraint such as ^1.2, or "" for the newest version that is no pre-release. For
// an exact version in the cache, Pull asks nobody. For a constraint, it asks the repository which version is the best,
// or, offline, takes the best version in the cache.
//
// The error is a *yamldoc.Error without a location, mostly with a hint. It begins with the name, the version and the
// repository, and holds no credentials.
func (c *Client) Pull(ctx context.Context, repository, name, version string) ([]byte, error) {
	what := strings.TrimSpace(name + " " + version)
	data, err := fetch.Download(ctx, c.Network, "chart "+what+" of "+repository, func() ([]byte, error) {
		return c.pull(ctx, repository, name, version)
	})
	if err == nil {
		return data, nil
	}
	failure := &yamldoc.Error{Err: fmt.Errorf("%s of %s: %w", what, shownRepository(repository), err)}
	if cause := (*yamldoc.Error)(nil); errors.As(err, &cause) {
		failure.Hint = cause.Hint
	}
	return nil, failure
}

// pull is Pull, with errors that do not name the chart.
func (c *Client) pull(ctx context.Context, repository, name, version string) ([]byte, error) {
	if !chartName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a chart, which has letters, digits and . _ - only", name)
	}
	if _, err := parseConstraint(version); err != nil {
		return nil, err
	}
	entry, err := c.repository(ctx, repository)
	if err != nil {
		return nil, err
	}
	key := strings.Join([]string{entry.URL, name, version}, "\n")
	path, err := c.pulled.Get(ctx, key, func() (string, error) { return c.locate(ctx, entry, name, version) })
	if err != nil {
		return nil, err
	}
	return readCached(path)
}

// locate returns the path of a chart in the cache. It downloads the chart if it is not there.
func (c *Client) locate(ctx context.Context, entry repositoryEntry, name, version string) (string, error) {
	hash := sha256.Sum256([]byte(withoutUser(entry.URL) + "\n" + name))
	dir := filepath.Join(c.Dir, name+"-"+hex.EncodeToString(hash[:16]))
	if err := fetch.OpenCache(c.Dir, c.Offline); err != nil {
		return "", cacheError(err)
	}
	cached, err := listCached(dir)
	if err != nil {
		return "", err
	}
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil {
		if path := findIntact(cached, version, ""); path != "" {
			return path, nil
		}
	}
	if c.Offline {
		return chooseCached(cached, version)
	}
	r, err := c.resolve(ctx, entry, name, version)
	if err != nil {
		return "", err
	}
	if path := findIntact(cached, r.version, r.digest); path != "" {
		return path, nil
	}
	data, err := c.download(ctx, entry, r)
	if err != nil {
		return "", err
	}
	return addToCache(dir, cached, r.version, data)
}

// resolve asks the repository which release a version or constraint means.
func (c *Client) resolve(ctx context.Context, entry repositoryEntry, name, version string) (release, error) {
	if isRegistry(entry.URL) {
		return c.resolveTag(ctx, entry.URL+"/"+name, version)
	}
	index, err := c.index(ctx, entry)
	if err != nil {
		return release{}, err
	}
	return index.find(name, version)
}

// download downloads a release and checks it: it has the digest of the index, and it is a gzip archive. Some servers
// answer with a login page and the status 200, which must not get into the cache.
func (c *Client) download(ctx context.Context, entry repositoryEntry, r release) ([]byte, error) {
	data, err := c.downloadAny(ctx, entry, r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if digest := hex.EncodeToString(sum[:]); r.digest != "" && digest != r.digest {
		return nil, &yamldoc.Error{
			Err: fmt.Errorf("%s has the digest sha256:%s, but the repository's index says sha256:%s",
				fetch.Redact(r.url), digest, r.digest),
			Hint: "the chart was replaced after it was indexed, or altered on the way: ask who runs the repository",
		}
	}
	if !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		return nil, fmt.Errorf("%s is no packaged chart: it is not compressed with gzip", fetch.Redact(r.url))
	}
	return data, nil
}

// downloadAny downloads the URL of a release. The index of a repository may also name a URL of a registry (oci://).
func (c *Client) downloadAny(ctx context.Context, entry repositoryEntry, r release) ([]byte, error) {
	if isRegistry(r.url) {
		return c.downloadTag(ctx, r)
	}
	index, err := c.index(ctx, entry)
	if err != nil {
		return nil, err
	}
	return index.download(ctx, r.url)
}
