package argocd

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// IsSameRepository reports whether two URLs name the same git repository. Everything that is the same for Argo CD
// (util/git/git.go, SameURL) is the same here. In addition, neither the protocol nor the user name, the port and other
// spellings of the host count, because a server has one repository at a path: if another spelling were another
// repository, a pull request could take an Application out of the check with it. For example,
// git@github.com:acme/apps.git and https://www.github.com/Acme/apps/ are the same.
func IsSameRepository(one, other string) bool { return normalizeURL(one) == normalizeURL(other) }

// sameHost matches the parts of a host that make no other repository: www in front, the name under which servers also
// offer SSH (util/webhook/webhook.go, getWebURLRegex), a dot at the end, and the port.
var sameHost = regexp.MustCompile(`^(?:www\.|(?:alt)?ssh\.)|\.?(?::[0-9]*)?$`)

// normalizeURL returns the host and path of a git URL, in lower case and without .git at the end. It takes no URL for
// faulty: what git makes of a URL matters, and git is not strict.
func normalizeURL(repoURL string) string {
	text := strings.ToLower(strings.TrimSpace(repoURL))
	_, address, isURL := strings.Cut(text, "://")
	if !isURL {
		// The short form of an SSH URL: git@host:path.
		address = strings.Replace(text, ":", "/", 1)
	}
	host, name, _ := strings.Cut(address, "/")
	host = sameHost.ReplaceAllString(host[strings.LastIndexByte(host, '@')+1:], "")
	name, _, _ = strings.Cut(name, "#")
	name, _, _ = strings.Cut(name, "?")
	if decoded, err := url.PathUnescape(name); err == nil {
		name = strings.ToLower(decoded)
	}
	return strings.TrimSuffix(strings.TrimSuffix(host+path.Clean("/"+name), "/"), ".git") // .. never leads over the host
}
