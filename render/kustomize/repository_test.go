package kustomize

import (
	"testing"
	"time"
)

// The cases are from api/internal/git/repospec_test.go of kustomize.
func TestParseRepository(t *testing.T) {
	tests := []struct{ text, url, path, ref string }{
		{"https://code.example.com/someorg/somerepo/somedir", "https://code.example.com/someorg/somerepo", "somedir", ""},
		{"https://code.example.com/someorg/somerepo/somedir?ref=testbranch", "https://code.example.com/someorg/somerepo", "somedir", "testbranch"},
		{"https://org.example.com/someorg/somerepo?ref=master", "https://org.example.com/someorg/somerepo", "", "master"},
		{"http://github.com/someorg/somerepo/somedir", "https://github.com/someorg/somerepo", "somedir", ""},
		{"git@github.com:someorg/somerepo/somedir", "git@github.com:someorg/somerepo", "somedir", ""},
		{"http://github.com/someorg/somerepo.git/somedir", "https://github.com/someorg/somerepo.git", "somedir", ""},
		{"git@github.com:someorg/somerepo.git/somedir", "git@github.com:someorg/somerepo.git", "somedir", ""},
		{"git@git.example.com:infra/kubernetes/thanos-base.git?ref=v0.1.0", "git@git.example.com:infra/kubernetes/thanos-base.git", "", "v0.1.0"},
		{"git@git.example.org:company/project.git//path?ref=branch", "git@git.example.org:company/project.git", "path", "branch"},
		{"git@git.example.org/company/project.git//path?ref=branch", "git@git.example.org/company/project.git", "path", "branch"},
		{"ssh://git@git.example.org/company/project.git//path?ref=branch", "ssh://git@git.example.org/company/project.git", "path", "branch"},
		{"https://itfs.example.com/collection/project/_git/somerepos", "https://itfs.example.com/collection/project/_git/somerepos", "", ""},
		{"https://itfs.example.com/collection/project/_git/somerepos?version=v1.0.0", "https://itfs.example.com/collection/project/_git/somerepos", "", "v1.0.0"},
		{"https://itfs.example.com/collection/project/_git/somerepos/somedir?version=v1.0.0", "https://itfs.example.com/collection/project/_git/somerepos", "somedir", "v1.0.0"},
		{"git::https://itfs.example.com/collection/project/_git/somerepos", "https://itfs.example.com/collection/project/_git/somerepos", "", ""},
		{"https://bitbucket.example.com/scm/project/repository.git", "https://bitbucket.example.com/scm/project/repository.git", "", ""},
		{"ssh://code.example.com/someorg/somerepo/somepath", "ssh://code.example.com/someorg/somerepo", "somepath", ""},
		{"git@github.com/someorg/somerepo/somepath", "git@github.com:someorg/somerepo", "somepath", ""},
		{"https://github.com/kubernetes-sigs/kustomize//examples/multibases/dev/?ref=v1.0.6", "https://github.com/kubernetes-sigs/kustomize", "examples/multibases/dev/", "v1.0.6"},
		{"file://a/b/c/someRepo.git/somepath?ref=someBranch", "file://a/b/c/someRepo.git", "somepath", "someBranch"},
		{"file://a/b/c/someRepo//somepath?ref=someBranch", "file://a/b/c/someRepo", "somepath", "someBranch"},
		{"file://a/b/c/someRepo?ref=someBranch", "file://a/b/c/someRepo", "", "someBranch"},
		{"file:///a/b/c/someRepo?ref=someBranch", "file:///a/b/c/someRepo", "", "someBranch"},
		{"ssh://git@github.com/kubernetes-sigs/kustomize//examples/multibases/dev?ref=v1.0.6", "git@github.com:kubernetes-sigs/kustomize", "examples/multibases/dev", "v1.0.6"},
		{"file:///a/b/c/someRepo", "file:///a/b/c/someRepo", "", ""},
		{"file:///", "file:///", "", ""},
		{"https://example.org/path/to/repo//examples/multibases/dev", "https://example.org/path/to/repo", "examples/multibases/dev", ""},
		{"https://example.org/path/to/repo.git/examples/multibases/dev", "https://example.org/path/to/repo.git", "examples/multibases/dev", ""},
		{"ssh://alice@example.com/path/to/repo//examples/multibases/dev", "ssh://alice@example.com/path/to/repo", "examples/multibases/dev", ""},
		{"https://authority/org/repo?ref=group/version", "https://authority/org/repo", "", "group/version"},
		{"https://authority/org/repo/?ref=includes_git/for_some_reason", "https://authority/org/repo", "", "includes_git/for_some_reason"},
		{"https://authority/org/repo/?ref=includes.git/for_some_reason", "https://authority/org/repo", "", "includes.git/for_some_reason"},
		{"https://authority/org/repo/%-invalid-uri-so-not-parsable-by-net/url.Parse", "https://authority/org/repo", "%-invalid-uri-so-not-parsable-by-net/url.Parse", ""},
		{"ssh://myusername@git.example.org/ourteamname/ourrepositoryname.git//path?ref=branch", "ssh://myusername@git.example.org/ourteamname/ourrepositoryname.git", "path", "branch"},
		{"file://git@home/path/to/repository.git//path?ref=branch", "file://git@home/path/to/repository.git", "path", "branch"},
		{"http://git@home.example.com/path/to/repository.git//path?ref=branch", "http://git@home.example.com/path/to/repository.git", "path", "branch"},
		{"https://git@home.example.com/path/to/repository.git//path?ref=branch", "https://git@home.example.com/path/to/repository.git", "path", "branch"},
		{"ssh://git@ssh.github.com:443/YOUR-USERNAME/YOUR-REPOSITORY.git", "ssh://git@ssh.github.com:443/YOUR-USERNAME/YOUR-REPOSITORY.git", "", ""},
		{"git@git.example.net/user:name/YOUR-REPOSITORY.git/path", "git@git.example.net/user:name/YOUR-REPOSITORY.git", "path", ""},
		{"git@git.example.net:gitlab-tests/sample-project.git", "git@git.example.net:gitlab-tests/sample-project.git", "", ""},
		{"git@git.example.net:gitlab-tests/sample-project", "git@git.example.net:gitlab-tests/sample-project", "", ""},
		{"https://username@dev.example.com/org/project/_git/repo//path/to/kustomization/root", "https://username@dev.example.com/org/project/_git/repo", "path/to/kustomization/root", ""},
		{"https://org.example.com/project/_git/repo/path/to/kustomization/root", "https://org.example.com/project/_git/repo", "path/to/kustomization/root", ""},
		{"ssh://org-12345@github.com/kubernetes-sigs/kustomize", "org-12345@github.com:kubernetes-sigs/kustomize", "", ""},
		{"org-12345@github.com/kubernetes-sigs/kustomize", "org-12345@github.com:kubernetes-sigs/kustomize", "", ""},
		{"git@gist.github.com:bc7947cb727d7f9217e7862d961a1ffd.git", "git@gist.github.com:bc7947cb727d7f9217e7862d961a1ffd.git", "", ""},
		{"https://gist.github.com/bc7947cb727d7f9217e7862d961a1ffd.git", "https://gist.github.com/bc7947cb727d7f9217e7862d961a1ffd.git", "", ""},
	}
	for _, test := range tests {
		r, err := parseRepository(test.text)
		if err != nil || r.url != test.url || r.path != test.path || r.ref != test.ref {
			t.Errorf("%s: got %+v, %v, want %+v", test.text, r, err, test)
		}
	}
}

func TestParseRepositoryOfEachHost(t *testing.T) {
	hosts := map[string]string{
		"gitHub.com/":                   "https://github.com/",
		"github.com:":                   "https://github.com/",
		"http://github.com/":            "https://github.com/",
		"https://github.com/":           "https://github.com/",
		"hTTps://github.com/":           "https://github.com/",
		"https://code.example.com/":     "https://code.example.com/",
		"https://org.example.com/":      "https://org.example.com/",
		"ssh://git.example.com:7999/":   "ssh://git.example.com:7999/",
		"git::https://git.example.net/": "https://git.example.net/",
		"git::http://git.example.com/":  "http://git.example.com/",
		"git::https://git.example.com/": "https://git.example.com/",
		"git@github.com:":               "git@github.com:",
		"git@github.com/":               "git@github.com:",
		"git::git@github.com:":          "git@github.com:",
		"org-12345@github.com:":         "org-12345@github.com:",
		"org-12345@github.com/":         "org-12345@github.com:",
	}
	for host, want := range hosts {
		for _, path := range []string{"", "README.md", "foo/krusty.txt"} {
			for _, ref := range []string{"", "group/version", "v0.1.0"} {
				text := host + "someOrg/someRepo"
				if path != "" {
					text += "/" + path
				}
				if ref != "" {
					text += "?ref=" + ref
				}
				r, err := parseRepository(text)
				if err != nil || r.url != want+"someOrg/someRepo" || r.path != path || r.ref != ref {
					t.Errorf("%s: got %+v, %v, want %s, %s, %s", text, r, err, want+"someOrg/someRepo", path, ref)
				}
			}
		}
	}
}

func TestParseRepositorySaysWhyATextIsNoURL(t *testing.T) {
	for text, want := range map[string]string{
		"/tmp":                         "it is an absolute path",
		"../../tmp":                    "it has none of the schemes https, http, ssh and file",
		"src/github.com/org/repo/path": "it has none of the schemes https, http, ssh and file",
		"iauhsdiuashduas":              "it has none of the schemes https, http, ssh and file",
		"htxxxtp://github.com/":        "it has none of the schemes https, http, ssh and file",
		"ssh://git.example.com":        "it names no repository",
		"git::___":                     "it has none of the schemes https, http, ssh and file",
		"https://host?ref=group/version/minor_version":           "it names no repository",
		"https://github.com/org/repo.git//path/../../exits/repo": "its path leads out of the repository",
		"github.com!org/repo.git//path":                          "it has none of the schemes https, http, ssh and file",
		"gh:org/repo":                                            "it has none of the schemes https, http, ssh and file",
		"https://github.com/thisisa404.yaml":                     "it names no repository",
		"file:////tmp//path/to/whatever":                         "it names no repository",
		"git@scp://github.com/org/repo.git//path":                "it names no repository",
		"git@ssh://github.com/org/repo.git//path":                "it names no repository",
		"https://user:s3/c/r/et@example.com/o/r":                 "its port is no number; write a / in a password as %2F",
		"ssh://":                                                 "it names no host",
		"ext::sh -c whoami":                                      "it has none of the schemes https, http, ssh and file",
		"--upload-pack=whoami":                                   "it has none of the schemes https, http, ssh and file",
	} {
		if r, err := parseRepository(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %+v, %v, want error %s", text, r, err, want)
		}
	}
}

func TestParseQueryHasKustomizesDefaults(t *testing.T) {
	const usual = 27 * time.Second
	tests := []struct {
		query, ref string
		timeout    time.Duration
		submodules bool
	}{
		{"", "", usual, true},
		{"ref=kustomize/v4.5.7", "kustomize/v4.5.7", usual, true},
		{"version=master&ref=v1.0.0", "v1.0.0", usual, true},
		{"version=master&submodules=", "master", usual, true},
		{"version=master&submodules=maybe", "master", usual, true},
		{"version=master&submodules=false", "master", usual, false},
		{"version=master&timeout=jiffy", "master", usual, true},
		{"version=master&timeout=0", "master", usual, true},
		{"version=master&timeout=0s", "master", usual, true},
		{"version=master&timeout=61", "master", 61 * time.Second, true},
		{"version=master&submodules=false&timeout=1m1s", "master", 61 * time.Second, false},
		{"timeout=300", "", maxTimeout, true},
		{"timeout=301", "", maxTimeout, true},
		{"timeout=9223372036854775807", "", maxTimeout, true},
		{"timeout=2400h", "", maxTimeout, true},
		{"ref=a;b", "", usual, true},
	}
	for _, test := range tests {
		ref, timeout, submodules := parseQuery(test.query)
		if ref != test.ref || timeout != test.timeout || submodules != test.submodules {
			t.Errorf("%s: got %s, %s, %t", test.query, ref, timeout, submodules)
		}
	}
}

func TestNamesFileGoesByTheExtension(t *testing.T) {
	for address, want := range map[string]bool{
		"https://example.com/org/repo/releases/install.yaml":     true,
		"https://example.com/org/repo/install.yml?token=a":       true,
		"http://example.com/crd.json":                            true,
		"https://example.com/org/repo":                           false,
		"https://example.com/org/repo//deploy/base.yaml?ref=v1":  false,
		"https://example.com/org/repo.git/deploy/base.yaml":      false,
		"https://example.com/org/repo/deploy?ref=release-1.yaml": false,
	} {
		if got := namesFile(address); got != want {
			t.Errorf("%s: got %t", address, got)
		}
	}
}

func TestLocalRepositories(t *testing.T) {
	for url, want := range map[string]bool{
		"file:///srv/repo.git": true, "file://C:/repo": true, "a@/srv/repo": true, "a@srv/repo:x": true,
		"https://example.com/org/repo": false, "ssh://git@example.com/org/repo": false, "git@example.com:org/repo": false,
	} {
		if got := (repository{url: url}).isLocal(); got != want {
			t.Errorf("%s: got %v", url, got)
		}
	}
}
