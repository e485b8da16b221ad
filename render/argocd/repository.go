package argocd

import (
	"net/url"
	"strings"
)

// IsSameRepository reports whether two URLs name the same git repository. As Argo CD does (util/git/git.go,
// NormalizeGitURL), it compares host and path, in lower case, and neither the protocol nor the user name. For example,
// git@github.com:acme/apps.git and https://github.com/Acme/apps are the same.
func IsSameRepository(one, other string) bool { return normalizeURL(one) == normalizeURL(other) }

// normalizeURL returns the host and path of a git URL, in lower case and without .git at the end.
func normalizeURL(repoURL string) string {
	text := strings.TrimSpace(repoURL)
	if !strings.Contains(text, "://") {
		// The short form of an SSH URL: git@host:path.
		if host, path, ok := strings.Cut(text, ":"); ok {
			text = "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
		}
	}
	if parsed, err := url.Parse(text); err == nil {
		text = parsed.Hostname() + parsed.Path
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text), "/"), ".git")
}
