package main

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
)

// applications adds the sources of the Applications that the sources have, and takes away what these render. The flags
// that say how charts are rendered do not hold for them: an Application says so itself.
func (f *sourceFlags) applications(ctx context.Context, tree *workTree, engines map[render.Kind]render.Engine, sources []render.Source) []render.Source {
	repository := f.repoURL
	if repository == "" {
		repository = originOf(ctx, tree.root)
	}
	options := argocd.Options{
		KubeVersion:          f.helm.KubeVersion,
		APIVersions:          f.helm.APIVersions,
		LoadRestrictionsNone: f.loadRestrictor == restrictNone,
	}
	if repository != "" {
		options.Ours = func(repoURL string) bool { return address(repoURL) == address(repository) }
	}
	return argocd.Discover(ctx, tree.files, engines, sources, options)
}

// originOf is the URL of the remote "origin" of the repository of a directory; empty if there is none.
func originOf(ctx context.Context, dir string) string {
	repository, err := git.Open(ctx, dir, os.Environ())
	if err != nil {
		return ""
	}
	return repository.Origin(ctx)
}

// address is what two URLs of a git repository have in common, whatever the protocol and the user: host and path, in lower
// case, as Argo CD compares them (util/git/git.go, NormalizeGitURL).
func address(repoURL string) string {
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
