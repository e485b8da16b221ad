package chartrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// cachedChart is a chart in the cache: DIR/VERSION-SHA256.tgz. A single file needs a single rename to appear for all
// processes at once, and its name tells whether its content is whole.
type cachedChart struct {
	path, version, digest string
}

var cachedName = regexp.MustCompile(`^(.+)-([0-9a-f]{64})\.tgz$`)

// listCached lists the versions of a chart in its directory of the cache.
func listCached(dir string) ([]cachedChart, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, cacheError(err)
	}
	var cached []cachedChart
	for _, file := range files {
		if match := cachedName.FindStringSubmatch(file.Name()); match != nil {
			cached = append(cached, cachedChart{filepath.Join(dir, file.Name()), match[1], match[2]})
		}
	}
	return cached, nil
}

// findIntact returns the path of a version, "" where the cache has no whole copy of it. An empty digest fits any copy.
func findIntact(cached []cachedChart, version, digest string) string {
	for _, c := range cached {
		if c.version == version && (digest == "" || c.digest == digest) {
			if _, err := readCached(c.path); err == nil {
				return c.path
			}
		}
	}
	return ""
}

// chooseCached returns the path of the best chart that the cache has for a version or constraint.
func chooseCached(cached []cachedChart, version string) (string, error) {
	const hint = "run once without --offline; a dependency can be vendored with: helm dependency build"
	if len(cached) == 0 {
		return "", &yamldoc.Error{Err: errors.New("not in the cache"), Hint: hint}
	}
	versions := make([]string, len(cached))
	for i, c := range cached {
		versions[i] = c.version
	}
	i, err := choose(versions, version)
	if err != nil {
		return "", &yamldoc.Error{Err: fmt.Errorf("not in the cache: %w", err), Hint: hint}
	}
	if _, err := readCached(cached[i].path); err != nil {
		return "", &yamldoc.Error{Err: err, Hint: hint}
	}
	return cached[i].path, nil
}

// readCached reads a file of the cache and compares its content with the digest in its name.
func readCached(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(data); !strings.HasSuffix(path, hex.EncodeToString(digest[:])+".tgz") {
		return nil, fmt.Errorf("the cache's copy is damaged: %s", path)
	}
	return data, nil
}

// addToCache writes a chart, and removes what the cache held for the same version: a damaged copy, or a chart that the
// repository has replaced.
func addToCache(dir string, cached []cachedChart, version string, data []byte) (string, error) {
	digest := sha256.Sum256(data)
	path := filepath.Join(dir, version+"-"+hex.EncodeToString(digest[:])+".tgz")
	if err := fetch.WriteFile(path, data); err != nil {
		return "", cacheError(err)
	}
	for _, c := range cached {
		if c.version == version && c.path != path {
			// A copy that cannot be removed is intact and of this version, or found to be damaged when it is read.
			_ = os.Remove(c.path)
		}
	}
	return path, nil
}

// cacheError says how to have the cache elsewhere.
func cacheError(err error) error {
	return &yamldoc.Error{
		Err:  fmt.Errorf("the cache cannot be used: %w", err),
		Hint: "set XDG_CACHE_HOME to a directory that can be written",
	}
}
