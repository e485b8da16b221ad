package helm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/pullcheck/pullcheck/render/internal/cache"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Charts downloads packaged charts and keeps them in a cache directory, which several processes may share.
// It is safe for concurrent use. It asks a repository for its index, and downloads a chart, once.
type Charts struct {
	// Dir is the cache. It is made when it is first needed.
	Dir string
	// Offline restricts Charts to what the cache holds.
	Offline bool

	pulled     cache.Once[string] // the path of a chart in the cache
	configured cache.Once[[]repositoryEntry]
	indexes    cache.Once[*repositoryIndex]
	registries cache.Once[*auth.Client]
}

// patience is how long a server gets for one index, chart or list of tags: what Helm gives it (DefaultHTTPTimeout
// in pkg/getter/getter.go). There are no retries: to run the program again is one.
const patience = 2 * time.Minute

// chartRelease is one version of a chart in a repository.
type chartRelease struct {
	version string
	url     string // https://, http:// or oci:// with a tag
	digest  string // sha256 of the package in hexadecimal; empty where the repository does not tell
}

// packageName limits what stands in Chart.yaml to what can be an element of a path and of a URL. Helm
// accepts more in a name, but "/" in no chart's (chart.Metadata.Validate).
var packageName = regexp.MustCompile(`^\w[\w.-]*$`)

// Pull returns a packaged chart (.tgz) of a repository: https://, http:// or oci://, or @NAME or alias:NAME
// for one in Helm's repositories.yaml, from which credentials come too; those of registries come from Helm's
// and Docker's configuration. The version is an exact one or a constraint, "" for the newest that is no
// pre-release. An exact version that the cache holds is not asked for again; for a constraint the repository
// says which version it is, when offline the cache. An error is a *render.Error without a location; it starts
// with the name, the version and the repository, and holds no credentials.
func (c *Charts) Pull(ctx context.Context, repository, name, version string) ([]byte, error) {
	data, err := c.pull(ctx, repository, name, version)
	if err == nil {
		return data, nil
	}
	what := strings.TrimSpace(name + " " + version)
	failure := &yamldoc.Error{Err: fmt.Errorf("%s of %s: %w", what, withoutCredentials(repository), err)}
	if cause := (*yamldoc.Error)(nil); errors.As(err, &cause) {
		failure.Hint = cause.Hint
	}
	return nil, failure
}

func (c *Charts) pull(ctx context.Context, repository, name, version string) ([]byte, error) {
	if !packageName.MatchString(name) {
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
	return readPackage(path)
}

// locate returns where in the cache the chart is, and downloads it if it is not.
func (c *Charts) locate(ctx context.Context, entry repositoryEntry, name, version string) (string, error) {
	hash := sha256.Sum256([]byte(withoutUser(entry.URL) + "\n" + name))
	dir := filepath.Join(c.Dir, name+"-"+hex.EncodeToString(hash[:8]))
	held, err := packages(dir)
	if err != nil {
		return "", err
	}
	if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err == nil {
		if path := intact(held, version, ""); path != "" {
			return path, nil
		}
	}
	if c.Offline {
		return chooseHeld(held, version)
	}
	release, err := c.resolve(ctx, entry, name, version)
	if err != nil {
		return "", err
	}
	if path := intact(held, release.version, release.digest); path != "" {
		return path, nil
	}
	data, err := c.download(ctx, entry, release)
	if err != nil {
		return "", err
	}
	return keep(dir, held, release.version, data)
}

func (c *Charts) resolve(ctx context.Context, entry repositoryEntry, name, version string) (chartRelease, error) {
	if isRegistry(entry.URL) {
		return c.resolveTag(ctx, entry.URL+"/"+name, version)
	}
	index, err := c.index(ctx, entry)
	if err != nil {
		return chartRelease{}, err
	}
	return index.find(name, version)
}

// download returns a release after a look at what came: a page that asks to log in must not get into the cache.
func (c *Charts) download(ctx context.Context, entry repositoryEntry, release chartRelease) ([]byte, error) {
	data, err := c.fetch(ctx, entry, release)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if digest := hex.EncodeToString(sum[:]); release.digest != "" && digest != release.digest {
		return nil, &yamldoc.Error{
			Err: fmt.Errorf("%s has the digest sha256:%s, but the repository's index says sha256:%s",
				withoutCredentials(release.url), digest, release.digest),
			Hint: "the chart was replaced after it was indexed, or altered on the way: ask who runs the repository",
		}
	}
	if !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		return nil, fmt.Errorf("%s is no packaged chart: it is not compressed with gzip", withoutCredentials(release.url))
	}
	return data, nil
}

func (c *Charts) fetch(ctx context.Context, entry repositoryEntry, release chartRelease) ([]byte, error) {
	if isRegistry(release.url) {
		return c.downloadTag(ctx, release)
	}
	index, err := c.index(ctx, entry)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(release.url)
	if err != nil {
		return nil, err
	}
	return index.get(ctx, u, loader.MaxDecompressedChartSize)
}

// heldPackage is a chart in the cache: DIR/VERSION-SHA256.tgz. One file says it all, so that one rename puts
// it there, for all processes at once, and its name tells whether its content is whole.
type heldPackage struct {
	path, version, digest string
}

var packageFile = regexp.MustCompile(`^(.+)-([0-9a-f]{64})\.tgz$`)

// packages lists a chart's directory in the cache.
func packages(dir string) ([]heldPackage, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, cacheError(err)
	}
	var held []heldPackage
	for _, file := range files {
		if match := packageFile.FindStringSubmatch(file.Name()); match != nil {
			held = append(held, heldPackage{filepath.Join(dir, file.Name()), match[1], match[2]})
		}
	}
	return held, nil
}

// intact returns the path of that very version, "" where the cache has it not, or not in full. The digest
// may be empty.
func intact(held []heldPackage, version, digest string) string {
	for _, p := range held {
		if p.version == version && (digest == "" || p.digest == digest) {
			if _, err := readPackage(p.path); err == nil {
				return p.path
			}
		}
	}
	return ""
}

// chooseHeld returns the best chart that the cache has for a version or constraint.
func chooseHeld(held []heldPackage, version string) (string, error) {
	const hint = "run once without --offline; a dependency can be vendored with: helm dependency build"
	if len(held) == 0 {
		return "", &yamldoc.Error{Err: errors.New("not in the cache"), Hint: hint}
	}
	versions := make([]string, len(held))
	for i, p := range held {
		versions[i] = p.version
	}
	i, err := choose(versions, version)
	if err != nil {
		return "", &yamldoc.Error{Err: fmt.Errorf("not in the cache: %w", err), Hint: hint}
	}
	if _, err := readPackage(held[i].path); err != nil {
		return "", &yamldoc.Error{Err: err, Hint: hint}
	}
	return held[i].path, nil
}

// readPackage reads a file of the cache and holds its content against the digest in its name.
func readPackage(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(data); !strings.HasSuffix(path, hex.EncodeToString(digest[:])+".tgz") {
		return nil, fmt.Errorf("the cache's copy is damaged: %s", path)
	}
	return data, nil
}

// keep writes a chart to the cache and removes what the cache held for the same version: a damaged copy, or
// one that the repository has replaced.
func keep(dir string, held []heldPackage, version string, data []byte) (string, error) {
	digest := sha256.Sum256(data)
	path := filepath.Join(dir, version+"-"+hex.EncodeToString(digest[:])+".tgz")
	if err := cache.WriteFile(path, data); err != nil {
		return "", cacheError(err)
	}
	for _, p := range held {
		if p.version == version && p.path != path {
			// What stays behind is intact and of this version, or found to be damaged when it is read.
			_ = os.Remove(p.path)
		}
	}
	return path, nil
}

func cacheError(err error) error {
	return &yamldoc.Error{
		Err:  fmt.Errorf("the cache cannot be used: %w", err),
		Hint: "set XDG_CACHE_HOME to a directory that can be written",
	}
}

// choose returns the index of the version that Helm takes: the one asked for if it is there to the letter,
// else the newest that satisfies it as a constraint, where "" stands for any that is no pre-release
// (IndexFile.Get in pkg/repo/index.go, GetTagMatchingVersionOrConstraint in pkg/registry/util.go).
func choose(versions []string, asked string) (int, error) {
	constraint, err := parseConstraint(asked)
	if err != nil {
		return 0, err
	}
	sorted := newestFirst(versions)
	for _, r := range sorted {
		if versions[r.index] == asked {
			return r.index, nil
		}
	}
	for _, r := range sorted {
		if constraint.Check(r.version) {
			return r.index, nil
		}
	}
	return 0, noSuchVersion(sorted, asked)
}

func parseConstraint(asked string) (*semver.Constraints, error) {
	constraint, err := semver.NewConstraint(cmp.Or(asked, "*"))
	if err != nil {
		return nil, fmt.Errorf("%q is neither a version (1.2.3) nor a constraint (^1.2, 1.x, >=1.2 <2)", asked)
	}
	return constraint, nil
}

// rankedVersion is a parsed version and its index in the list it came from.
type rankedVersion struct {
	version *semver.Version
	index   int
}

// newestFirst sorts versions and leaves out what is none, as Helm does when it loads an index.
func newestFirst(versions []string) []rankedVersion {
	var sorted []rankedVersion
	for i, v := range versions {
		if version, err := semver.NewVersion(v); err == nil {
			sorted = append(sorted, rankedVersion{version, i})
		}
	}
	slices.SortFunc(sorted, func(a, b rankedVersion) int { return b.version.Compare(a.version) })
	return sorted
}

// noSuchVersion names the few versions nearest to the one asked for, the newest where that is a constraint.
func noSuchVersion(sorted []rankedVersion, asked string) error {
	if len(sorted) == 0 {
		return errors.New("there is no version of it")
	}
	nearest, from := "the newest are", 0
	if version, err := semver.NewVersion(asked); err == nil {
		older := slices.IndexFunc(sorted, func(r rankedVersion) bool { return r.version.LessThan(version) })
		if older < 0 {
			older = len(sorted)
		}
		nearest, from = "the nearest are", max(0, older-2)
	}
	var names []string
	for _, r := range sorted[from:min(from+5, len(sorted))] {
		names = append(names, r.version.Original())
	}
	return fmt.Errorf("there is no such version: %s %s", nearest, strings.Join(names, ", "))
}
