package argocd

import "testing"

// TestAnotherSpellingIsTheSameRepository: a change of the spelling alone takes no Application out of the check.
func TestAnotherSpellingIsTheSameRepository(t *testing.T) {
	t.Parallel()
	for _, same := range []string{
		"https://git.example.com/acme/apps", "https://git.example.com/acme/apps.git", "https://git.example.com/acme/apps.git/",
		"https://GIT.example.com/Acme/Apps.GIT", " https://git.example.com/acme/apps\n", "http://git.example.com:80/acme/apps",
		"https://www.git.example.com/acme/apps", "https://git.example.com./acme/apps", "https://git.example.com.:443/acme/apps",
		"https://git.example.com//acme/./apps/", "https://git.example.com/acme/%61pps", "https://git.example.com/acme/apps?a=b#c",
		"https://user@git.example.com/acme/apps", "https://user:p%40ss@git.example.com/acme/apps", "https://user:p@ss@git.example.com/acme/apps",
		"git@git.example.com:acme/apps.git", "git@git.example.com:/acme/apps", "git@git.example.com/acme/apps", "git.example.com:acme/apps",
		"ssh://git@git.example.com:22/acme/apps", "ssh://git@ssh.git.example.com:443/acme/apps.git", "ssh://git@altssh.git.example.com/acme/apps",
		"git+ssh://git@git.example.com/acme/apps",
	} {
		if !IsSameRepository(same, "git@git.example.com:acme/apps") || !IsSameRepository("https://git.example.com/acme/apps.git", same) {
			t.Errorf("%q is another repository: %s", same, normalizeURL(same))
		}
	}
	for _, other := range []string{
		"", "https://git.example.com/acme/apps2", "https://git.example.com/other/apps", "https://example.com/acme/apps",
		"https://git.example.com.evil.example/acme/apps", "https://git.example.com@evil.example/acme/apps", "git@evil.example:git.example.com/acme/apps",
		"https://evil.example/https://git.example.com/acme/apps", "https://git.example.com/acme/apps/more", "/acme/apps",
	} {
		if IsSameRepository(other, "https://git.example.com/acme/apps") {
			t.Errorf("%q is the same repository: %s", other, normalizeURL(other))
		}
	}
}
