package argocd

import (
	"net/url"
	"strings"
)

// IsSameRepository reports whether two URLs name one git repository, whatever their protocol and user: whether they have
// the same host and path, in lower case, as Argo CD compares them (util/git/git.go, NormalizeGitURL).
func IsSameRepository(one, other string) bool { return normalizeURL(one) == normalizeURL(other) }

func normalizeURL(repoURL string) string {
	text := strings.TrimSpace(repoURL)
	if !strings.Contains(text, "://") {
		// git@host:path
		if host, path, ok := strings.Cut(text, ":"); ok {
			text = "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
		}
	}
	if parsed, err := url.Parse(text); err == nil {
		text = parsed.Hostname() + parsed.Path
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text), "/"), ".git")
}
