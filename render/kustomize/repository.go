package kustomize

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
)

// repository is where a remote base stands.
type repository struct {
	url        string // what git fetches
	path       string // the directory in it, "" for its root
	ref        string // branch, tag or commit, "" for the default branch
	timeout    time.Duration
	submodules bool
}

var (
	schemes  = regexp.MustCompile(`^(?i:ssh://|https://|http://|file://)`)
	username = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)
	github   = regexp.MustCompile(`^(?i:github\.com)[/:]`)
	forced   = regexp.MustCompile(`^(?i:git::)`)
	noPort   = regexp.MustCompile(`:[^/@\]]*[^0-9/@\]][^/@\]]*/?$`)
)

// parseRepository reads a git URL by kustomize's grammar (api/internal/git/repospec.go), which takes
// every entry that is no such URL for a local path.
func parseRepository(text string) (repository, error) {
	r := repository{}
	if path.IsAbs(text) {
		return r, errors.New("it is an absolute path")
	}
	location, query, _ := strings.Cut(text, "?")
	r.ref, r.timeout, r.submodules = parseQuery(query)
	host, rest, err := splitHost(location)
	if err != nil {
		return r, err
	}
	repo, dir, ok := splitMarked(rest)
	if !ok && strings.HasPrefix(host, "file://") {
		repo, ok = rest, true
	}
	if segments := strings.Split(rest, "/"); !ok && len(segments) >= 2 {
		// As on GitHub, a repository is an organization's.
		repo, dir = strings.Join(segments[:2], "/"), strings.Join(segments[2:], "/")
	}
	if repo == "" {
		return r, errors.New("it names no repository")
	}
	if clean := path.Clean(strings.TrimPrefix(dir, "/")); clean == ".." || strings.HasPrefix(clean, "../") {
		return r, errors.New("its path leads out of the repository")
	}
	r.url, r.path = host+repo, strings.TrimPrefix(dir, "/")
	return r, nil
}

// splitMarked splits a path where the repository ends, if that is marked: after the directory below
// _git/ (Azure), at a //, or after .git.
func splitMarked(location string) (repo, dir string, ok bool) {
	if i := strings.Index(location, "_git/"); i >= 0 {
		i += len("_git/")
		name, dir, _ := strings.Cut(location[i:], "/")
		return location[:i] + name, dir, true
	}
	if repo, dir, ok = strings.Cut(location, "//"); ok {
		return repo, dir, true
	}
	if repo, dir, ok = strings.Cut(location, ".git"); ok {
		return repo + ".git", dir, true
	}
	return "", "", false
}

// splitHost splits off what stands before the path: scheme, user name and host, in the form for git.
func splitHost(location string) (host, rest string, err error) {
	location = location[len(forced.FindString(location)):]
	scheme := strings.ToLower(schemes.FindString(location))
	location = location[len(scheme):]
	if scheme == "file://" {
		return scheme, location, nil
	}
	user := username.FindString(location)
	location = location[len(user):]
	onGitHub := github.MatchString(location)
	scp := scheme == "" && (user != "" || onGitHub)
	if scheme == "" && !scp {
		return "", "", errors.New("it has none of the schemes https, http, ssh and file")
	}
	end := strings.Index(location, "/")
	if colon := strings.Index(location, ":"); scp && (end < 0 || colon > 0 && colon < end) {
		end = colon
	}
	if end >= 0 {
		location, rest = location[:end+1], location[end+1:]
	}
	switch {
	case onGitHub && (scheme == "ssh://" || user != ""):
		return user + "github.com:", rest, nil
	case onGitHub:
		return "https://github.com/", rest, nil
	case location == "":
		return "", "", errors.New("it names no host")
	case scheme != "" && noPort.MatchString(location):
		return "", "", errors.New("its port is no number; write a / in a password as %2F")
	}
	return scheme + user + location, rest, nil
}

// parseQuery reads the parameters of a git URL. What kustomize cannot read, it takes for the default.
func parseQuery(query string) (ref string, timeout time.Duration, submodules bool) {
	timeout, submodules = 27*time.Second, true
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", timeout, submodules
	}
	ref = values.Get("ref")
	if ref == "" {
		ref = values.Get("version")
	}
	if seconds, err := strconv.Atoi(values.Get("timeout")); err == nil && seconds > 0 {
		timeout = time.Duration(seconds) * time.Second
	} else if duration, err := time.ParseDuration(values.Get("timeout")); err == nil && duration > 0 {
		timeout = duration
	}
	if wanted, err := strconv.ParseBool(values.Get("submodules")); err == nil {
		submodules = wanted
	}
	return ref, timeout, submodules
}

// isWeb tells whether kustomize takes an entry for one to get over HTTP (api/internal/loader/fileloader.go,
// IsRemoteFile).
func isWeb(entry string) bool {
	u, err := url.Parse(entry)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// namesFile tells whether a web address clearly means a file. Kustomize gets every address that may be a
// repository over HTTP first, to see whether it is a file; what it then does depends on the server.
func namesFile(address string) bool {
	u, err := url.Parse(address)
	if err != nil || strings.Contains(u.Path, "//") || strings.Contains(u.Path, ".git/") {
		return false
	}
	switch path.Ext(u.Path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func (r repository) String() string {
	if r.ref == "" {
		return fetch.Redact(r.url)
	}
	return fmt.Sprintf("%s at %s", fetch.Redact(r.url), r.ref)
}
