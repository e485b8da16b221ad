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

// repository is the location of a remote base.
type repository struct {
	url        string // the URL for git
	path       string // the directory in the repository; "" is its root
	ref        string // a branch, tag or commit; "" is the default branch
	timeout    time.Duration
	submodules bool // whether git fetches submodules, too
}

// These expressions match the parts of a git URL, from its start to its path.
var (
	schemes  = regexp.MustCompile(`^(?i:ssh://|https://|http://|file://)`)
	username = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)
	github   = regexp.MustCompile(`^(?i:github\.com)[/:]`)
	forced   = regexp.MustCompile(`^(?i:git::)`)
	noPort   = regexp.MustCompile(`:[^/@\]]*[^0-9/@\]][^/@\]]*/?$`) // a port that is not a number
)

// beginsAsURL matches every text that kustomize may take for a git URL, also texts that parseRepository refuses.
var beginsAsURL = regexp.MustCompile(
	`^(?i:git::)?(?i:ssh://|https://|http://|file://|github\.com[/:]|[a-z][a-z0-9-]*@)`)

// parseRepository parses a git URL by kustomize's grammar (api/internal/git/repospec.go). For example,
// https://github.com/acme/base//prod?ref=v1 is the directory prod of https://github.com/acme/base at v1. An error means
// that the text is not a git URL, and then kustomize reads it as a local path.
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
		// Without a mark, kustomize assumes that the path begins with an organization and a repository, as on GitHub.
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

// splitMarked splits the path of a URL into the repository and a directory in it, if the path marks the end of the
// repository: by _git/NAME (Azure), by // or by .git. ok is false for a path without a mark.
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

// splitHost splits a URL into scheme, user name and host, in the form that git needs, and the path.
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

// maxTimeout is the largest timeout that a URL may set: the input must not decide how long a run takes. Kustomize has
// no limit.
const maxTimeout = 5 * time.Minute

// parseQuery parses the query of a git URL: ref or version, timeout and submodules. As in kustomize, a parameter that
// cannot be parsed has its default: 27 seconds, and with submodules. A longer timeout than maxTimeout is maxTimeout.
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
		timeout = time.Duration(min(seconds, int(maxTimeout.Seconds()))) * time.Second
	} else if duration, err := time.ParseDuration(values.Get("timeout")); err == nil && duration > 0 {
		timeout = min(duration, maxTimeout)
	}
	if value, err := strconv.ParseBool(values.Get("submodules")); err == nil {
		submodules = value
	}
	return ref, timeout, submodules
}

// isLocal reports whether git reads the repository from this machine. Without a scheme, a colon before the first slash
// ends a host.
func (r repository) isLocal() bool {
	if scheme := schemes.FindString(r.url); scheme != "" {
		return scheme == "file://"
	}
	host, _, _ := strings.Cut(r.url, "/")
	return !strings.Contains(host, ":")
}

// isWeb reports whether an entry is an http or https URL, which kustomize downloads (api/internal/loader/fileloader.go,
// IsRemoteFile).
func isWeb(entry string) bool {
	u, err := url.Parse(entry)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// namesFile reports whether an http or https URL clearly names a file, by its extension. See graph.web for the reason.
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

// String returns the URL and ref for messages, without a password.
func (r repository) String() string {
	if r.ref == "" {
		return fetch.Redact(r.url)
	}
	return fmt.Sprintf("%s at %s", fetch.Redact(r.url), r.ref)
}
