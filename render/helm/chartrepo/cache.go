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

// cachedChart is a chart in the cache, a file DIR/VERSION-SHA256.tgz. The digest in the name shows whether the content
// is complete and intact. There is no second file with the digest: one file appears for all processes with one rename.
type cachedChart struct {
	path, version, digest string
}

var cachedName = regexp.MustCompile(`^(.+)-([0-9a-f]{64})\.tgz$`)

// listCached returns the charts in a directory of the cache, which holds the versions of one chart of one repository. A
// directory that does not exist is empty.
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

// findIntact returns the path of a version in the cache, or "" if there is no intact copy. An empty digest matches any
// copy.
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

// chooseCached returns the path of the chart in the cache that a version or constraint means, as if the cache were the
// whole repository. It is for runs with --offline, and the hint of its errors says how to run without.
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

// readCached returns the content of a file in the cache. The error says so if the content does not have the digest in
// the name of the file.
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

// addToCache writes a chart into the cache and returns its path. It removes other copies of the same version: a
// damaged copy, or an older chart that the repository has replaced under the same version.
func addToCache(dir string, cached []cachedChart, version string, data []byte) (string, error) {
	digest := sha256.Sum256(data)
	path := filepath.Join(dir, version+"-"+hex.EncodeToString(digest[:])+".tgz")
	if err := fetch.WriteFile(path, data); err != nil {
		return "", cacheError(err)
	}
	for _, c := range cached {
		if c.version == version && c.path != path {
			// It does no harm if a copy cannot be removed: a damaged copy is found to be damaged when it is read.
			_ = os.Remove(c.path)
		}
	}
	return path, nil
}

// cacheError wraps an error of the file system with a hint that says how to move the cache.
func cacheError(err error) error {
	return &yamldoc.Error{
		Err:  fmt.Errorf("the cache cannot be used: %w", err),
		Hint: "set XDG_CACHE_HOME to a directory of your own",
	}
}
